import { promisify } from 'node:util';
import { gunzip, gunzipSync, gzipSync } from 'node:zlib';
import { AT_ONCE_BYTES, type Codec } from './codec.js';
import { outputLimit, zlibError } from './zlib-limit.js';

const gunzipInBackground = promisify(gunzip);
const LEAST_CHUNK = 4 * 1024;
const MOST_CHUNK = 2 ** 20;
/** The most that a byte of input can stand for. */
const MOST_PER_BYTE = 1032;

export const gzip: Codec = {
  name: 'gzip',
  levels: [1, 9],
  compress: (bytes, level) => gzipSync(bytes, level === undefined ? {} : { level }),
  decompress(bytes, maxBytes) {
    try {
      return gunzipSync(bytes, { maxOutputLength: outputLimit(maxBytes), chunkSize: chunkFor(bytes, maxBytes) });
    } catch (error) {
      throw zlibError(error);
    }
  },
  async decompressInTurns(bytes, maxBytes) {
    try {
      return await gunzipInBackground(bytes, { maxOutputLength: outputLimit(maxBytes), chunkSize: MOST_CHUNK });
    } catch (error) {
      throw zlibError(error);
    }
  },
};

/**
 * The last four bytes claim the size of the output. They may lie, so that they only choose how much memory is taken at a time: all at once
 * where they are right, which spares putting pieces together.
 */
function chunkFor(bytes: Uint8Array, maxBytes: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(-4);
  const claimed = a + b * 2 ** 8 + c * 2 ** 16 + d * 2 ** 24;
  return Math.max(LEAST_CHUNK, Math.min(claimed, maxBytes, bytes.length * MOST_PER_BYTE, AT_ONCE_BYTES) + 1);
}
