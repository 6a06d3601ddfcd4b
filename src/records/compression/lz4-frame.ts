import { xxh32 } from '../../bytes/xxh32.js';

/*
 * LZ4 frames: magic, flags, block size, [content size], header checksum; blocks behind their lengths, 0 ends them; [content checksum].
 * Source: github.com/lz4/lz4, lz4_Frame_format.md
 */
const MAGIC = 0x184d2204;
const FLAGS_AT = 4;
const VERSION_BITS = 0xc0;
const VERSION_1 = 0x40;
const INDEPENDENT_BIT = 0x20;
const BLOCK_CHECKSUM_BIT = 0x10;
const CONTENT_SIZE_BIT = 0x08;
const CONTENT_CHECKSUM_BIT = 0x04;
/** A reserved bit, and dictionaries, which Kafka has no place for. */
const UNKNOWN_BITS = 0x03;
const BLOCK_SIZES: readonly (number | undefined)[] = [undefined, undefined, undefined, undefined, 2 ** 16, 2 ** 18, 2 ** 20, 2 ** 22];

/** In the length of a block: it is not compressed. */
export const STORED_BIT = 0x80000000;

/** The most that a byte of an LZ4 block can stand for. */
const MOST_PER_BYTE = 255;

const damaged = (what: string): Error => new Error(`damaged lz4 frame: ${what}`);

/** Where a block lies. */
export interface Lz4Block {
  readonly start: number;
  readonly end: number;
  /** Not compressed. */
  readonly stored: boolean;
}

/** What a frame says of itself. */
export interface Lz4Frame {
  /** False: matches may reach back into the blocks before. */
  readonly independent: boolean;
  readonly maxBlockBytes: number;
  readonly contentSize: number | undefined;
  readonly contentChecksum: number | undefined;
  readonly blocks: readonly Lz4Block[];
}

/**
 * Reads the structure of a frame that fills `bytes`; every length and checksum but that of the content is checked.
 * @param oldFormat Writers of message format v0 counted the magic number into the checksum of the header.
 * @throws Error saying what is wrong with it.
 */
export function readLz4Frame(bytes: Uint8Array, oldFormat: boolean): Lz4Frame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const need = (at: number, count: number, what: string): void => {
    if (count > bytes.length - at) throw damaged(`it ends before ${what}`);
  };
  need(0, 7, 'its header does');
  if (view.getUint32(0, true) !== MAGIC) throw damaged('no magic number');
  const flags = view.getUint8(FLAGS_AT);
  const sizes = view.getUint8(FLAGS_AT + 1);
  const maxBlockBytes = (sizes & 0x8f) === 0 ? BLOCK_SIZES[sizes >>> 4] : undefined;
  if ((flags & VERSION_BITS) !== VERSION_1 || (flags & UNKNOWN_BITS) !== 0 || maxBlockBytes === undefined) {
    throw damaged(`its flags ${flags} ${sizes} mean nothing`);
  }
  let at = FLAGS_AT + 2;
  let contentSize: number | undefined;
  if ((flags & CONTENT_SIZE_BIT) !== 0) {
    need(at, 9, 'its header does');
    contentSize = view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
    at += 8;
  }
  const checksum = view.getUint8(at);
  const isRight = (start: number): boolean => ((xxh32(bytes, start, at) >>> 8) & 0xff) === checksum;
  if (!isRight(FLAGS_AT) && !(oldFormat && isRight(0))) throw damaged('the checksum of its header is wrong');
  at += 1;

  const blocks: Lz4Block[] = [];
  const checksumBytes = (flags & BLOCK_CHECKSUM_BIT) !== 0 ? 4 : 0;
  for (;;) {
    need(at, 4, 'its end mark');
    const word = view.getUint32(at, true);
    at += 4;
    if (word === 0) break;
    const stored = word >= STORED_BIT;
    const length = stored ? word - STORED_BIT : word;
    if (length > maxBlockBytes) throw damaged(`a block of ${length} bytes, at most ${maxBlockBytes} may be`);
    need(at, length + checksumBytes, 'a block does');
    const end = at + length;
    if (checksumBytes > 0 && xxh32(bytes, at, end) !== view.getUint32(end, true)) throw damaged('the checksum of a block is wrong');
    blocks.push({ start: at, end, stored });
    at = end + checksumBytes;
  }
  let contentChecksum: number | undefined;
  if ((flags & CONTENT_CHECKSUM_BIT) !== 0) {
    need(at, 4, 'the checksum of its content');
    contentChecksum = view.getUint32(at, true);
    at += 4;
  }
  if (at !== bytes.length) throw damaged(`${bytes.length - at} bytes follow it`);
  return { independent: (flags & INDEPENDENT_BIT) !== 0, maxBlockBytes, contentSize, contentChecksum, blocks };
}

/** The most that these blocks can be when decompressed. */
export function mostBytes(blocks: readonly Lz4Block[], maxBlockBytes: number): number {
  let most = 0;
  for (const { start, end, stored } of blocks) most += stored ? end - start : Math.min(maxBlockBytes, (end - start) * MOST_PER_BYTE);
  return most;
}
