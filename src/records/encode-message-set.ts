import { InputError, UnsupportedError } from '../base/errors.js';
import { crc32 } from '../bytes/crc32.js';
import { putInt64, type SealOptions } from './builder.js';
import { compress, compressionId } from './compression/index.js';
import type { Bytes } from './input.js';
import { APPEND_TIME_BIT, LENGTH_AT, LENGTH_END, MAGIC_AT } from './layout.js';
import { OLD_ATTRIBUTES_AT, OLD_CRC_AT, OLD_HEAD_BYTES, OLD_TIMESTAMP_AT, type OldMagic } from './old-message.js';

/** A record as message formats v0 and v1 can hold it. */
export interface OldRecord {
  readonly key: Bytes;
  readonly value: Bytes;
  /** Not stored in v0. */
  readonly timestamp: number;
  readonly offset: number;
}

export interface MessageSetOptions extends SealOptions {
  readonly magic: OldMagic;
}

/** Those of the options that these formats have a place for; append time in v1 only. */
const possible: ReadonlySet<string> = new Set(['magic', 'compression', 'level', 'baseOffset', 'appendTime']);

/**
 * `records` in message format v0 or v1, their offsets ascending: one message after another; with a codec one message that holds them
 * compressed and has the offset of the last and the latest timestamp, as Java writes it. Nothing at all for no records.
 * @throws InputError for options that these formats have no place for. UnsupportedError for zstd, and where a codec is not available.
 */
export function encodeMessageSet(records: Iterable<OldRecord>, options: MessageSetOptions): Buffer {
  const { magic, compression = 'none', level, baseOffset = 0, appendTime } = options;
  for (const [name, value] of Object.entries(options)) {
    const fits = possible.has(name) && !(name === 'appendTime' && magic === 0);
    if (value !== undefined && !fits) throw new InputError(`message format v${magic} has no place for ${name}`);
  }
  if (compression === 'zstd') throw new UnsupportedError(`message format v${magic} knows no zstd: it needs record format v2 and Kafka 2.1`);
  const timeBit = appendTime === undefined ? 0 : APPEND_TIME_BIT;
  // Inside a compressed message of v1 offsets count from the first (KIP-31), so that a broker need not compress anew to set them.
  const shift = compression !== 'none' && magic === 1 ? baseOffset : 0;
  let lastOffset = baseOffset;
  let maxTimestamp = -1;
  const messages: PlacedMessage[] = [];
  for (const { key, value, timestamp: own, offset } of records) {
    const timestamp = appendTime ?? own;
    maxTimestamp = Math.max(maxTimestamp, timestamp);
    lastOffset = offset;
    messages.push({ attributes: timeBit, offset: offset - shift, timestamp, key: toBuffer(key), value: toBuffer(value) });
  }
  const plain = putMessages(messages, magic);
  if (compression === 'none' || messages.length === 0) return plain;
  const value = compress(compression, plain, level);
  const attributes = timeBit | compressionId(compression);
  return putMessages([{ attributes, offset: lastOffset, timestamp: maxTimestamp, key: null, value }], magic);
}

interface PlacedMessage {
  readonly attributes: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

/** All of them, one after another, in memory of their own. */
function putMessages(messages: readonly PlacedMessage[], magic: OldMagic): Buffer {
  let total = 0;
  for (const { key, value } of messages) total += OLD_HEAD_BYTES[magic] + 8 + (key?.length ?? 0) + (value?.length ?? 0);
  const bytes = Buffer.allocUnsafeSlow(total);
  let start = 0;
  for (const { attributes, offset, timestamp, key, value } of messages) {
    bytes.writeInt8(magic, start + MAGIC_AT);
    bytes.writeInt8(attributes, start + OLD_ATTRIBUTES_AT);
    if (magic === 1) putInt64(bytes, start + OLD_TIMESTAMP_AT, timestamp);
    const end = putBytes(bytes, putBytes(bytes, start + OLD_HEAD_BYTES[magic], key), value);
    putInt64(bytes, start, offset);
    bytes.writeInt32BE(end - start - LENGTH_END, start + LENGTH_AT);
    bytes.writeUInt32BE(crc32(bytes, start + MAGIC_AT, end), start + OLD_CRC_AT);
    start = end;
  }
  return bytes;
}

/** Writes a length and the bytes, -1 for null; gives the position behind. */
function putBytes(target: Buffer, at: number, value: Uint8Array | null): number {
  at = target.writeInt32BE(value?.length ?? -1, at);
  if (value !== null) target.set(value, at);
  return at + (value?.length ?? 0);
}

const toBuffer = (value: Bytes): Uint8Array | null => (typeof value === 'string' ? Buffer.from(value) : value);
