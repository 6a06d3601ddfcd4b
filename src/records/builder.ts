import { InputError } from '../base/errors.js';
import { crc32c } from '../bytes/crc32c.js';
import { putUtf8 } from '../bytes/utf8.js';
import { putVarint, putVarlong, varintSize } from '../bytes/varint.js';
import { type CompressionName, compress, compressionId } from './compression/index.js';
import type { Bytes, CheckedHeaders } from './input.js';
import {
  APPEND_TIME_BIT,
  ATTRIBUTES_AT,
  BASE_SEQUENCE_AT,
  BASE_TIMESTAMP_AT,
  CONTROL_BIT,
  COUNT_AT,
  CRC_AT,
  HEADER_BYTES,
  LAST_OFFSET_DELTA_AT,
  LEADER_EPOCH_AT,
  LENGTH_AT,
  LENGTH_END,
  MAGIC_AT,
  MAX_TIMESTAMP_AT,
  PRODUCER_EPOCH_AT,
  PRODUCER_ID_AT,
  TRANSACTIONAL_BIT,
} from './layout.js';

/** The most that stands in a record beside its key, value and headers: length, attributes, timestamp, offset, two lengths, header count. */
const MAX_FRAME_BYTES = 5 + 1 + 10 + 5 + 5 + 5 + 5;
/** Kafka counts the bytes of a batch in a signed 32 bit integer. */
const MAX_BATCH_BYTES = 2 ** 31 - 1;
const NO_HEADERS: CheckedHeaders = [];

/** What the header of a sealed batch says beside its records. */
export interface SealOptions {
  /** Default `'none'`. */
  readonly compression?: CompressionName | undefined;
  /** How hard to compress, where the codec has levels. */
  readonly level?: number | undefined;
  /** Default -1, not idempotent; so are the next two. */
  readonly producerId?: number | undefined;
  readonly producerEpoch?: number | undefined;
  readonly baseSequence?: number | undefined;
  readonly isTransactional?: boolean | undefined;
  /** Leaves the checksum out: it comes with the numbers that `stampProducer` writes. */
  readonly unstamped?: boolean | undefined;
  readonly isControl?: boolean | undefined;
  /** Default 0: the broker sets it. */
  readonly baseOffset?: number | undefined;
  /** Default -1: the broker sets it. */
  readonly leaderEpoch?: number | undefined;
  /** The offset of the last record less `baseOffset`, where the last record is not there any more. Default: that of the last record that is. */
  readonly lastOffsetDelta?: number | undefined;
  /** Milliseconds at which a broker appended the batch, which then are the timestamp of all its records. */
  readonly appendTime?: number | undefined;
}

/**
 * Collects records into one batch (message format v2). Each record is encoded once, when it is appended, into memory that is kept from
 * batch to batch; {@link seal} copies it out, exactly as long as it is.
 */
export class BatchBuilder {
  readonly #allocate: (bytes: number) => Buffer;
  #bytes: Buffer;
  #end = HEADER_BYTES;
  #count = 0;
  #lastOffsetDelta = -1;
  #baseTimestamp = -1;
  #maxTimestamp = -1;

