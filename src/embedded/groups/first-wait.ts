/** The wait of the first rebalance for more members: again when some came, but no longer than members want (KIP-134). */
export class FirstWait {
  readonly #delayMs: number;
  readonly #after: (ms: number, run: () => void) => void;
  #grew = false;

  /** @param delayMs 0: no wait. */
  constructor(delayMs: number, after: (ms: number, run: () => void) => void) {
    this.#delayMs = delayMs;
    this.#after = after;
  }

  /** Somebody else has come. */
  more(): void {
    this.#grew = true;
  }

  /** Calls `done` when it is over: at once where there is no wait. */
  begin(atMostMs: number, done: () => void): void {
    this.#grew = false;
    this.#wait(this.#delayMs, Math.max(atMostMs - this.#delayMs, 0), done);
  }

  #wait(ms: number, leftMs: number, done: () => void): void {
    if (ms === 0) {
      done();
      return;
    }
    this.#after(ms, () => {
      if (!this.#grew || leftMs === 0) {
        done();
        return;
      }
      this.#grew = false;
      this.#wait(Math.min(this.#delayMs, leftMs), Math.max(leftMs - ms, 0), done);
    });
  }
}
