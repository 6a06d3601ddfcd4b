const OFFSET_BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

/** The 32-bit FNV-1a hash of the first `length` of `bytes`, as an unsigned integer. */
export function fnv1a(bytes: Uint8Array, length: number = bytes.length): number {
  let hash = OFFSET_BASIS;
  for (let at = 0; at < length; at++) hash = Math.imul(hash ^ bytes[at]!, PRIME);
  return hash >>> 0;
}
