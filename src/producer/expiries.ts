import type { Clock, Timer } from '../base/clock.js';

/** Things that wait for something, each for a time of its own: one timer for all of them. */
export class Expiries<T extends { readonly expiresAt: number }> implements Iterable<T> {
  readonly #clock: Clock;
  readonly #items = new Set<T>();
  readonly #expired: (item: T) => void;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  /** @param expired Told of each item whose time has come; it is no longer among the others then. */
  constructor(clock: Clock, expired: (item: T) => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  add(item: T): void {
    this.#items.add(item);
    // Most come with growing deadlines, for which the timer that is set is early enough; it looks again when it was too early.
    if (item.expiresAt < this.#timerAt) this.#watch(item.expiresAt);
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
    this.#items.clear();
    this.#watch(Number.POSITIVE_INFINITY);
  }

  #watch(at: number): void {
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#clock.after(Math.max(0, at - this.#clock.now()), () => this.#expire(), true);
  }

  #expire(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = this.#clock.now();
    for (const item of [...this.#items]) {
      if (item.expiresAt > now || !this.#items.delete(item)) continue;
      this.#expired(item);
    }
    let next = this.#timerAt;
    for (const { expiresAt } of this.#items) next = Math.min(next, expiresAt);
    if (next < this.#timerAt) this.#watch(next);
  }
}
