/** Numbers from 0 up to 1 that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What to send. */
export interface WorkloadOptions {
  readonly count: number;
  readonly seed: number;
  /** Default 1000. */
  readonly keyCount?: number | undefined;
  /** Default 100. */
  readonly valueBytes?: number | undefined;
}

/** Keyed messages that can be told apart: message i has the same key and value in every run with one seed, and shows its number. */
export class Workload {
  readonly count: number;
  readonly seed: number;
  readonly #keys: Uint16Array;
  readonly #padding: string;
  readonly #valueBytes: number;

  constructor({ count, seed, keyCount = 1000, valueBytes = 100 }: WorkloadOptions) {
    const next = seeded(seed);
    this.count = count;
    this.seed = seed;
    this.#keys = Uint16Array.from({ length: count }, () => Math.floor(next() * keyCount));
    this.#valueBytes = valueBytes;
    this.#padding = Array.from({ length: valueBytes }, () => String.fromCharCode(97 + Math.floor(next() * 26))).join('');
  }

  key(i: number): string {
    return `key-${this.#keys[i]}`;
  }

  value(i: number): string {
    return `${i}:${this.seed}:${this.#padding.slice(i % 26)}${this.#padding}`.slice(0, this.#valueBytes);
  }

  /** The number of the message that has this key and value, to the last byte; undefined: none has. */
  numberOf(key: string | null, value: string | null): number | undefined {
    const i = Number.parseInt(value ?? '', 10);
    return i >= 0 && i < this.count && this.key(i) === key && this.value(i) === value ? i : undefined;
  }
}
