import type { AnyMessage, Message } from '../records/index.js';
import type { Markable } from './marking.js';

/** Who is told that messages are done. */
export interface Marker {
  mark(given: Markable, upTo: boolean): void;
}

/** The messages of a batch; of the last `remaining` a reader has not had any. */
export interface Records {
  readonly topic: string;
  readonly partition: number;
  readonly count: number;
  readonly remaining: number;
  readonly nextOffset: number;
  at(i: number): AnyMessage | undefined;
  offsetAt(i: number): number;
}

/** A batch, whatever keys and values were made into. */
export type AnyBatch = MessageBatch<unknown, unknown>;

/** Consecutive messages of one partition, as they were stored together: the fast way to read. Messages are made as they are asked for. */
export class MessageBatch<K = Buffer, V = Buffer> implements Iterable<Message<K, V>> {
  readonly topic: string;
  readonly partition: number;
  /** How many messages there are; at least one. */
  readonly count: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  /** The offset behind this batch. */
  readonly nextOffset: number;
  /** The end of the log when the batch was fetched: `highWatermark - nextOffset` is the lag. */
  readonly highWatermark: number;
  readonly #records: Records;
  readonly #start: number;
  readonly #marker: Marker;

  /** What `records` has from its cursor on, or the first `count` of that. */
  constructor(records: Records, highWatermark: number, marker: Marker, count = records.remaining) {
    this.#records = records;
    this.#marker = marker;
    this.count = count;
    this.#start = records.count - records.remaining;
    this.topic = records.topic;
    this.partition = records.partition;
    this.firstOffset = records.offsetAt(this.#start);
    this.lastOffset = records.offsetAt(this.#start + count - 1);
    this.nextOffset = count === records.remaining ? records.nextOffset : this.lastOffset + 1;
    this.highWatermark = highWatermark;
  }

  /** Message number `i`, from 0; undefined outside. */
  at(i: number): Message<K, V> | undefined {
    return i < 0 || i >= this.count ? undefined : (this.#records.at(this.#start + i) as Message<K, V> | undefined);
  }

  /** All messages, each time anew. */
  [Symbol.iterator](): Iterator<Message<K, V>> {
    let i = this.#start;
    const end = i + this.count;
    return {
      next: (): IteratorResult<Message<K, V>> => {
        const value = i < end ? (this.#records.at(i++) as Message<K, V> | undefined) : undefined;
        return value === undefined ? { done: true, value: undefined } : { done: false, value };
      },
    };
  }

  /** The offset of every message. */
  offsets(): readonly number[] {
    return Array.from({ length: this.count }, (_, i) => this.#records.offsetAt(this.#start + i));
  }

  /** These messages are done, or all of the batch; throws as the consumer's own `mark`. */
  mark(messages: Message<unknown, unknown> | Iterable<Message<unknown, unknown>> = this): void {
    this.#marker.mark(messages, false);
  }

  /** This message is done, and everything handed out before it in its partition; throws as the consumer's own `markUpTo`. */
  markUpTo(message: Message<unknown, unknown>): void {
    this.#marker.mark(message, true);
  }
}
