import lz4js from 'lz4js';
import { xxh32 } from '../../bytes/xxh32.js';
import { type Codec, type Decoding, inOneGo, inTurns, OutputLimitError, outputOf, PIECE_BYTES, trimmed } from './codec.js';
import { decompressLz4Block, mendLz4Block } from './lz4-block.js';
import { mostBytes, readLz4Frame, STORED_BIT } from './lz4-frame.js';
import { optional } from './optional.js';

interface NativeLz4 {
  /** A block behind four bytes that hold its size when decompressed. */
  compressSync(bytes: Buffer): Buffer;
  decompressFrameSync(bytes: Buffer): Buffer;
}
/** Short frames gain nothing from native code. */
const NATIVE_FROM_BYTES = 512;
/** What stands before a native block. */
const SIZE_BYTES = 4;
/** Independent blocks of 64 KiB, no checksums: what Kafka's Java client writes, and of all frames the kind it reads. */
const FRAME_HEADER = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]);
const BLOCK_BYTES = 64 * 1024;

interface FrameBlock {
  readonly bytes: Uint8Array;
  /** Not compressed. */
  readonly stored: boolean;
}

function frameOf(blocks: readonly FrameBlock[]): Buffer {
  const total = blocks.reduce((sum, { bytes }) => sum + 4 + bytes.length, FRAME_HEADER.length + 4);
  const frame = Buffer.allocUnsafeSlow(total);
  frame.set(FRAME_HEADER);
  let at = FRAME_HEADER.length;
  for (const { bytes, stored } of blocks) {
    at = frame.writeUInt32LE(stored ? bytes.length + STORED_BIT : bytes.length, at);
    frame.set(bytes, at);
    at += bytes.length;
  }
  frame.writeUInt32LE(0, at);
  return frame;
}

const hashTable = new Uint32Array(64 * 1024);
const scratch = new Uint8Array(lz4js.compressBound(BLOCK_BYTES));

/** `plain` as an LZ4 block; undefined where that is not smaller. */
function compressBlock(plain: Uint8Array, native: NativeLz4 | undefined): Uint8Array | undefined {
  if (native !== undefined && plain.length >= NATIVE_FROM_BYTES) {
    const block = native.compressSync(Buffer.from(plain.buffer, plain.byteOffset, plain.length)).subarray(SIZE_BYTES);
    return block.length < plain.length ? block : undefined;
  }
  hashTable.fill(0);
  const written = lz4js.compressBlock(plain, scratch, 0, plain.length, hashTable);
  const length = written === 0 ? plain.length : mendLz4Block(scratch, written, plain);
  return length < plain.length ? scratch.slice(0, length) : undefined;
}

function* decoding(bytes: Uint8Array, maxBytes: number, oldFormat: boolean, native: NativeLz4 | undefined): Decoding {
  const { blocks, contentSize, contentChecksum, independent, maxBlockBytes } = readLz4Frame(bytes, oldFormat);
  if (contentSize !== undefined && contentSize > maxBytes) throw new OutputLimitError();
  const most = contentSize ?? mostBytes(blocks, maxBlockBytes);
  if (native !== undefined && !oldFormat && bytes.length >= NATIVE_FROM_BYTES && most <= Math.min(maxBytes, PIECE_BYTES)) {
    try {
      return native.decompressFrameSync(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    } catch {
      // what is wrong with it the decoder below says better
    }
  }
  const output = outputOf(Math.min(most, maxBytes), maxBytes);
  let out = 0;
  let pieceEnd = PIECE_BYTES;
  for (const { start, end, stored } of blocks) {
    const room = Math.min(maxBlockBytes, output.length - out);
    const cause = room < maxBlockBytes && contentSize === undefined ? new OutputLimitError() : undefined;
    if (stored) {
      if (end - start > room) throw cause ?? new Error('damaged lz4 frame: more than it claims');
      output.set(bytes.subarray(start, end), out);
      out += end - start;
    } else {
      out = decompressLz4Block(bytes, start, end, output, out, out + room, independent ? out : 0, cause);
    }
    if (out < pieceEnd) continue;
    yield;
    pieceEnd = out + PIECE_BYTES;
  }
  if (contentSize !== undefined && contentSize !== out) throw new Error(`damaged lz4 frame: ${out} bytes, it claims ${contentSize}`);
  if (contentChecksum !== undefined && xxh32(output, 0, out) !== contentChecksum) {
    throw new Error('damaged lz4 frame: the checksum of its content is wrong');
  }
  return trimmed(output, out);
}

/** LZ4 that works with a native package, or without. */
function lz4With(native: NativeLz4 | undefined): Codec {
  return {
    name: 'lz4',
    compress(bytes) {
      const blocks: FrameBlock[] = [];
      for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
        const plain = bytes.subarray(at, at + BLOCK_BYTES);
        const block = compressBlock(plain, native);
        blocks.push(block === undefined ? { bytes: plain, stored: true } : { bytes: block, stored: false });
      }
      return frameOf(blocks);
    },
    decompress: (bytes, maxBytes, oldFormat = false) => inOneGo(decoding(bytes, maxBytes, oldFormat, native)),
    decompressInTurns: (bytes, maxBytes, turn, oldFormat = false) => inTurns(decoding(bytes, maxBytes, oldFormat, native), turn),
  };
}

const installed = optional<NativeLz4>('lz4-napi', ({ compressSync, decompressFrameSync }) => {
  const plain = Buffer.from('tidemark tidemark tidemark');
  const block = compressSync(plain);
  const frame = frameOf([{ bytes: block.subarray(SIZE_BYTES), stored: false }]);
  return block.readUInt32LE(0) === plain.length && plain.equals(decompressFrameSync(frame));
});

/** LZ4 frames. Uses the package `lz4-napi` where it is installed. */
export const lz4: Codec = lz4With(installed);

/** The same without it. */
export const portableLz4: Codec = lz4With(undefined);
