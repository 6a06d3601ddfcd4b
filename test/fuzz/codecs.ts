import * as zlib from 'node:zlib';
import { xxh32 } from '../../src/bytes/xxh32.js';
import { type CompressionName, compress, rawSnappy } from '../../src/records/index.js';
import type { Dice } from './dice.js';

const BOMB_BYTES = 40 * 2 ** 20;
export const codecNumbers: readonly CompressionName[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
const writesZstd = 'zstdCompressSync' in zlib;

const littleEndian = (value: number, bytes: number): Buffer => {
  const result = Buffer.alloc(8);
  result.writeBigUInt64LE(BigInt(value));
  return result.subarray(0, bytes);
};
const ZSTD_MAGIC = littleEndian(0xfd2fb528, 4);

/** `plain` in a frame of blocks that are not compressed: what stands for zstd where this Node cannot write it. */
function zstdStored(plain: Uint8Array): Buffer {
  const header = Buffer.concat([ZSTD_MAGIC, Buffer.of(0xa0), littleEndian(plain.length, 4)]); // one segment, its size in 4 bytes
  return Buffer.concat([header, littleEndian(plain.length * 8 + 1, 3), plain]); // the last block, stored
}

/** A frame of one byte repeated. */
function zstdRepeated(length: number): Buffer {
  const most = 128 * 1024;
  const blocks = Array.from({ length: length / most }, (_, i) => [
    littleEndian(most * 8 + 2 + (i === length / most - 1 ? 1 : 0), 3),
    Buffer.of(0),
  ]);
  return Buffer.concat([ZSTD_MAGIC, Buffer.of(0, 0x38), ...blocks.flat()]);
}

/** A frame with all of zstd's machinery, of the C library: twelve lines of text. */
const ZSTD_TEXT =
  'KLUv/WC2AGUEACKHFBWgJ22NSLLz2w8A57I3JUlb+aphFQ+E3qQeZomyebRe9eyu28ZVtv2Jtf4MT8/nlZkztdP3c5UpNL51s3mEimE4DhEoAOIYh0NQCqdQKQiD4gQiIMCjDoU4OuOCnUywYM/LrRBHz1iw83JbiKMzFuzJBAt23twKcXTGFwzpvJMbC2F2yNjjR9CW';

export function compressed(codec: CompressionName, plain: Uint8Array): Buffer {
  if (codec === 'zstd' && !writesZstd) return zstdStored(plain);
  return Buffer.from(compress(codec, plain));
}

const bombs = new Map<CompressionName, Buffer>();

/** What becomes 40 MiB of nothing. */
export function bomb(codec: CompressionName): Buffer {
  const made = bombs.get(codec) ?? (codec === 'zstd' ? zstdRepeated(BOMB_BYTES) : compressed(codec, Buffer.alloc(BOMB_BYTES)));
  bombs.set(codec, made);
  return made;
}

const text = Buffer.from(Array.from({ length: 4 }, (_, i) => `order ${i * 7919} of customer ${i % 5}, amount ${(i * 31) % 97}\n`).join(''));

/** Compressed bytes that are not those of a batch, but show more of what the format can do. */
export const foreign: Readonly<Partial<Record<CompressionName, readonly Buffer[]>>> = {
  zstd: [Buffer.from(ZSTD_TEXT, 'base64'), zstdRepeated(2 ** 18)],
  lz4: [compressed('lz4', Buffer.alloc(70_000, 'lz4 '))],
  snappy: [compressed('snappy', Buffer.alloc(70_000, 'snappy ')), rawSnappy.compress(text), rawSnappy.compress(Buffer.alloc(40))].map(
    bytes => Buffer.from(bytes),
  ),
  gzip: [compressed('gzip', Buffer.alloc(70_000, 'gzip '))],
};

/** An lz4 frame whose header checksum is made right after a change, now and then: else nothing behind it would be reached. */
export function mended(codec: CompressionName, bytes: Buffer, dice: Dice): Buffer {
  if (codec !== 'lz4' || bytes.length < 15 || dice.oneIn(4)) return bytes;
  const copy = Buffer.from(bytes);
  copy.writeUInt32LE(0x184d2204, 0);
  const at = ((copy[4] ?? 0) & 0x08) === 0 ? 6 : 14;
  copy[at] = (xxh32(copy, 4, at) >>> 8) & 0xff;
  return copy;
}

/** Where the lengths of compressed bytes stand. */
export function lengthPlaces(codec: CompressionName, bytes: Buffer): readonly number[] {
  if (codec === 'lz4') return [4, 5, 7, 11];
  if (codec === 'snappy') return bytes.length > 24 ? [12, 16, 20] : [0];
  if (codec === 'zstd') return [4, 5, 6, 9];
  return [0, 3, bytes.length - 4];
}
