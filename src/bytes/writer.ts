import { InputError } from '../base/errors.js';
import { putUvarint, putVarint, putVarlong } from './varint.js';

/** Byte fields at least this large are referenced, smaller ones are copied. */
const REFERENCE_BYTES = 1024;

const UUID = /^[A-Za-z0-9_-]{21}[AQgw]$/;

/**
 * Writes Kafka's primitive types, big-endian, as a list of chunks.
 * Small values are gathered in scratch memory; large byte fields become chunks of their own without a copy, so they must not change until sent.
 * A value that does not fit its type throws an InputError; nothing is written for it.
 */
export class Writer {
  readonly #chunks: Uint8Array[] = [];
  /** Bytes in `#chunks`. */
  #closed = 0;
  #scratch: Buffer;
  /** Where the piece of scratch not yet in `#chunks` begins. */
  #from = 0;
  #at = 0;

  /** @param expectedBytes Size of the first scratch memory; more is taken as needed. */
  constructor(expectedBytes = 512) {
    this.#scratch = Buffer.allocUnsafe(expectedBytes);
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#closed + this.#at - this.#from;
  }

  bool(value: boolean): void {
    const at = this.#room(1);
    this.#scratch[at] = value ? 1 : 0;
  }

  int8(value: number): void {
    if ((value << 24) >> 24 !== value) throw unfit(value, 'an int8');
    const at = this.#room(1);
    this.#scratch[at] = value;
  }

  int16(value: number): void {
    if ((value << 16) >> 16 !== value) throw unfit(value, 'an int16');
    const at = this.#room(2);
    this.#scratch.writeInt16BE(value, at);
  }

  uint16(value: number): void {
    if ((value & 0xffff) !== value) throw unfit(value, 'a uint16');
    const at = this.#room(2);
    this.#scratch.writeUInt16BE(value, at);
  }

  int32(value: number): void {
    if ((value | 0) !== value) throw unfit(value, 'an int32');
    const at = this.#room(4);
    this.#scratch.writeInt32BE(value, at);
  }

  uint32(value: number): void {
    if (value >>> 0 !== value) throw unfit(value, 'a uint32');
    const at = this.#room(4);
    this.#scratch.writeUInt32BE(value, at);
  }

  /** Takes safe integers only. */
  int64(value: number): void {
    if (!Number.isSafeInteger(value)) throw unfit(value, 'a safe integer');
    this.#int64(value);
  }

  /** Takes any integer a 64 bit field can be read as by {@link Reader.int64Rounded}: for timestamps. */
  int64Rounded(value: number): void {
    if (!Number.isInteger(value) || value < -(2 ** 63) || value > 2 ** 63) throw unfit(value, 'an int64');
    this.#int64(Math.min(value, 2 ** 63 - 1024)); // 2^63 itself is what the largest int64s round to
  }

  float64(value: number): void {
    if (typeof value !== 'number') throw unfit(value, 'a float64');
    const at = this.#room(8);
    this.#scratch.writeDoubleBE(value, at);
  }

  uvarint(value: number): void {
    if (value >>> 0 !== value) throw unfit(value, 'a uint32');
    const at = this.#reach(5);
    this.#at = putUvarint(this.#scratch, at, value);
  }

  varint(value: number): void {
    if ((value | 0) !== value) throw unfit(value, 'an int32');
    const at = this.#reach(5);
    this.#at = putVarint(this.#scratch, at, value);
  }

  varlong(value: number): void {
    if (!Number.isSafeInteger(value)) throw unfit(value, 'a safe integer');
    const at = this.#reach(10);
    this.#at = putVarlong(this.#scratch, at, value);
  }

  /** Takes 22 characters of base64url, as {@link Reader.uuid} gives them. */
  uuid(value: string): void {
    if (typeof value !== 'string' || !UUID.test(value)) throw unfit(value, 'a uuid of 22 base64url characters');
    const at = this.#room(16);
    this.#scratch.write(value, at, 'base64url');
  }

  /** The UTF-8 bytes of `text` without a length before them. `byteCount` saves measuring twice. */
  string(text: string, byteCount: number = Buffer.byteLength(text)): void {
    const at = this.#room(byteCount);
    this.#scratch.write(text, at, 'utf8');
  }

  /** The bytes alone, without a length before them. */
  bytes(bytes: Uint8Array): void {
    if (bytes.length < REFERENCE_BYTES) {
      const at = this.#room(bytes.length);
      this.#scratch.set(bytes, at);
      return;
    }
    this.#close();
    this.#chunks.push(bytes);
    this.#closed += bytes.length;
  }

  /** Room for `count` bytes to be filled in later, as a length that is known at the end. */
  reserve(count: number): Buffer {
    const at = this.#room(count);
    return this.#scratch.subarray(at, at + count);
  }

  /** All that was written, in order: for one gathering write. */
  finish(): Uint8Array[] {
    this.#close();
    return this.#chunks.slice();
  }

  /** All that was written, copied into one Buffer. */
  toBuffer(): Buffer {
    return Buffer.concat(this.finish());
  }

  #int64(value: number): void {
    const at = this.#room(8);
    const high = Math.floor(value / 2 ** 32);
    this.#scratch.writeInt32BE(high, at);
    this.#scratch.writeUInt32BE(value - high * 2 ** 32, at + 4);
  }

  /** Takes `count` bytes of scratch; gives where they begin. Call it before naming the scratch: it may put another in its place. */
  #room(count: number): number {
    const at = this.#reach(count);
    this.#at = at + count;
    return at;
  }

  /** Makes sure that `count` bytes of scratch are free; gives where they begin. */
  #reach(count: number): number {
    if (this.#at + count > this.#scratch.length) {
      this.#close();
      this.#scratch = Buffer.allocUnsafe(Math.max(count, Math.min(this.#scratch.length * 2, 64 * 1024)));
      this.#from = this.#at = 0;
    }
    return this.#at;
  }

  /** Turns the open piece of scratch into a chunk. */
  #close(): void {
    if (this.#at === this.#from) return;
    this.#chunks.push(this.#scratch.subarray(this.#from, this.#at));
    this.#closed += this.#at - this.#from;
    this.#from = this.#at;
  }
}

/** Names what was given, never a payload. */
function unfit(value: unknown, expected: string): InputError {
  const given =
    typeof value === 'string' ? `a string of ${value.length} characters` : typeof value === 'object' ? 'an object' : String(value);
  return new InputError(`expected ${expected}, got ${value === null ? 'null' : given}`);
}
