import type { DeserializationError } from '../base/errors.js';
import type { AnyMessage, RecordBatch } from '../records/index.js';
import { begin, type Deserializers, type Making, messageOf } from './deserializers.js';
import type { Records } from './message-batch.js';

/** So many messages ahead of the reader deserialisers that take their time are given at once. */
const mostAhead = 64;

/** How a partition's messages are made. */
export interface Deserializing extends Deserializers {
  /** The next message, or the rest of a batch, that was waited for is there. */
  readonly ready: () => void;
  /** One was passed over, or is handed out with its bytes only. */
  readonly failed: (error: DeserializationError) => void;
  /** So many messages ahead of the reader are begun at once, where that takes its time. */
  readonly mostAhead?: number;
  /** Gives others a turn while much is passed over. */
  readonly turn: () => Promise<void>;
}

/** What is left of a batch, and what of it could not be made. */
export interface Rest {
  readonly records: Records;
  readonly failures: readonly Making[];
}

/**
 * A batch whose messages are handed out as deserialisers make them, in order. Nothing is awaited here: what is not there yet is not given, and
 * `ready` tells when it is. A reader that goes away leaves nothing behind.
 */
export class DeserializedBatch {
  readonly #records: RecordBatch;
  readonly #how: Deserializing;
  /** Begun, in order. */
  #ahead: Making[] = [];
  #awaitedCount = 0;
  /** Somebody waits for what is being made. */
  #isWanted = false;
  /** How often what was begun was dropped. */
  #epoch = 0;
  /** Whether one took its time: then others are begun before they are wanted. */
  #isSlow = false;

  constructor(records: RecordBatch, how: Deserializing) {
    this.#records = records;
    this.#how = how;
  }

  /** How many messages have not been handed out, or passed over. */
  get remaining(): number {
    return this.#ahead.length + this.#records.remaining;
  }

  get nextOffset(): number {
    return this.#records.nextOffset;
  }

  /** The next message, if it is made; undefined when it is not, or cannot be: see {@link takeFailed}. */
  next(): AnyMessage | undefined {
    const head = this.#head();
    if (head === undefined || head.awaited > 0 || head.error !== undefined) return undefined;
    this.#ahead.shift();
    return messageOf(head);
  }

  /** The next message, where it cannot be made; undefined where it is being made. @throws DeserializationError with the policy `'throw'`: the next read tries again. */
  takeFailed(): Making | undefined {
    const head = this.#head();
    this.#isWanted = head !== undefined && head.awaited > 0;
    if (head?.error === undefined || this.#isWanted) return undefined;
    this.#assertHandled(head);
    this.#ahead.shift();
    return head;
  }

  /** All that is left, when it is made; with the policy `'throw'` up to what cannot be. @throws DeserializationError as {@link takeFailed}. */
  takeRest(): Rest | undefined {
    this.#begin(Number.POSITIVE_INFINITY);
    this.#isWanted = this.#awaitedCount > 0;
    if (this.#isWanted) return undefined;
    const [head] = this.#ahead;
    if (head !== undefined) this.#assertHandled(head);
    const { onDeserializationError } = this.#how;
    const end = onDeserializationError === 'throw' ? this.#ahead.findIndex(({ error }) => error !== undefined) : -1;
    const rest = this.#ahead.splice(0, end < 0 ? this.#ahead.length : end);
    const failures = rest.filter(({ error }) => error !== undefined);
    const given = onDeserializationError === 'skip' ? rest.filter(({ error }) => error === undefined) : rest;
    const { topic, partition } = this.#records;
    const messages = given.map(messageOf);
    const nextOffset = this.#ahead[0]?.source.offset ?? this.#records.nextOffset;
    const { length: count } = messages;
    const offsetAt = (i: number) => messages[i]?.offset ?? nextOffset;
    return { records: { topic, partition, count, remaining: count, nextOffset, offsetAt, at: i => messages[i] }, failures };
  }

  get #mostAhead(): number {
    return this.#how.mostAhead ?? mostAhead;
  }

  #head(): Making | undefined {
    this.#begin(this.#isSlow ? this.#mostAhead : 1);
    return this.#ahead[0];
  }

  #begin(count: number): void {
    while (this.#ahead.length < count) {
      const message = this.#records.next();
      if (message === undefined) return;
      const epoch = this.#epoch;
      const making = begin(message, this.#how, it => this.#made(it, epoch));
      this.#ahead.push(making);
      if (making.awaited === 0) continue;
      this.#awaitedCount += 1;
      if (this.#isSlow) continue;
      this.#isSlow = true;
      count = Math.max(count, this.#mostAhead);
    }
  }

  #made(it: Making, epoch: number): void {
    if (epoch !== this.#epoch) return;
    this.#awaitedCount -= 1;
    if (!this.#isWanted || (this.#awaitedCount > 0 && it !== this.#ahead[0])) return;
    this.#isWanted = false;
    this.#how.ready();
  }

  /** @throws DeserializationError where the reader is to be told. What was begun is begun anew then. */
  #assertHandled({ source, error }: Making): void {
    if (error === undefined || this.#how.onDeserializationError !== 'throw') return;
    this.#records.seek(source.offset);
    this.#ahead = [];
    this.#awaitedCount = 0;
    this.#epoch += 1;
    throw error;
  }
}
