import { PIECE_BYTES } from './codec.js';

const damaged = (what: string): Error => new Error(`damaged snappy block: ${what}`);
/** Shorter copies are faster byte by byte. */
const COPY_FROM = 32;

/** The most that a byte of input can stand for: a copy of 64 bytes takes 3. */
const MOST_PER_BYTE = 64 / 3;

/**
 * The size that a raw block says it has when decompressed, and where its elements begin.
 * @throws Error when the bytes cannot be a block of that size.
 */
export function snappyBlockSize(bytes: Uint8Array, start: number, end: number): { readonly size: number; readonly elementsAt: number } {
  let size = 0;
  for (let i = 0; i < 5; i++) {
    const byte = start + i < end ? bytes[start + i]! : -1;
    if (byte < 0 || (i === 4 && byte > 0x0f)) break;
    size += (byte & 0x7f) * 2 ** (7 * i);
    if (byte > 0x7f) continue;
    if (size > (end - start) * MOST_PER_BYTE) throw damaged(`${end - start} bytes claim to be ${size}`);
    return { size, elementsAt: start + i + 1 };
  }
  throw damaged('no length');
}

/**
 * Decompresses the elements of a raw block that lie in `bytes` from `at` to `end` into exactly `output` from `out` to `outEnd`; yields now
 * and then. Every length is checked against what is left of both.
 * @see github.com/google/snappy, format_description.txt
 */
export function* snappyElements(
  bytes: Uint8Array,
  at: number,
  end: number,
  output: Uint8Array,
  out: number,
  outEnd: number,
): Generator<void, void, void> {
  const outStart = out;
  let pieceEnd = out + PIECE_BYTES;
  while (at < end) {
    const tag = bytes[at++]!;
    if ((tag & 3) === 0) {
      let length = (tag >>> 2) + 1;
      if (length > 60) {
        const size = length - 60;
        if (at + size > end) throw damaged('a literal without its length');
        length = 1;
        for (let i = 0; i < size; i++) length += bytes[at + i]! * 2 ** (8 * i);
        at += size;
      }
      if (length > end - at) throw damaged(`a literal of ${length} bytes, ${end - at} are left`);
      if (length > outEnd - out) throw damaged('more output than it claims');
      if (length < COPY_FROM) for (let i = 0; i < length; i++) output[out + i] = bytes[at + i]!;
      else output.set(bytes.subarray(at, at + length), out);
      at += length;
      out += length;
    } else {
      let length: number;
      let distance: number;
      if ((tag & 3) === 1) {
        if (at >= end) throw damaged('a copy without its distance');
        length = ((tag >>> 2) & 7) + 4;
        distance = ((tag & 0xe0) << 3) | bytes[at]!;
        at += 1;
      } else {
        const size = (tag & 3) === 2 ? 2 : 4;
        if (at + size > end) throw damaged('a copy without its distance');
        length = (tag >>> 2) + 1;
        distance = bytes[at]! | (bytes[at + 1]! << 8);
        if (size === 4) distance += bytes[at + 2]! * 2 ** 16 + bytes[at + 3]! * 2 ** 24;
        at += size;
      }
      const from = out - distance;
      if (distance === 0 || from < outStart) throw damaged(`a copy from ${distance} bytes back, ${out - outStart} are there`);
      if (length > outEnd - out) throw damaged('more output than it claims');
      for (let i = 0; i < length; i++) output[out + i] = output[from + i]!;
      out += length;
    }
    if (out >= pieceEnd) {
      yield;
      pieceEnd = out + PIECE_BYTES;
    }
  }
  if (out !== outEnd) throw damaged(`${out - outStart} bytes of output, it claims ${outEnd - outStart}`);
}
