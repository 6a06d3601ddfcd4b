import type { KafkaError } from '../base/errors.js';
import { type Deferred, deferred } from '../base/wait.js';
import type { Delivery, Run } from './delivery.js';
import type { Series } from './series.js';

/** Records of one partition that go, and are settled, together; and who waits for each of them. */
export class Batch {
  readonly topic: string;
  readonly partition: number;
  /** When its first record was given. */
  readonly openedAt: number;
  /** On the same clock: from then on nobody waits for it any more. */
  readonly expiresAt: number;
  /** The same bytes for every attempt; undefined until it is sealed. */
  bytes: Buffer | undefined;
  /** How large it is before compression; known when it is sealed. */
  plainBytes = 0;
  /** What it takes of the producer's memory until it is settled. */
  heldBytes = 0;
  /** In whose name it was numbered; undefined until it was. */
  series: Series | undefined;
  /** The number of its first record. */
  sequence = -1;
  /** Its place among the batches of the partition, by the first time each was sent. */
  order = -1;
  /** How often it was sent. */
  attempts = 0;
  /** An attempt ended without anybody knowing whether the records are stored. */
  unsure = false;
  /** Why the last attempt failed. */
  failure: KafkaError | undefined;
  #runs: Run[] = [];
  #last: Run | undefined;
  #count = 0;
  #settled = false;
  #waiting: Deferred<void> | undefined;

  constructor(topic: string, partition: number, openedAt: number, expiresAt: number) {
    this.topic = topic;
    this.partition = partition;
    this.openedAt = openedAt;
    this.expiresAt = expiresAt;
  }

  get count(): number {
    return this.#count;
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** Resolves when every record of it is settled, whichever way. */
  whenSettled(): Promise<void> {
    if (this.#settled) return Promise.resolve();
    this.#waiting ??= deferred();
    return this.#waiting.promise;
  }

  /** The next record of the batch is number `index` of `delivery`. */
  add(delivery: Delivery, index: number, timestamp: number): void {
    this.#count += 1;
    const last = this.#last;
    if (last !== undefined && last.delivery === delivery && last.index + last.count === index && last.timestamp === timestamp) {
      last.lengthen();
      return;
    }
    this.#last = delivery.runFrom(index, timestamp);
    this.#runs.push(this.#last);
  }

  /** The records at these places, ascending, as a batch of their own, which expires when this one does. The caller gives its bytes. */
  part(places: readonly number[]): Batch {
    const part = new Batch(this.topic, this.partition, this.openedAt, this.expiresAt);
    part.order = this.order;
    part.unsure = this.unsure;
    part.failure = this.failure;
    const wanted = new Set(places);
    let place = 0;
    for (const { delivery, index, timestamp, count } of this.#runs) {
      for (let i = 0; i < count; i++) if (wanted.has(place++)) part.add(delivery, index + i, timestamp);
    }
    return part;
  }

  /**
   * Every record is stored.
   * @param baseOffset Of the first record; -1 when unknown, and then of all.
   * @param appendTime Milliseconds at which the broker stored them; -1 when the records keep their own time.
   */
  acknowledge(baseOffset: number, appendTime: number): void {
    const { topic, partition } = this;
    const step = baseOffset < 0 ? 0 : 1;
    let offset = baseOffset;
    for (const run of this.#runs) {
      const { delivery, index, count } = run;
      const timestamp = appendTime < 0 ? run.timestamp : appendTime;
      for (let i = 0; i < count; i++, offset += step) delivery.fulfil(index + i, { topic, partition, offset, timestamp });
    }
    this.#settle();
  }

  /** No record is stored, as far as anybody knows. */
  reject(error: KafkaError): void {
    for (const { delivery, index, count } of this.#runs) {
      for (let i = 0; i < count; i++) delivery.fail(index + i, error);
    }
    this.#settle();
  }

  /** Others stand for its records from now on: it is settled when they are. */
  replace(parts: readonly Batch[]): void {
    this.#settled = true;
    const waiting = this.#waiting;
    if (waiting !== undefined) void Promise.all(parts.map(part => part.whenSettled())).then(() => waiting.resolve());
  }

  /** What is settled points nowhere: else one old object would keep young ones from being collected, and those the next. */
  #settle(): void {
    this.#runs = [];
    this.#last = undefined;
    this.#settled = true;
    this.#waiting?.resolve();
  }
}
