import { crc32c } from '../bytes/crc32c.js';
import { decompress } from './compression/index.js';
import { readBatchHeader } from './header.js';
import { ATTRIBUTES_AT, COMPRESSION_MASK, CRC_AT, HEADER_BYTES, LENGTH_AT, LENGTH_END, MAGIC_AT } from './layout.js';

const nowhere = { topic: '', partition: -1 };

/** Whether the first batch, if it is there, is compressed: then it may be worth while to have somebody else decompress all. */
export const isCompressed = (bytes: Buffer): boolean =>
  bytes.length >= HEADER_BYTES && bytes[MAGIC_AT] === 2 && ((bytes[ATTRIBUTES_AT + 1] ?? 0) & COMPRESSION_MASK) !== 0;

/**
 * The batches in `bytes` (format v2) with their records decompressed, in memory of their own, to be read with `inflated`: headers are as they were, but
 * for their lengths. Undefined where something is in the way, as damage, old formats, or more than `maxBytes` of one batch: the reader of the original
 * says what. What is cut short at the end is left out.
 */
export function inflateBatches(bytes: Buffer, maxBytes: number): ArrayBuffer | undefined {
  const parts: Uint8Array[] = [];
  let size = 0;
  for (let at = 0; bytes.length - at >= HEADER_BYTES; ) {
    const end = at + LENGTH_END + bytes.readInt32BE(at + LENGTH_AT);
    if (bytes[at + MAGIC_AT] !== 2 || end < at + HEADER_BYTES) return undefined;
    if (end > bytes.length) break;
    if (crc32c(bytes, at + ATTRIBUTES_AT, end) !== bytes.readUInt32BE(at + CRC_AT)) return undefined;
    try {
      const { compression } = readBatchHeader(bytes, at, nowhere);
      const stored = bytes.subarray(at + HEADER_BYTES, end);
      const records = compression === 'none' || stored.length === 0 ? stored : decompress(compression, stored, maxBytes);
      const header = Buffer.from(bytes.subarray(at, at + HEADER_BYTES));
      header.writeInt32BE(HEADER_BYTES - LENGTH_END + records.length, LENGTH_AT);
      parts.push(header, records);
      size += header.length + records.length;
    } catch {
      return undefined;
    }
    at = end;
  }
  const inflated = new Uint8Array(new ArrayBuffer(size));
  let at = 0;
  for (const part of parts) {
    inflated.set(part, at);
    at += part.length;
  }
  return inflated.buffer;
}
