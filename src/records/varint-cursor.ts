/** What {@link VarintCursor.varint} gives for bytes that are no 32 bit varint. No field of a record may hold this number. */
export const MALFORMED = -0x80000000;

/**
 * A position in some memory from which zigzag-coded integers are read.
 * It may be moved anywhere: reading outside the memory gives some number, never throws, and moves on. Whoever reads checks the position.
 */
export class VarintCursor {
  at: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  /** A 32 bit integer of 1 to 5 bytes, or {@link MALFORMED}. */
  varint(): number {
    const bytes = this.#bytes;
    const low = bytes[this.at]!;
    if (low < 0x80) {
      this.at += 1;
      return unzigzag(low);
    }
    const high = bytes[this.at + 1]!;
    if (high < 0x80) {
      this.at += 2;
      return unzigzag((low & 0x7f) | (high << 7));
    }
    return this.#longVarint();
  }

  /** A 64 bit integer of 1 to 10 bytes: rounded when a double cannot hold it, NaN when the bytes are none. */
  varlong(): number {
    const bytes = this.#bytes;
    const low = bytes[this.at]!;
    if (low < 0x80) {
      this.at += 1;
      return unzigzag(low);
    }
    const high = bytes[this.at + 1]!;
    if (high < 0x80) {
      this.at += 2;
      return unzigzag((low & 0x7f) | (high << 7));
    }
    return this.#longVarlong();
  }

  #longVarint(): number {
    let raw = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#bytes[this.at++]!;
      raw |= (byte & 0x7f) << shift;
      if (byte < 0x80) return unzigzag(raw);
    }
    const last = this.#bytes[this.at++]!;
    return last < 0x10 ? unzigzag(raw | (last << 28)) : MALFORMED;
  }

  #longVarlong(): number {
    const first = this.#bytes[this.at++]!;
    let byte = first;
    let magnitude = (first & 0x7f) >>> 1; // the zigzag number without its lowest bit, which is the sign
    let scale = 64;
    for (let size = 2; byte > 0x7f; size++) {
      byte = this.#bytes[this.at++]!;
      if (!(byte < (size < 10 ? 0x100 : 0x02))) return Number.NaN;
      magnitude += (byte & 0x7f) * scale;
      scale *= 128;
    }
    return (first & 1) === 0 ? magnitude : -magnitude - 1;
  }
}

/** The signed number behind a zigzag-coded one: 0, 1, 2, 3 are 0, -1, 1, -2. */
const unzigzag = (raw: number): number => (raw >>> 1) ^ -(raw & 1);
