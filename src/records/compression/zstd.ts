import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { UnsupportedError } from '../../base/errors.js';
import { type Codec, OutputLimitError } from './codec.js';
import { optional } from './optional.js';
import { outputLimit, zlibError } from './zlib-limit.js';
import { withinRoom, zstdFrames } from './zstd-frames.js';

interface ZstdOptions {
  readonly maxOutputLength?: number;
  readonly chunkSize?: number;
  readonly params?: Readonly<Record<number, number>>;
}
/** What `node:zlib` has from Node.js 22.15 on. */
interface NodeZstd {
  zstdCompressSync(bytes: Uint8Array, options: ZstdOptions): Uint8Array;
  zstdDecompressSync(bytes: Uint8Array, options: ZstdOptions): Uint8Array;
  zstdDecompress(bytes: Uint8Array, options: ZstdOptions, done: (error: Error | null, output: Uint8Array) => void): void;
  readonly constants: { readonly ZSTD_c_compressionLevel: number };
}
/** The package `fzstd`, which reads only. */
interface Fzstd {
  readonly Decompress: new (piece: (bytes: Uint8Array) => void) => { push(bytes: Uint8Array, last?: boolean): void };
}

const CHUNK_BYTES = 2 ** 20;
const PUSH_BYTES = 64 * 1024;

/** What comes of one frame after the other, up to a bound. */
class Output {
  readonly #pieces: Uint8Array[] = [];
  room: number;

  constructor(maxBytes: number) {
    this.room = maxBytes;
  }

  add(piece: Uint8Array): void {
    if (piece.length > this.room) throw new OutputLimitError();
    this.room -= piece.length;
    this.#pieces.push(piece);
  }

  get bytes(): Uint8Array {
    const [first] = this.#pieces;
    return this.#pieces.length === 1 && first !== undefined ? first : Buffer.concat(this.#pieces);
  }
}

/** With Node's own zstd: reads and writes. */
function zstdOfNode(node: NodeZstd): Codec {
  const { ZSTD_c_compressionLevel: levelParam } = node.constants;
  const inBackground = promisify(node.zstdDecompress);
  const options = (room: number): ZstdOptions => ({ maxOutputLength: outputLimit(room), chunkSize: CHUNK_BYTES });
  return {
    name: 'zstd',
    levels: [1, 22],
    compress: (bytes, level) => node.zstdCompressSync(bytes, level === undefined ? {} : { params: { [levelParam]: level } }),
    decompress(bytes, maxBytes) {
      const output = new Output(maxBytes);
      try {
        for (const frame of zstdFrames(bytes, maxBytes)) output.add(node.zstdDecompressSync(frame, options(output.room)));
      } catch (error) {
        throw zlibError(error);
      }
      return output.bytes;
    },
    async decompressInTurns(bytes, maxBytes) {
      const output = new Output(maxBytes);
      try {
        for (const frame of zstdFrames(bytes, maxBytes)) output.add(await inBackground(frame, options(output.room)));
      } catch (error) {
        throw zlibError(error);
      }
      return output.bytes;
    },
  };
}

/** With the package `fzstd`, or with nothing: reads at most. */
export function zstdOfPackage(fzstd: Fzstd | undefined): Codec {
  const refuse = (what: string, remedy: string): never => {
    throw new UnsupportedError(`zstd cannot be ${what} here: use Node.js 22.15 or newer, ${remedy}`, { context: { compression: 'zstd' } });
  };
  return {
    name: 'zstd',
    levels: [1, 22],
    compress: () => refuse('written', 'or another compression'),
    decompress(bytes, maxBytes) {
      if (fzstd === undefined) return refuse('read', 'or install the package "fzstd"');
      const output = new Output(maxBytes);
      for (const whole of zstdFrames(bytes, maxBytes)) {
        const frame = withinRoom(whole, output.room);
        const decoder = new fzstd.Decompress(piece => output.add(piece));
        for (let at = 0; at < frame.length; at += PUSH_BYTES) {
          decoder.push(frame.subarray(at, at + PUSH_BYTES), at + PUSH_BYTES >= frame.length);
        }
      }
      return output.bytes;
    },
  };
}

const node: Partial<NodeZstd> = { ...zlib } as object;
const installed = optional<Fzstd>('fzstd', ({ Decompress }) => typeof Decompress === 'function');

/** Zstandard, as far as this Node.js and what is installed can. */
export const zstd: Codec = typeof node.zstdDecompressSync === 'function' ? zstdOfNode(node as NodeZstd) : zstdOfPackage(installed);
