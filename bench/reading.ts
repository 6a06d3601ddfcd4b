import { Meter, type Usage } from './usage.js';

/** Counts what a reader is given, and what that costs after the warm-up. */
export class Counted {
  /** Resolves when all has been read. */
  readonly done: Promise<void>;
  readonly #meter = new Meter();
  readonly #total: number;
  readonly #before: number;
  #count = 0;
  #valueBytes = 0;
  #finish: () => void = () => {};
  #usage: Usage | undefined;

  constructor(total: number, warmUp: number) {
    this.#total = total;
    this.#before = warmUp;
    this.done = new Promise(resolve => {
      this.#finish = resolve;
    });
  }

  /** A message with a value of so many bytes. */
  add(valueBytes: number): void {
    if (this.#usage !== undefined) return;
    this.#valueBytes += valueBytes;
    this.#count += 1;
    if (this.#count === this.#before) this.#meter.start(this.#count);
    if (this.#count === this.#total) {
      this.#usage = this.#meter.end(this.#count, this.#valueBytes);
      this.#finish();
    }
  }

  get usage(): Usage {
    if (this.#usage === undefined) throw new Error(`${this.#count} of ${this.#total} messages were read`);
    return this.#usage;
  }
}
