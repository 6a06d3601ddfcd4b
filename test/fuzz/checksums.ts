import { crc32 } from 'node:zlib';
import { putChecksum } from '../../src/records/builder.js';

/** Offset and length stand before what the length counts. */
export const LENGTH_END = 12;
export const BATCH_HEADER_BYTES = 61;
const CASTAGNOLI = 0x82f63b78;
const table = Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ CASTAGNOLI;
  return crc >>> 0;
});

function castagnoli(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] ?? 0);
  return (crc ^ 0xffffffff) >>> 0;
}

/** The checksum a batch of record format v2 must have, worked out apart from src: what readers are held against. */
export const checksumOf = (batch: Buffer): number => castagnoli(batch.subarray(21));

/** A batch of record format v2 with its length and its checksum made right, as far as it has room for them. */
export function soundBatch(batch: Buffer): Buffer {
  if (batch.length >= LENGTH_END) batch.writeInt32BE(batch.length - LENGTH_END, 8);
  if (batch.length > 21) putChecksum(batch);
  return batch;
}

/** A message of formats v0 and v1 with its length and its checksum made right. */
export function soundMessage(message: Buffer): Buffer {
  if (message.length >= LENGTH_END) message.writeInt32BE(message.length - LENGTH_END, 8);
  if (message.length > 16) message.writeUInt32BE(crc32(message.subarray(16)), 12);
  return message;
}
