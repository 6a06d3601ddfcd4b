import { OutputLimitError } from './codec.js';

const MAGIC = 0xfd2fb528;
/** Of the 16 magic numbers of frames that hold no data, the first. */
const SKIPPABLE = 0x184d2a50;
/** Of what was written before, a decoder keeps this much at most: the C library's own limit. */
const MAX_WINDOW_BYTES = 2 ** 27;
/** Writers make one. Each costs a decoder of its own, however little it holds. */
const MOST_FRAMES = 100;
const CHECKSUM_BIT = 0x04;
const RESERVED_BIT = 0x08;
const SINGLE_SEGMENT_BIT = 0x20;

const damaged = (what: string): Error => new Error(`damaged zstd frame: ${what}`);

/**
 * The frames that make up `bytes`, each whole: nearly always one. What they hold is not looked at.
 * @throws OutputLimitError when one claims to be more than `maxBytes`; Error for a frame that is cut short, or needs too large a window.
 * @see RFC 8878, 3.1
 */
export function zstdFrames(bytes: Uint8Array, maxBytes: number): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  do {
    const magic = number(view, at, 4);
    if (magic - (magic & 0xf) === SKIPPABLE) {
      at += 8 + number(view, at + 4, 4);
      if (at > bytes.length) throw damaged('it is cut short');
      continue;
    }
    if (magic !== MAGIC) throw damaged('no magic number');
    const end = endOfFrame(view, at, maxBytes);
    if (frames.length === MOST_FRAMES) throw damaged(`it is one of more than ${MOST_FRAMES}`);
    frames.push(bytes.subarray(at, end));
    at = end;
  } while (at < bytes.length);
  return frames;
}

/** The largest block that a frame may have: no window need be smaller. */
const MAX_BLOCK_BYTES = 2 ** 17;

/**
 * The frame with a window of no more than `room` bytes needs, which are the most it may become: a decoder that takes memory for the whole
 * window at once takes no more than that. Copied where it is changed.
 */
export function withinRoom(frame: Uint8Array, room: number): Uint8Array {
  const needed = Math.ceil(Math.log2(Math.max(room, MAX_BLOCK_BYTES))) - 10;
  const [descriptor = 0, window = 0] = frame.subarray(4, 6);
  if ((descriptor & SINGLE_SEGMENT_BIT) !== 0 || window >>> 3 < needed) return frame;
  const copy = Uint8Array.from(frame);
  copy[5] = needed << 3;
  return copy;
}

function endOfFrame(view: DataView, start: number, maxBytes: number): number {
  const descriptor = number(view, start + 4, 1);
  if ((descriptor & RESERVED_BIT) !== 0) throw damaged('a reserved bit is set');
  const single = (descriptor & SINGLE_SEGMENT_BIT) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor >>> 6] ?? 0;
  const sizeAt = start + (single ? 5 : 6) + dictionaryBytes;
  const size = sizeBytes === 0 ? 0 : number(view, sizeAt, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
  if (size > maxBytes) throw new OutputLimitError();
  if (!single) {
    const window = number(view, start + 5, 1);
    const base = 2 ** (10 + (window >>> 3));
    const windowBytes = base + (base / 8) * (window & 7);
    if (windowBytes > MAX_WINDOW_BYTES) throw damaged(`it needs a window of ${windowBytes} bytes, at most ${MAX_WINDOW_BYTES} are given`);
  }
  let at = sizeAt + sizeBytes;
  for (let last = false; !last; ) {
    const block = number(view, at, 3);
    last = (block & 1) !== 0;
    const isOneByteRepeated = ((block >>> 1) & 3) === 1;
    at += 3 + (isOneByteRepeated ? 1 : block >>> 3);
  }
  if ((descriptor & CHECKSUM_BIT) !== 0) at += 4;
  if (at > view.byteLength) throw damaged('it is cut short');
  return at;
}

/** An unsigned little-endian number of so many bytes. */
function number(view: DataView, at: number, size: number): number {
  if (at + size > view.byteLength) throw damaged('it is cut short');
  let value = 0;
  for (let i = size - 1; i >= 0; i--) value = value * 256 + view.getUint8(at + i);
  return value;
}
