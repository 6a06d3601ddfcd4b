import { ProtocolError } from '../base/errors.js';

/** The uuid of sixteen zero bytes, which Kafka uses for "no id". */
export const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA';

/** The same memory as a Buffer, without a copy. */
const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** 128 MiB: some 800,000 partitions of metadata. An element of three bytes may become an object of a hundred. */
const MAX_WORDS = 2 ** 24;

/**
 * Reads Kafka's primitive types, big-endian, from one piece of memory. Nothing is copied but strings.
 * Reading past the end throws a ProtocolError that says where, how much was wanted, and how much there was; the position then stays.
 */
export class Reader {
  readonly #bytes: Buffer;
  readonly #end: number;
  readonly #room: { words: number };
  #at: number;

  /** Reads `bytes` from `start` up to, not including, `end`. */
  constructor(bytes: Uint8Array, start = 0, end = bytes.length, room = { words: MAX_WORDS }) {
    this.#bytes = asBuffer(bytes);
    this.#room = room;
    this.#at = Math.min(start, end, bytes.length);
    this.#end = Math.min(end, bytes.length);
  }

  /** Where the next read begins, counted from the first byte of the memory given. */
  get position(): number {
    return this.#at;
  }

  /** Bytes left to read. */
  get remaining(): number {
    return this.#end - this.#at;
  }

  int8(): number {
    return (this.#bytes[this.#take(1)]! << 24) >> 24;
  }

  uint8(): number {
    return this.#bytes[this.#take(1)]!;
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#take(2));
  }

  uint16(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  /** @throws ProtocolError when the number is not a safe integer: offsets and ids never are that large. */
  int64(): number {
    const at = this.#at;
    const value = this.int64Rounded();
    if (!Number.isSafeInteger(value)) throw this.#unsafe(at);
    return value;
  }

  /** An int64 rounded to the nearest number: for timestamps, which applications choose freely. */
  int64Rounded(): number {
    const at = this.#take(8);
    return this.#bytes.readInt32BE(at) * 2 ** 32 + this.#bytes.readUInt32BE(at + 4);
  }

  float64(): number {
    return this.#bytes.readDoubleBE(this.#take(8));
  }

  /** An unsigned varint of at most 5 bytes. */
  uvarint(): number {
    const bytes = this.#bytes;
    const start = this.#at;
    let at = start;
    let value = 0;
    for (let shift = 0; at < this.#end; shift += 7) {
      const byte = bytes[at++]!;
      if (shift === 28 && byte > 0x0f) throw fault(`varint at ${start} does not fit 32 bits`, start);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.#at = at;
        return value >>> 0;
      }
    }
    throw this.#overrun(at - start + 1);
  }

  /** A zigzag-coded varint of at most 5 bytes. */
  varint(): number {
    const value = this.uvarint();
    return (value >>> 1) ^ -(value & 1);
  }

  /**
   * A zigzag-coded varint of at most 10 bytes.
   * @throws ProtocolError when the number is not a safe integer.
   */
  varlong(): number {
    const at = this.#at;
    const value = this.varlongRounded();
    if (!Number.isSafeInteger(value)) throw this.#unsafe(at);
    return value;
  }

  /** A zigzag-coded varint of at most 10 bytes, rounded to the nearest number. */
  varlongRounded(): number {
    const bytes = this.#bytes;
    const start = this.#at;
    let at = start;
    let low = 0; // the lowest 28 bits
    let high = 0; // the 36 above them
    for (let count = 0; at < this.#end; count++) {
      const byte = bytes[at++]!;
      if (count === 9 && byte > 0x01) throw fault(`varlong at ${start} does not fit 64 bits`, start);
      if (count < 4) low |= (byte & 0x7f) << (7 * count);
      else high += (byte & 0x7f) * 2 ** (7 * (count - 4));
      if (byte < 0x80) {
        this.#at = at;
        const magnitude = high * 2 ** 27 + (low >>> 1);
        return (low & 1) === 0 ? magnitude : -magnitude - 1;
      }
    }
    throw this.#overrun(at - start + 1);
  }

  /** Sixteen bytes the way Kafka prints them: 22 characters of base64url. */
  uuid(): string {
    const at = this.#take(16);
    return this.#bytes.toString('base64url', at, at + 16);
  }

  /** The next `count` bytes as a view of the same memory: it lives, and changes, with it. */
  bytes(count: number): Buffer {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }

  /** The next `count` bytes as UTF-8; what is not UTF-8 becomes U+FFFD. */
  string(count: number): string {
    const at = this.#take(count);
    return this.#bytes.toString('utf8', at, at + count);
  }

  skip(count: number): void {
    this.#take(count);
  }

  /** A reader of the next `count` bytes alone, with the same positions; this one goes on behind them. */
  part(count: number): Reader {
    const at = this.#take(count);
    return new Reader(this.#bytes, at, at + count, this.#room);
  }

  /**
   * Notes that so many words of 8 bytes of memory are about to be taken for what is read.
   * @throws ProtocolError when they are too many, with all that were noted before.
   */
  reserve(words: number): void {
    this.#room.words -= words;
    if (this.#room.words >= 0) return;
    throw fault(`at ${this.#at}: what was read so far would take more than ${MAX_WORDS * 8} bytes of memory`, this.#at);
  }

  #take(count: number): number {
    const at = this.#at;
    // Written so that NaN fails too.
    if (!(count >= 0 && count <= this.#end - at)) throw this.#overrun(count);
    this.#at = at + count;
    return at;
  }

  #overrun(wanted: number): ProtocolError {
    const remaining = this.remaining;
    return fault(`wanted ${wanted} bytes at ${this.#at}, there are ${remaining}`, this.#at, { wanted, remaining });
  }

  #unsafe(at: number): ProtocolError {
    this.#at = at;
    return fault(`the 64 bit integer at ${at} is outside the safe integers`, at);
  }
}

function fault(message: string, position: number, more: Record<string, number> = {}): ProtocolError {
  return new ProtocolError(message, { context: { position, ...more } });
}
