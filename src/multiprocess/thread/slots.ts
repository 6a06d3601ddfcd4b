/** A number of places, for which those who find none wait in order. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Takes a place if there is one. */
  tryTake(): boolean {
    if (this.#free === 0) return false;
    this.#free -= 1;
    return true;
  }

  /** Resolves when a place is taken. */
  async take(): Promise<void> {
    if (this.tryTake()) return;
    await new Promise<void>(resolve => this.#waiting.push(resolve));
  }

  /** Gives a place to whoever waits longest. */
  free(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
