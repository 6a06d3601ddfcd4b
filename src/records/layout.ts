/*
 * Where the fields of a record batch (message format v2) lie, and what its attribute bits mean.
 * Source: kafka.apache.org/documentation, "Message Format"; KIP-98, KIP-82, KIP-534.
 */

/** Bytes of the offset and the length that stand before what the length counts. */
export const LENGTH_END = 12;
export const LENGTH_AT = 8;
export const LEADER_EPOCH_AT = 12;
export const MAGIC_AT = 16;
export const CRC_AT = 17;
/** The checksum covers everything from here to the end of the batch. */
export const ATTRIBUTES_AT = 21;
export const LAST_OFFSET_DELTA_AT = 23;
export const BASE_TIMESTAMP_AT = 27;
export const MAX_TIMESTAMP_AT = 35;
export const PRODUCER_ID_AT = 43;
export const PRODUCER_EPOCH_AT = 51;
export const BASE_SEQUENCE_AT = 53;
export const COUNT_AT = 57;
/** The records begin here. */
export const HEADER_BYTES = 61;

/** Length, attributes, timestamp, offset, key length, value length, header count: a byte each at least. */
export const MIN_RECORD_BYTES = 7;

export const COMPRESSION_MASK = 0x07;
export const APPEND_TIME_BIT = 0x08;
export const TRANSACTIONAL_BIT = 0x10;
export const CONTROL_BIT = 0x20;

/** Who set a record's timestamp: the producer, the broker when it appended, or nobody (format v0 has none). */
export type TimestampType = 'create' | 'append' | 'none';

/** Which partition some bytes came from: named in every error about them. */
export interface RecordSource {
  readonly topic: string;
  readonly partition: number;
}
