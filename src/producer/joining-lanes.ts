import type { Clock } from '../base/clock.js';
import type { KafkaError } from '../base/errors.js';
import type { Lane } from './lane.js';
import type { OpenTransaction } from './open-transaction.js';

export interface JoiningLanesHost {
  /** Has these partitions, by topic, take part in the transaction. */
  add(own: OpenTransaction, partitions: ReadonlyMap<string, readonly number[]>): Promise<void>;
  /** They could not: the transaction has failed. Gives why. */
  failed(own: OpenTransaction, thrown: unknown): KafkaError;
  proceed(lane: Lane): void;
  /** Rejects what waits in a lane. */
  refuse(lane: Lane, error: KafkaError): void;
}

/** Lanes that wait until their partitions take part in a transaction, which a coordinator before KIP-890 has to be told first. */
export class JoiningLanes {
  readonly #clock: Clock;
  readonly #host: JoiningLanesHost;
  #waiting = new Set<Lane>();
  #adding: Promise<void> | undefined;

  constructor(clock: Clock, host: JoiningLanesHost) {
    this.#clock = clock;
    this.#host = host;
  }

  /** Settles when nothing is asked for; undefined: nothing is. */
  get adding(): Promise<void> | undefined {
    return this.#adding;
  }

  /** The lane goes on, or what waits in it is refused, as soon as it is known whether it takes part. */
  add(lane: Lane, own: OpenTransaction): void {
    this.#waiting.add(lane);
    this.#adding ??= this.#add(own).finally(() => {
      this.#adding = undefined;
    });
  }

  /** Adds partitions as long as lanes come to wait; all that wait at once in one request. */
  async #add(own: OpenTransaction): Promise<void> {
    await new Promise<void>(resolve => this.#clock.soon(resolve)); // lanes of one turn share a request
    while (this.#waiting.size > 0) {
      const lanes = this.#waiting;
      this.#waiting = new Set();
      const topics = new Map<string, number[]>();
      for (const { topic, partition } of lanes) {
        const numbers = topics.get(topic);
        if (numbers === undefined) topics.set(topic, [partition]);
        else numbers.push(partition);
      }
      own.started = true;
      try {
        await this.#host.add(own, topics);
        for (const { topic, partition } of lanes) own.partitions.add(`${topic}/${partition}`);
      } catch (thrown) {
        const error = this.#host.failed(own, thrown);
        for (const lane of [...lanes, ...this.#waiting]) this.#host.refuse(lane, error);
        this.#waiting.clear();
        return;
      }
      for (const lane of lanes) this.#host.proceed(lane);
    }
  }
}
