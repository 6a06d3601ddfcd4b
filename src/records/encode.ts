import { InputError } from '../base/errors.js';
import { BatchBuilder, type SealOptions } from './builder.js';
import { endOfTransaction } from './control.js';
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

/**
 * One batch (message format v2) of `records`, as it stands in a produce request or a fetch answer.
 * @throws InputError for records that cannot be, and for offsets that do not grow.
 */
export function encodeBatch(records: Iterable<RecordInput>, options: SealOptions = {}): Buffer {
  const builder = new BatchBuilder();
  const baseOffset = options.baseOffset ?? 0;
  let next = 0;
  for (const { key = null, value = null, timestamp = -1, headers, offset } of records) {
    const delta = offset === undefined ? next : offset - baseOffset;
    if (delta < next) throw new InputError(`offset ${offset} is below ${baseOffset + next}: offsets must grow within a batch`);
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
