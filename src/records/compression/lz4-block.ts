const damaged = (what: string): Error => new Error(`damaged lz4 block: ${what}`);
/** Shorter copies are faster byte by byte (bench/codecs.ts). */
const COPY_FROM = 48;
const MIN_MATCH = 4;

/**
 * Decompresses a block that lies in `bytes` from `at` to `end` into `output` from `out`, at most up to `outEnd`, and gives the position
 * behind. Matches may reach back to `lowest`. More output is answered by `overflow`. Every length is checked against what is left of input and output.
 * @see github.com/lz4/lz4, lz4_Block_format.md
 */
export function decompressLz4Block(
  bytes: Uint8Array,
  at: number,
  end: number,
  output: Uint8Array,
  out: number,
  outEnd: number,
  lowest: number,
  overflow: Error = damaged('more output than a block may have'),
): number {
  while (at < end) {
    const token = bytes[at++]!;
    let length = token >>> 4;
    if (length === 15) {
      let more: number;
      do {
        if (at >= end) throw damaged('a literal without its length');
        more = bytes[at++]!;
        length += more;
      } while (more === 255);
    }
    if (length > 0) {
      if (length > end - at) throw damaged(`a literal of ${length} bytes, ${end - at} are left`);
      if (length > outEnd - out) throw overflow;
      const stop = out + length;
      if (length < COPY_FROM) {
        while (out < stop) output[out++] = bytes[at++]!;
      } else {
        output.set(bytes.subarray(at, at + length), out);
        at += length;
        out = stop;
      }
    }
    if (at === end) return out; // the last sequence has no match

    if (end - at < 2) throw damaged('a match without its distance');
    const distance = bytes[at]! | (bytes[at + 1]! << 8);
    at += 2;
    length = (token & 15) + MIN_MATCH;
    if (length === 15 + MIN_MATCH) {
      let more: number;
      do {
        if (at >= end) throw damaged('a match without its length');
        more = bytes[at++]!;
        length += more;
      } while (more === 255);
    }
    let from = out - distance;
    if (distance === 0 || from < lowest) throw damaged(`a match from ${distance} bytes back, ${out - lowest} are there`);
    if (length > outEnd - out) throw overflow;
    const stop = out + length;
    if (length < COPY_FROM || distance < length) {
      while (out < stop) output[out++] = output[from++]!;
    } else {
      output.copyWithin(out, from, from + length);
      out = stop;
    }
  }
  throw damaged('it ends with a match');
}

/** A match must not begin in the last so many bytes of a block: decoders in C rely on it. */
const NO_MATCH_BYTES = 12;

/**
 * Makes the block that lz4js wrote into `block` (`length` bytes, for all of `plain`) one that other decoders accept: where its last matches
 * begin too late they become literals. Gives the new length.
 */
export function mendLz4Block(block: Uint8Array, length: number, plain: Uint8Array): number {
  const latest = plain.length - NO_MATCH_BYTES;
  let at = 0;
  let done = 0; // bytes of plain
  while (at < length) {
    const tokenAt = at;
    const token = block[at++]!;
    let literals = token >>> 4;
    if (literals === 15) {
      let more: number;
      do literals += more = block[at++]!;
      while (more === 255);
    }
    at += literals;
    if (at >= length) return length; // the last sequence
    if (done + literals > latest) return putLiterals(block, tokenAt, plain, done);
    at += 2;
    let match = (token & 15) + MIN_MATCH;
    if (match === 15 + MIN_MATCH) {
      let more: number;
      do match += more = block[at++]!;
      while (more === 255);
    }
    done += literals + match;
  }
  return length;
}

/** Ends the block at `at` with a sequence of literals: all of `plain` from `from`. */
function putLiterals(block: Uint8Array, at: number, plain: Uint8Array, from: number): number {
  const length = plain.length - from;
  block[at++] = Math.min(length, 15) << 4;
  if (length >= 15) {
    let left = length - 15;
    for (; left >= 255; left -= 255) block[at++] = 255;
    block[at++] = left;
  }
  block.set(plain.subarray(from), at);
  return at + length;
}
