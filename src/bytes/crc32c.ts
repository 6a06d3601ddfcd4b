import { createRequire } from 'node:module';

/** Below this many bytes the call into native code costs more than it saves (bench/records.ts). */
const NATIVE_FROM_BYTES = 256;

/** CRC-32C's polynomial (Castagnoli), bits reversed. */
const POLYNOMIAL = 0x82f63b78;

/** Eight tables of 256: entry `k * 256 + b` is the checksum of byte `b` followed by `k` zero bytes. */
const tables = makeTables();

function makeTables(): Int32Array {
  const made = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    made[byte] = crc;
  }
  for (let i = 256; i < made.length; i++) {
    const shorter = made[i - 256]!;
    made[i] = (shorter >>> 8) ^ made[shorter & 255]!;
  }
  return made;
}

/**
 * The CRC-32C of `bytes` from `start` up to `end`, in plain JavaScript (slicing by eight): as an unsigned 32-bit number.
 */
export function crc32cPortable(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  const t = tables;
  let crc = -1;
  let at = start;
  for (const last = end - 8; at <= last; at += 8) {
    const low = crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    crc =
      t[0x700 | (low & 255)]! ^
      t[0x600 | ((low >>> 8) & 255)]! ^
      t[0x500 | ((low >>> 16) & 255)]! ^
      t[0x400 | (low >>> 24)]! ^
      t[0x300 | bytes[at + 4]!]! ^
      t[0x200 | bytes[at + 5]!]! ^
      t[0x100 | bytes[at + 6]!]! ^
      t[bytes[at + 7]!]!;
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ t[(crc ^ bytes[at]!) & 255]!;
  return ~crc >>> 0;
}

/** The CRC-32C of all of `bytes` by `@node-rs/crc32`; undefined where that package is not installed or does not work. */
export const crc32cNative: ((bytes: Uint8Array) => number) | undefined = loadNative();

function loadNative(): ((bytes: Uint8Array) => number) | undefined {
  try {
    const native = createRequire(import.meta.url)('@node-rs/crc32') as { readonly crc32c: (bytes: Uint8Array) => number };
    const probe = Buffer.from('123456789');
    return native.crc32c(probe) === crc32cPortable(probe) ? native.crc32c : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The CRC-32C of `bytes` from `start` up to `end`, as an unsigned 32-bit number: the checksum of record batches.
 * Uses `@node-rs/crc32` when that is installed and the range is long enough to gain from it.
 */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  if (crc32cNative === undefined || end - start < NATIVE_FROM_BYTES) return crc32cPortable(bytes, start, end);
  return crc32cNative(bytes.subarray(start, end));
}
