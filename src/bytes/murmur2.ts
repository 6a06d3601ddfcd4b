const MULTIPLIER = 0x5bd1e995;
const SEED = 0x9747b28c;

/**
 * The 32-bit murmur2 hash of the first `length` of `bytes`, as a signed integer, with the seed Kafka's Java client uses for keys.
 * Its default partitioner is `(murmur2(key) & 0x7fffffff) % partitions`.
 */
export function murmur2(bytes: Uint8Array, length: number = bytes.length): number {
  const tail = length & ~3;
  let hash = SEED ^ length;
  for (let at = 0; at < tail; at += 4) {
    let word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    word = Math.imul(word, MULTIPLIER);
    word ^= word >>> 24;
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word, MULTIPLIER);
  }
  const left = length - tail;
  if (left > 2) hash ^= bytes[tail + 2]! << 16;
  if (left > 1) hash ^= bytes[tail + 1]! << 8;
  if (left > 0) hash = Math.imul(hash ^ bytes[tail]!, MULTIPLIER);
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER);
  return hash ^ (hash >>> 15);
}
