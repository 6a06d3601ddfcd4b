import { InputError, UnsupportedError } from '../base/errors.js';
import { show } from '../base/options.js';
import { BatchBuilder, type SealOptions } from './builder.js';
import { endOfTransaction } from './control.js';
import { encodeMessageSet, type OldRecord } from './encode-message-set.js';
import { type Bytes, type HeadersInput, toBytes, toHeaders } from './input.js';

/** A record to encode. A key and a value that are not given are null. */
export interface RecordInput {
  readonly key?: Bytes | undefined;
  readonly value?: Bytes | undefined;
  /** Milliseconds since 1970. Default -1, none. */
  readonly timestamp?: number | undefined;
  readonly headers?: HeadersInput | undefined;
  /** Default: behind the record before, the first at the base offset. */
  readonly offset?: number | undefined;
}

/** How to encode a batch. */
export interface EncodeOptions extends SealOptions {
  /** The message format. Default 2; 1 and 0 are those of brokers before 0.11 and 0.10, a message set instead of one batch. */
  readonly magic?: 0 | 1 | 2 | undefined;
}

/**
 * One batch of `records`, as it stands in a produce request or a fetch answer. Message formats 0 and 1 know no batches: there it is one
 * message after another, or one message that holds the others, compressed.
 * @throws InputError for records that cannot be, for offsets that do not grow, and for options that the message format has no place for.
 * @throws UnsupportedError for headers and zstd in message formats 0 and 1, and where a codec is not available.
 */
export function encodeBatch(records: Iterable<RecordInput>, options: EncodeOptions = {}): Buffer {
  const { magic = 2, ...rest } = options;
  if (magic !== 0 && magic !== 1 && magic !== 2) throw new InputError(`message format ${show(magic)} is none of 0, 1 and 2`);
  const { baseOffset = 0 } = rest;
  if (!Number.isSafeInteger(baseOffset) || baseOffset < 0) throw new InputError(`a base offset of ${show(baseOffset)}`);
  const { producerEpoch = -1, baseSequence = -1 } = rest;
  if (!isIntegerTo(producerEpoch, 2 ** 15 - 1)) throw new InputError(`a producer epoch of ${show(producerEpoch)}`);
  if (!isIntegerTo(baseSequence, 2 ** 31 - 1)) throw new InputError(`a base sequence of ${show(baseSequence)}`);
  return magic === 2 ? encodeNew(records, rest) : encodeMessageSet(inOldFormat(records, rest.baseOffset ?? 0, magic), { magic, ...rest });
}

function* inOldFormat(records: Iterable<RecordInput>, baseOffset: number, magic: 0 | 1): Generator<OldRecord, void, void> {
  let next = baseOffset;
  for (const { key = null, value = null, timestamp = -1, headers, offset = next } of records) {
    checkPlace(timestamp, offset, next);
    if ((toHeaders(headers, 'headers') ?? []).length > 0) {
      throw new UnsupportedError(`message format v${magic} has no headers: they need record format v2, of Kafka 0.11`);
    }
    yield { key: toBytes(key, 'key'), value: toBytes(value, 'value'), timestamp, offset };
    next = offset + 1;
  }
}

const isIntegerTo = (value: number, highest: number): boolean => Number.isInteger(value) && value >= -1 && value <= highest;

/** Timestamps are 64 bit integers, and so is what one differs from another. */
const highestTimestamp = 2 ** 62;
const mostDelta = 2 ** 31 - 1;

function checkPlace(timestamp: number, offset: number, lowest: number): void {
  if (!Number.isInteger(timestamp) || Math.abs(timestamp) >= highestTimestamp)
    throw new InputError(`a timestamp must be whole milliseconds, got ${show(timestamp)}`);
  if (!Number.isSafeInteger(offset)) throw new InputError(`an offset must be a safe integer, got ${show(offset)}`);
  if (offset < lowest) throw new InputError(`offset ${offset} is below ${lowest}: offsets must grow within a batch`);
}

function encodeNew(records: Iterable<RecordInput>, options: SealOptions): Buffer {
  const builder = new BatchBuilder();
  const baseOffset = options.baseOffset ?? 0;
  let next = 0;
  for (const { key = null, value = null, timestamp = -1, headers, offset } of records) {
    const delta = offset === undefined ? next : offset - baseOffset;
    checkPlace(timestamp, baseOffset + delta, baseOffset + next);
    if (delta > mostDelta) throw new InputError(`offset ${offset} is more than ${mostDelta} above the base offset ${baseOffset}`);
    builder.append(toBytes(key, 'key'), toBytes(value, 'value'), timestamp, toHeaders(headers, 'headers'), delta);
    next = delta + 1;
  }
  return builder.seal(options);
}

/** How a transaction of a producer ended. */
export interface TransactionEnd {
  readonly type: 'abort' | 'commit';
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly coordinatorEpoch: number;
  readonly timestamp: number;
  readonly baseOffset?: number | undefined;
  readonly leaderEpoch?: number | undefined;
}

/**
 * The control batch that a broker writes where a transaction ends.
 * @see KIP-98, "Control Messages"
 */
export function encodeTransactionEnd(end: TransactionEnd): Buffer {
  const { type, producerId, producerEpoch, coordinatorEpoch, timestamp, baseOffset, leaderEpoch } = end;
  return encodeBatch([{ ...endOfTransaction(type, coordinatorEpoch), timestamp }], {
    producerId,
    producerEpoch,
    baseOffset,
    leaderEpoch,
    isTransactional: true,
    isControl: true,
  });
}
