import type { Clock, Timer } from '../base/clock.js';

/** Things that wait for something, each for a time of its own: one timer for all of them. */
export class Expiries<T extends { readonly expiresAt: number }> implements Iterable<T> {
  readonly #clock: Clock;
  readonly #items = new Set<T>();
  readonly #expired: (item: T) => void;
  #timer: Timer | undefined;

  /** @param expired Told of each item whose time has come; it is no longer among the others then. */
  constructor(clock: Clock, expired: (item: T) => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  add(item: T): void {
    this.#items.add(item);
    // Items come with growing deadlines, so the timer that is set is early enough; it looks again when it was too early.
    if (this.#timer === undefined) this.#watch();
  }

  delete(item: T): boolean {
    return this.#items.delete(item);
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#items.values();
  }

  get size(): number {
    return this.#items.size;
  }

  /** Forgets everything. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#items.clear();
  }

  #watch(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const { expiresAt } of this.#items) next = Math.min(next, expiresAt);
    if (next === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#clock.after(Math.max(0, next - this.#clock.now()), () => this.#expire(), true);
  }

  #expire(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    for (const item of [...this.#items]) {
      if (item.expiresAt > now || !this.#items.delete(item)) continue;
      this.#expired(item);
    }
    if (this.#timer === undefined) this.#watch();
  }
}
