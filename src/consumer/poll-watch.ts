import type { Clock, Timer } from '../base/clock.js';

/** How often a reader has asked for more, and whether it waits for that now. */
export interface Asking {
  readonly count: number;
  readonly waits: boolean;
}

/** How often it is looked within the longest time. */
const looks = 8;

/** Notices a reader that does not come back for more: its body hangs, or nobody reads any more. */
export class PollWatch {
  readonly #clock: Clock;
  readonly #longestMs: number;
  readonly #asking: () => Asking;
  readonly #tooLong: () => void;
  #timer: Timer | undefined;
  #count = -1;
  #since = 0;

  /** @param tooLong Told once when nobody has asked for `longestMs`; {@link start} watches again. */
  constructor(clock: Clock, longestMs: number, asking: () => Asking, tooLong: () => void) {
    this.#clock = clock;
    this.#longestMs = longestMs;
    this.#asking = asking;
    this.#tooLong = tooLong;
  }

  start(): void {
    this.stop();
    this.#since = this.#clock.now();
    this.#look();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    const { count, waits } = this.#asking();
    const now = this.#clock.now();
    if (waits || count !== this.#count) this.#since = now;
    this.#count = count;
    if (now - this.#since >= this.#longestMs) this.#tooLong();
    else this.#timer = this.#clock.after(this.#longestMs / looks, () => this.#look(), true);
  }
}
