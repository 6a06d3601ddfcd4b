const damaged = (what: string): Error => new Error(`damaged snappy block: ${what}`);
/** Shorter copies are faster byte by byte (bench/codecs.ts). */
const COPY_FROM = 48;

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

/** The elements of a raw block that lie in some bytes, decompressed into memory of exactly their size. */
export class SnappyElements {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  readonly #output: Uint8Array;
  readonly #outStart: number;
  readonly #outEnd: number;
  #at: number;
  #out: number;

  /** Those from `at` to `end`, into `output` from `outStart` to `outEnd`. */
  constructor(bytes: Uint8Array, at: number, end: number, output: Uint8Array, outStart: number, outEnd: number) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
    this.#output = output;
    this.#out = outStart;
    this.#outStart = outStart;
    this.#outEnd = outEnd;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  /**
   * Decompresses on until about `count` more bytes are made. Every length is checked against what is left of input and output.
   * @throws Error when the block is damaged.
   * @see github.com/google/snappy, format_description.txt
   */
  make(count: number): void {
    const bytes = this.#bytes;
    const end = this.#end;
    const output = this.#output;
    const outStart = this.#outStart;
    const outEnd = this.#outEnd;
    const enough = this.#out + count;
    let at = this.#at;
    let out = this.#out;
    while (at < end && out < enough) {
      const tag = bytes[at]!;
      let length = (tag >>> 2) + 1;
      let distance: number;
      switch (tag & 3) {
        case 0: {
          at += 1;
          if (length > 60) {
            const size = length - 60;
            if (size > end - at) throw damaged('a literal without its length');
            length = bytes[at]! + 1;
            for (let i = 1; i < size; i++) length += bytes[at + i]! * 2 ** (8 * i);
            at += size;
          }
          if (length > end - at) throw damaged(`a literal of ${length} bytes, ${end - at} are left`);
          if (length > outEnd - out) throw damaged('more output than it claims');
          const stop = out + length;
          if (length < COPY_FROM) {
            while (out < stop) output[out++] = bytes[at++]!;
          } else {
            output.set(bytes.subarray(at, at + length), out);
            at += length;
            out = stop;
          }
          continue;
        }
        case 1:
          if (end - at < 2) throw damaged('a copy without its distance');
          length = ((tag >>> 2) & 7) + 4;
          distance = ((tag & 0xe0) << 3) | bytes[at + 1]!;
          at += 2;
          break;
        case 2:
          if (end - at < 3) throw damaged('a copy without its distance');
          distance = bytes[at + 1]! | (bytes[at + 2]! << 8);
          at += 3;
          break;
        default:
          if (end - at < 5) throw damaged('a copy without its distance');
          distance = (bytes[at + 1]! | (bytes[at + 2]! << 8) | (bytes[at + 3]! << 16) | (bytes[at + 4]! << 24)) >>> 0;
          at += 5;
      }
      let from = out - distance;
      if (distance === 0 || from < outStart) throw damaged(`a copy from ${distance} bytes back, ${out - outStart} are there`);
      if (length > outEnd - out) throw damaged('more output than it claims');
      for (const stop = out + length; out < stop; ) output[out++] = output[from++]!;
    }
    this.#at = at;
    this.#out = out;
    if (at >= end && out !== outEnd) throw damaged(`${out - outStart} bytes of output, it claims ${outEnd - outStart}`);
  }
}
