import { type CompressionName, compressionId, compressionName } from './compression/index.js';
import { corrupt } from './corrupt.js';
import {
  APPEND_TIME_BIT,
  ATTRIBUTES_AT,
  BASE_SEQUENCE_AT,
  BASE_TIMESTAMP_AT,
  COMPRESSION_MASK,
  CONTROL_BIT,
  COUNT_AT,
  LAST_OFFSET_DELTA_AT,
  LEADER_EPOCH_AT,
  MAX_TIMESTAMP_AT,
  PRODUCER_EPOCH_AT,
  PRODUCER_ID_AT,
  type RecordSource,
  type TimestampType,
  TRANSACTIONAL_BIT,
} from './layout.js';

/** What a batch says about itself before its records. */
export interface BatchHeader {
  /** The offset its first record had when it was written; compaction may have removed that record since. */
  readonly baseOffset: number;
  readonly lastOffsetDelta: number;
  /** The epoch of the leader that appended it; -1 when unknown. */
  readonly leaderEpoch: number;
  /** The message format: 2, or 0 and 1 of old brokers. */
  readonly magic: 0 | 1 | 2;
  readonly compression: CompressionName;
  readonly timestampType: TimestampType;
  readonly isTransactional: boolean;
  /** Written by a broker, not by a producer: a transaction's end, for one. Never handed to users. */
  readonly isControl: boolean;
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
  /** -1 when the producer was not idempotent; so are the next two. */
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly recordCount: number;
}

/** The attribute bits that say what a header says. */
export const attributesOf = ({ compression, timestampType, isTransactional, isControl }: BatchHeader): number =>
  compressionId(compression) |
  (timestampType === 'append' ? APPEND_TIME_BIT : 0) |
  (isTransactional ? TRANSACTIONAL_BIT : 0) |
  (isControl ? CONTROL_BIT : 0);

/** A signed 64 bit integer, rounded when a double cannot hold it. */
export const roundedInt64 = (bytes: Buffer, at: number): number => bytes.readInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);

/**
 * The header of the batch (format v2) that begins at `at`: 61 bytes that must be there. Its checksum is not looked at.
 * @throws CorruptRecordError when it contradicts itself, or names offsets a number cannot hold.
 */
export function readBatchHeader(bytes: Buffer, at: number, source: RecordSource): BatchHeader {
  const baseOffset = roundedInt64(bytes, at);
  const attributes = bytes.readInt16BE(at + ATTRIBUTES_AT);
  const compression = compressionName(attributes & COMPRESSION_MASK);
  const lastOffsetDelta = bytes.readInt32BE(at + LAST_OFFSET_DELTA_AT);
  const producerId = roundedInt64(bytes, at + PRODUCER_ID_AT);
  const recordCount = bytes.readInt32BE(at + COUNT_AT);
  if (baseOffset < 0 || !Number.isSafeInteger(baseOffset + lastOffsetDelta + 1)) {
    throw corrupt(source, baseOffset, 'its offsets are not within 0 to 2^53 - 1');
  }
  if (recordCount < 0 || lastOffsetDelta < 0 || recordCount > lastOffsetDelta + 1) {
    throw corrupt(source, baseOffset, `it claims ${recordCount} records in ${lastOffsetDelta + 1} offsets`);
  }
  if (compression === undefined) throw corrupt(source, baseOffset, `no compression has the number ${attributes & COMPRESSION_MASK}`);
  if (compression !== 'none' && (attributes & CONTROL_BIT) !== 0) throw corrupt(source, baseOffset, 'a control batch that is compressed');
  if (producerId < -1 || !Number.isSafeInteger(producerId))
    throw corrupt(source, baseOffset, 'its producer id is not within -1 to 2^53 - 1');
  return {
    baseOffset,
    lastOffsetDelta,
    leaderEpoch: bytes.readInt32BE(at + LEADER_EPOCH_AT),
    magic: 2,
    compression,
    timestampType: (attributes & APPEND_TIME_BIT) === 0 ? 'create' : 'append',
    isTransactional: (attributes & TRANSACTIONAL_BIT) !== 0,
    isControl: (attributes & CONTROL_BIT) !== 0,
    baseTimestamp: roundedInt64(bytes, at + BASE_TIMESTAMP_AT),
    maxTimestamp: roundedInt64(bytes, at + MAX_TIMESTAMP_AT),
    producerId,
    producerEpoch: bytes.readInt16BE(at + PRODUCER_EPOCH_AT),
    baseSequence: bytes.readInt32BE(at + BASE_SEQUENCE_AT),
    recordCount,
  };
}