  /**
   * @param initialBytes The memory to begin with; it grows as needed.
   * @param allocate Gives the memory for a sealed batch, exactly as long as asked for. Who gives used memory out again saves the page
   * faults of fresh memory, which are half of the cost of sealing.
   */
  constructor(initialBytes = 16 * 1024, allocate: (bytes: number) => Buffer = Buffer.allocUnsafeSlow) {
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(initialBytes, HEADER_BYTES));
    this.#allocate = allocate;
  }

  /** How many records were appended since the last {@link seal}. */
  get count(): number {
    return this.#count;
  }

  /** The size of the batch in bytes as it stands, before compression. */
  get byteLength(): number {
    return this.#end;
  }

  /** The size of the batch in bytes, before compression, if this record came next; up to 10 bytes too many. */
  sizeAfter(key: Bytes, value: Bytes, headers: CheckedHeaders = NO_HEADERS): number {
    const keyBytes = byteLength(key);
    const valueBytes = byteLength(value);
    let size = this.#end + 16 + varintSize(this.#count) + varintSize(keyBytes) + keyBytes + varintSize(valueBytes) + valueBytes;
    for (const [name, each] of headers) size += 10 + byteLength(name) + byteLength(each);
    return size;
  }

  /**
   * Appends a record.
   * @param timestamp Milliseconds since 1970; -1 for none.
   * @param offsetDelta Its place in the batch; only what is not a producer leaves gaps. Default: behind the record before.
   * @returns Its number in the batch, from 0.
   * @throws InputError `TIDE_TOO_LARGE` when the batch would pass 2 GiB. Nothing was appended.
   */
  append(key: Bytes, value: Bytes, timestamp: number, headers?: CheckedHeaders, offsetDelta = this.#lastOffsetDelta + 1): number {
    const start = this.#end;
    let roughBytes = roughLength(key) + roughLength(value);
    if (headers !== undefined) for (const [name, each] of headers) roughBytes += name.length + roughLength(each) + 4;
    if (start + MAX_FRAME_BYTES + roughBytes * 3 > this.#bytes.length) this.#reserve(key, value, headers ?? NO_HEADERS);
    const bytes = this.#bytes;
    const baseTimestamp = this.#count === 0 ? timestamp : this.#baseTimestamp;

    // The length of a record stands before it. Room is left for a length of the likely size, and the record moved if it was another.
    const body = start + varintSize(roughBytes + 8);
    let at = body;
    bytes[at++] = 0; // attributes: none are defined
    at = putVarlong(bytes, at, timestamp - baseTimestamp);
    at = putVarint(bytes, at, offsetDelta);
    at = putBytes(bytes, at, key);
    at = putBytes(bytes, at, value);
    if (headers === undefined) bytes[at++] = 0;
    else at = putHeaders(bytes, at, headers);
    const length = at - body;
    const likely = start + varintSize(length) === body;
    if (!likely) bytes.copyWithin(start + varintSize(length), body, at);
    this.#end = putVarint(bytes, start, length) + length;

    this.#baseTimestamp = baseTimestamp;
    if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp;
    this.#lastOffsetDelta = offsetDelta;
    return this.#count++;
  }

  /**
   * The batch, in memory of its own; the builder is empty again.
   * @throws UnsupportedError where this codec is not available. The builder is as it was.
   */
  seal(options: SealOptions = {}): Buffer {
    const { compression = 'none', appendTime } = options;
    const plain = this.#bytes.subarray(HEADER_BYTES, this.#end);
    const records = compression === 'none' ? plain : compress(compression, plain, options.level);
    const batch = this.#allocate(HEADER_BYTES + records.length);
    batch.set(records, HEADER_BYTES);
    let attributes = compressionId(compression);
    if (appendTime !== undefined) attributes |= APPEND_TIME_BIT;
    if (options.isTransactional === true) attributes |= TRANSACTIONAL_BIT;
    if (options.isControl === true) attributes |= CONTROL_BIT;
    putInt64(batch, 0, options.baseOffset ?? 0);
    batch.writeInt32BE(batch.length - LENGTH_END, LENGTH_AT);
    batch.writeInt32BE(options.leaderEpoch ?? -1, LEADER_EPOCH_AT);
    batch.writeInt8(2, MAGIC_AT);
    batch.writeInt16BE(attributes, ATTRIBUTES_AT);
    batch.writeInt32BE(options.lastOffsetDelta ?? Math.max(this.#lastOffsetDelta, 0), LAST_OFFSET_DELTA_AT);
    putInt64(batch, BASE_TIMESTAMP_AT, this.#baseTimestamp);
    putInt64(batch, MAX_TIMESTAMP_AT, appendTime ?? this.#maxTimestamp);
    putInt64(batch, PRODUCER_ID_AT, options.producerId ?? -1);
    batch.writeInt16BE(options.producerEpoch ?? -1, PRODUCER_EPOCH_AT);
    batch.writeInt32BE(options.baseSequence ?? -1, BASE_SEQUENCE_AT);
    batch.writeInt32BE(this.#count, COUNT_AT);
    if (options.unstamped !== true) putChecksum(batch);
    this.#empty();
    return batch;
  }

  #empty(): void {
    this.#end = HEADER_BYTES;
    this.#count = 0;
    this.#lastOffsetDelta = -1;
    this.#baseTimestamp = -1;
    this.#maxTimestamp = -1;
  }

  /** Makes room for a record. */
  #reserve(key: Bytes, value: Bytes, headers: CheckedHeaders): void {
    let needed = this.#end + MAX_FRAME_BYTES + mostLength(key) + mostLength(value);
    for (const [name, each] of headers) needed += mostLength(name) + mostLength(each) + 10;
    if (needed <= this.#bytes.length) return;
    if (needed > MAX_BATCH_BYTES) {
      throw new InputError(`a batch of ${needed} bytes is more than ${MAX_BATCH_BYTES}`, { code: 'TIDE_TOO_LARGE' });
    }
    const grown = Buffer.allocUnsafeSlow(Math.min(Math.max(needed, this.#bytes.length * 2), MAX_BATCH_BYTES));
    grown.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = grown;
  }
}

/** The size in bytes of a record without headers that is number `place` of its batch, and has the timestamp of the first. */
export function recordBytes(place: number, key: Bytes, value: Bytes): number {
  const keyBytes = byteLength(key);
  const valueBytes = byteLength(value);
  const length = 3 + varintSize(place) + varintSize(keyBytes) + keyBytes + varintSize(valueBytes) + valueBytes;
  return varintSize(length) + length;
}

/** Writes the checksum of a whole batch into its header. */
export function putChecksum(batch: Buffer): void {
  batch.writeUInt32BE(crc32c(batch, ATTRIBUTES_AT), CRC_AT);
}

/** Writes a safe integer as a signed 64 bit one. */
export function putInt64(bytes: Buffer, at: number, value: number): void {
  bytes.writeInt32BE(Math.floor(value / 2 ** 32), at);
  bytes.writeUInt32BE(value >>> 0, at + 4);
}

/** Writes a length and the bytes, -1 for null; gives the position behind. */
function putBytes(target: Buffer, at: number, value: Bytes): number {
  if (value === null) {
    target[at] = 1;
    return at + 1;
  }
  if (typeof value === 'string') return putString(target, at, value);
  at = putVarint(target, at, value.length);
  target.set(value, at);
  return at + value.length;
}

/** As {@link putBytes}: room is left for a length of the likely size, and the text moved if it was another. */
function putString(target: Buffer, at: number, text: string): number {
  const textAt = at + varintSize(text.length);
  const length = putUtf8(target, textAt, text);
  const likely = at + varintSize(length) === textAt;
  if (!likely) target.copyWithin(at + varintSize(length), textAt, textAt + length);
  return putVarint(target, at, length) + length;
}

function putHeaders(target: Buffer, at: number, headers: CheckedHeaders): number {
  at = putVarint(target, at, headers.length);
  for (const [name, value] of headers) {
    at = putBytes(target, at, name);
    at = putBytes(target, at, value);
  }
  return at;
}

const byteLength = (value: Bytes): number => (value === null ? 0 : typeof value === 'string' ? Buffer.byteLength(value) : value.length);
/** Right for bytes and for ASCII; too small for other text, which takes 3 bytes a UTF-16 unit at most. */
const roughLength = (value: Bytes): number => (value === null ? 0 : value.length);
const mostLength = (value: Bytes): number => (typeof value === 'string' ? value.length * 3 : roughLength(value));
