import { type InspectOptions, inspect } from 'node:util';
import type { CorruptRecordError, DeserializationError } from '../base/errors.js';
import { endOfHeaders, type HeaderList, NO_HEADERS, readHeaders } from './headers.js';
import type { TimestampType } from './layout.js';
import { readable } from './readable.js';

/** What the messages of one batch share. */
export interface Shared {
  /** The memory in which their headers lie. */
  readonly bytes: Buffer;
  readonly magic: number;
  readonly attributes: number;
}

/** Who handed a message out, as its batch was told by `origin`; a detached copy has the same. Undefined where nobody said. */
export let originOf: (message: AnyMessage) => object | undefined;

/** A message, whatever its key and value were made into. */
export type AnyMessage = Message<unknown, unknown>;

/**
 * One message of a partition. Key, value and header values are views of the batch they came in: nothing was copied, and a message that is
 * kept keeps its whole batch in memory. {@link detach} gives a copy that does not. With deserialisers, key and value are what those have made.
 */
export class Message<K = Buffer, V = Buffer> {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970; -1 when the message has none. Rounded where a double cannot hold Kafka's 64 bits. */
  readonly timestamp: number;
  /** Who set the timestamp: the producer (`'create'`), the broker (`'append'`), or nobody (`'none'`, message format v0). */
  readonly timestampType: TimestampType;
  /** The epoch of the partition's leader that appended the message; -1 when unknown. */
  readonly leaderEpoch: number;
  /** Null when the message has none; an empty key is a key. */
  readonly key: K | null;
  /** Null is a tombstone: compaction will forget the key. */
  readonly value: V | null;
  readonly #shared: Shared;
  readonly #headersAt: number;
  readonly #origin: object | undefined;
  #headers: HeaderList | undefined;

  static {
    originOf = message => message.#origin;
  }

  /** Made by a batch: the headers begin at `headersAt` of its memory, -1 for none. */
  constructor(
    topic: string,
    partition: number,
    offset: number,
    timestamp: number,
    timestampType: TimestampType,
    leaderEpoch: number,
    key: K | null,
    value: V | null,
    shared: Shared,
    headersAt: number,
    origin?: object | undefined,
  ) {
    this.topic = topic;
    this.partition = partition;
    this.offset = offset;
    this.timestamp = timestamp;
    this.timestampType = timestampType;
    this.leaderEpoch = leaderEpoch;
    this.key = key;
    this.value = value;
    this.#shared = shared;
    this.#headersAt = headersAt;
    this.#origin = origin;
  }

  /** Where reading goes on behind it: the next number, which compaction may have left without a message. Of damaged records, the end. */
  get nextOffset(): number {
    return this.offset + 1;
  }

  /** The message format it was stored in: 2, or 0 and 1 of old brokers; -1 where that is damaged. */
  get magic(): number {
    return this.#shared.magic;
  }

  /**
   * The attribute bits of the batch it came in: 0 to 2 have the number of the codec, 3 says that the broker set the timestamp, 4 that it is part of
   * a transaction. They need no attention: a message comes decompressed, and {@link timestampType} says the rest. -1 where they are damaged.
   */
  get attributes(): number {
    return this.#shared.attributes;
  }

  /** The bytes that {@link key} was made of; the key itself where there is no deserialiser. */
  get keyBytes(): Buffer | null {
    const key: unknown = this.key;
    return key as Buffer | null;
  }

  /** The bytes that {@link value} was made of; the value itself where there is no deserialiser. */
  get valueBytes(): Buffer | null {
    const value: unknown = this.value;
    return value as Buffer | null;
  }

  /**
   * False for what stands in the place of records that are damaged, and for a message that could not be deserialised, where a consumer was told to
   * hand these out: see {@link error}. What could not be made is null then, as in a tombstone: look here first.
   */
  get valid(): boolean {
    return true;
  }

  /** What is wrong with the message, or with the records this stands for; undefined for every valid message. */
  get error(): CorruptRecordError | DeserializationError | undefined {
    return undefined;
  }

  /** The headers in the order they were written, duplicates included. Read from the batch on first use. */
  get headers(): HeaderList {
    return (this.#headers ??= this.#headersAt < 0 ? NO_HEADERS : readHeaders(this.#shared.bytes, this.#headersAt));
  }

  /** The value of the last header with that name: null when it has none, undefined when there is no such header. */
  header(name: string): Buffer | null | undefined {
    return this.headers.findLast(([each]) => each === name)?.[1];
  }

  /** What `console.log` shows: text where the bytes are text, and the headers. */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    const headers = this.headers.map(([name, value]) => [name, readable(value)]);
    return `Message ${inspect({ ...this, key: readable(this.key), value: readable(this.value), headers }, options)}`;
  }

  /** The same message in memory of its own: keeping it keeps nothing else alive. */
  detach(): Message<K, V> {
    const { keyBytes: key, valueBytes: value } = this;
    const { bytes } = this.#shared;
    const headers = this.#headersAt < 0 ? undefined : bytes.subarray(this.#headersAt, endOfHeaders(bytes, this.#headersAt));
    const valueAt = key?.length ?? 0;
    const headersAt = valueAt + (value?.length ?? 0);
    const own = Buffer.allocUnsafeSlow(headersAt + (headers?.length ?? 0));
    if (key !== null) own.set(key, 0);
    if (value !== null) own.set(value, valueAt);
    if (headers !== undefined) own.set(headers, headersAt);
    const copy: AnyMessage = new Message(
      this.topic,
      this.partition,
      this.offset,
      this.timestamp,
      this.timestampType,
      this.leaderEpoch,
      key === null ? null : own.subarray(0, valueAt),
      value === null ? null : own.subarray(valueAt, headersAt),
      { ...this.#shared, bytes: own },
      headers === undefined ? -1 : headersAt,
      this.#origin,
    );
    return copy as Message<K, V>;
  }
}
