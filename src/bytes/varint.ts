/*
 * Kafka's variable-length integers: seven bits a byte, the lowest first, the top bit saying that more follow.
 * Signed ones are zigzag-coded (0, -1, 1, -2, ...), so small negative numbers stay short.
 * The `put` functions expect room in the target (see the sizes) and a value in range: they are for inner loops and check nothing.
 */

const LOW = 2 ** 27; // a varlong is handled as its lowest 28 zigzag bits and the rest: both halves stay exact in a double

/** The number of bytes (1 to 5) that {@link putUvarint} writes for an integer from 0 to 2^32 - 1. */
export function uvarintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
}

/** The number of bytes (1 to 5) that {@link putVarint} writes for a signed 32 bit integer. */
export function varintSize(value: number): number {
  return uvarintSize(((value << 1) ^ (value >> 31)) >>> 0);
}

/** The number of bytes (1 to 8) that {@link putVarlong} writes for a safe integer. */
export function varlongSize(value: number): number {
  const magnitude = value < 0 ? -(value + 1) : value;
  return magnitude < LOW ? uvarintSize(magnitude * 2) : 4 + uvarintSize(Math.floor(magnitude / LOW));
}

/** Writes an integer from 0 to 2^32 - 1 at `at`; gives the position behind it. */
export function putUvarint(target: Uint8Array, at: number, value: number): number {
  while (value > 0x7f) {
    target[at++] = (value & 0x7f) | 0x80;
    value >>>= 7;
  }
  target[at++] = value;
  return at;
}

/** Writes a signed 32 bit integer, zigzag-coded, at `at`; gives the position behind it. */
export function putVarint(target: Uint8Array, at: number, value: number): number {
  return putUvarint(target, at, ((value << 1) ^ (value >> 31)) >>> 0);
}

/** Writes a safe integer, zigzag-coded as a 64 bit number, at `at`; gives the position behind it. */
export function putVarlong(target: Uint8Array, at: number, value: number): number {
  const sign = value < 0 ? 1 : 0;
  const magnitude = sign === 1 ? -(value + 1) : value;
  if (magnitude < LOW) return putUvarint(target, at, magnitude * 2 + sign);
  const low = (magnitude % LOW) * 2 + sign;
  target[at++] = (low & 0x7f) | 0x80;
  target[at++] = ((low >>> 7) & 0x7f) | 0x80;
  target[at++] = ((low >>> 14) & 0x7f) | 0x80;
  target[at++] = (low >>> 21) | 0x80;
  return putUvarint(target, at, Math.floor(magnitude / LOW));
}
