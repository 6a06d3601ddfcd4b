import snappyjs from 'snappyjs';
import { putUvarint } from '../../bytes/varint.js';
import { type Codec, type Decoding, inOneGo, inTurns, OutputLimitError, PIECE_BYTES } from './codec.js';
import { optional } from './optional.js';
import { SnappyElements, snappyBlockSize } from './snappy-block.js';

interface NativeSnappy {
  compressSync(bytes: Uint8Array): Uint8Array;
  uncompressSync(bytes: Uint8Array): Uint8Array;
}
/** Short blocks gain nothing from native code. */
const NATIVE_FROM_BYTES = 512;

/** Kafka's Java client frames snappy blocks as the library xerial does: a magic number, two versions, then blocks with their lengths. */
const MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER = Buffer.concat([MAGIC, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])]);
const XERIAL_BLOCK_BYTES = 32 * 1024;

function* decoding(bytes: Uint8Array, maxBytes: number, native: NativeSnappy | undefined): Decoding {
  const blocks = isXerial(bytes) ? xerialBlocks(bytes) : [{ start: 0, end: bytes.length, ...snappyBlockSize(bytes, 0, bytes.length) }];
  let total = 0;
  for (const { size } of blocks) total += size;
  if (total > maxBytes) throw new OutputLimitError();
  if (native !== undefined && total >= NATIVE_FROM_BYTES && total <= PIECE_BYTES) {
    try {
      return native.uncompressSync(joined(bytes, blocks, total));
    } catch {
      // what is wrong with it the decoder below says better
    }
  }
  const output = Buffer.allocUnsafeSlow(total);
  let out = 0;
  let pieceEnd = PIECE_BYTES;
  for (const { end, size, elementsAt } of blocks) {
    const elements = new SnappyElements(bytes, elementsAt, end, output, out, out + size);
    for (elements.make(PIECE_BYTES); !elements.done; elements.make(PIECE_BYTES)) yield;
    out += size;
    if (out < pieceEnd) continue;
    yield;
    pieceEnd = out + PIECE_BYTES;
  }
  return output;
}

/** All blocks as one: what an element copies it names by its distance, so that they can follow each other. One call instead of many. */
function joined(bytes: Uint8Array, blocks: readonly Block[], total: number): Uint8Array {
  const [first] = blocks;
  if (blocks.length === 1 && first !== undefined) return bytes.subarray(first.start, first.end);
  const length = blocks.reduce((sum, { elementsAt, end }) => sum + end - elementsAt, 0);
  const block = Buffer.allocUnsafeSlow(length + 5);
  let at = putUvarint(block, 0, total);
  for (const { elementsAt, end } of blocks) {
    block.set(bytes.subarray(elementsAt, end), at);
    at += end - elementsAt;
  }
  return block.subarray(0, at);
}

/** Snappy that works with a native package, or without. */
function snappyWith(native: NativeSnappy | undefined): Codec {
  return {
    name: 'snappy',
    compress(bytes) {
      const parts: Uint8Array[] = [XERIAL_HEADER];
      for (let at = 0; at < bytes.length; at += XERIAL_BLOCK_BYTES) {
        const block = compressBlock(bytes.subarray(at, at + XERIAL_BLOCK_BYTES), native);
        const length = Buffer.allocUnsafe(4);
        length.writeInt32BE(block.length);
        parts.push(length, block);
      }
      return Buffer.concat(parts);
    },
    decompress: (bytes, maxBytes) => inOneGo(decoding(bytes, maxBytes, native)),
    decompressInTurns: (bytes, maxBytes, turn) => inTurns(decoding(bytes, maxBytes, native), turn),
  };
}

function compressBlock(bytes: Uint8Array, native: NativeSnappy | undefined): Uint8Array {
  return native === undefined || bytes.length < NATIVE_FROM_BYTES ? snappyjs.compress(bytes) : native.compressSync(bytes);
}

const isXerial = (bytes: Uint8Array): boolean => bytes.length >= XERIAL_HEADER.length && MAGIC.equals(bytes.subarray(0, MAGIC.length));

interface Block {
  readonly start: number;
  readonly end: number;
  /** Bytes when decompressed. */
  readonly size: number;
  readonly elementsAt: number;
}

function xerialBlocks(bytes: Uint8Array): Block[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const oldest = view.getInt32(MAGIC.length + 4);
  if (oldest > 1) throw new Error(`snappy framing for version ${oldest}, 1 is known`);
  const blocks: Block[] = [];
  for (let at = XERIAL_HEADER.length; at < bytes.length; ) {
    const start = at + 4;
    if (start > bytes.length) throw new Error('snappy framing: a block without its length');
    const length = view.getInt32(at);
    if (length < 0 || length > bytes.length - start) {
      throw new Error(`snappy framing: a block of ${length} bytes, ${bytes.length - start} are left`);
    }
    at = start + length;
    if (length > 0) blocks.push({ start, end: at, ...snappyBlockSize(bytes, start, at) });
  }
  return blocks;
}

const installed = optional<NativeSnappy>('snappy', ({ compressSync, uncompressSync }) => {
  const plain = Buffer.from('tidemark tidemark tidemark');
  return plain.equals(uncompressSync(compressSync(plain)));
});

/** Writes the framing of Kafka's Java client (xerial); reads that and raw blocks. Uses the package `snappy` where it is installed. */
export const snappy: Codec = snappyWith(installed);

/** The same without it. */
export const portableSnappy: Codec = snappyWith(undefined);

/** Writes one raw block, as clients on librdkafka do: `registerCodec(rawSnappy)`. Reads as the built-in one. */
export const rawSnappy: Codec = { ...snappy, compress: bytes => compressBlock(bytes, installed) };
