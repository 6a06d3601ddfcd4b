import { crc32 } from '../bytes/crc32.js';
import { type CompressionName, compressionName } from './compression/index.js';
import { roundedInt64 } from './header.js';
import { APPEND_TIME_BIT, COMPRESSION_MASK, LENGTH_AT, LENGTH_END, MAGIC_AT } from './layout.js';

/*
 * A message of formats v0 and v1. Behind its offset and its length, as every batch has them, stand: checksum, format, attributes, in v1 the
 * timestamp, the key and the value behind their lengths.
 * Source: kafka.apache.org/documentation, "Old Message Format"; KIP-31 (relative offsets), KIP-32 (timestamps).
 */

export const OLD_CRC_AT = 12;
export const OLD_ATTRIBUTES_AT = 17;
export const OLD_TIMESTAMP_AT = 18;
/** What stands before the key's length, by format. */
export const OLD_HEAD_BYTES = [18, 26] as const;
/** The shortest message of any format: format v0 with a null key and a null value. */
export const MIN_LENGTH = 14;
/** A codec that came with record format v2. */
const ZSTD = 'zstd';

/** The message formats of brokers before 0.11. */
export type OldMagic = 0 | 1;

/** One message of formats v0 and v1, its checksum verified: what it says, and where its key and value lie. */
export interface OldMessage {
  /** As it stands there. */
  readonly offset: number;
  readonly start: number;
  readonly end: number;
  readonly magic: OldMagic;
  /** Not `'none'`: its value holds other messages. */
  readonly compression: CompressionName;
  /** Whether a broker set the timestamp when it appended. */
  readonly appendTime: boolean;
  /** -1 in v0. */
  readonly timestamp: number;
  readonly keyAt: number;
  /** -1 for null; so is the next but one. */
  readonly keyLength: number;
  readonly valueAt: number;
  readonly valueLength: number;
}

/** Where the message that begins at `at` ends; undefined when it is not whole, or has a length that none can have. */
export function endOfMessage(bytes: Buffer, at: number): number | undefined {
  if (bytes.length - at < LENGTH_END + MIN_LENGTH) return undefined;
  const length = bytes.readInt32BE(at + LENGTH_AT);
  return length >= MIN_LENGTH && length <= bytes.length - at - LENGTH_END ? at + LENGTH_END + length : undefined;
}

/** The message that fills `bytes` from `start` to `end`, 26 bytes at least. A string says what is wrong with it. */
export function readOldMessage(bytes: Buffer, start: number, end: number): OldMessage | string {
  const stored = bytes.readUInt32BE(start + OLD_CRC_AT);
  const computed = crc32(bytes, start + MAGIC_AT, end);
  if (stored !== computed) return `its checksum is ${computed}, expected ${stored}`;
  const magic = bytes.readInt8(start + MAGIC_AT);
  if (magic !== 0 && magic !== 1) return `message format ${magic} where 0 or 1 is expected`;
  const offset = roundedInt64(bytes, start);
  if (offset < 0 || !Number.isSafeInteger(offset + 1)) return 'its offset is not within 0 to 2^53 - 1';
  const attributes = bytes.readInt8(start + OLD_ATTRIBUTES_AT);
  const compression = compressionName(attributes & COMPRESSION_MASK);
  if (compression === undefined || compression === ZSTD) {
    return `no compression has the number ${attributes & COMPRESSION_MASK} in message format ${magic}`;
  }

  const keyAt = start + OLD_HEAD_BYTES[magic] + 4;
  const keyLength = keyAt + 4 <= end ? bytes.readInt32BE(keyAt - 4) : Number.NaN;
  const valueAt = keyAt + Math.max(keyLength, 0) + 4;
  const valueLength = keyLength >= -1 && valueAt <= end ? bytes.readInt32BE(valueAt - 4) : Number.NaN;
  if (!(valueLength >= -1) || valueAt + Math.max(valueLength, 0) !== end) {
    return `its key and its value do not make up the ${end - start - LENGTH_END} bytes it claims`;
  }
  const appendTime = magic === 1 && (attributes & APPEND_TIME_BIT) !== 0;
  const timestamp = magic === 1 ? roundedInt64(bytes, start + OLD_TIMESTAMP_AT) : -1;
  return { offset, start, end, magic, compression, appendTime, timestamp, keyAt, keyLength, valueAt, valueLength };
}
