import { onAbort } from './abort.js';

/** A timer that was set and can be called off. */
export interface Timer {
  cancel(): void;
}

/** Where time comes from. Everything that waits asks here, so that tests can own time. */
export interface Clock {
  /** Ms on a clock that never jumps; only differences mean something. */
  now(): number;
  /** Ms since 1970, for timestamps only. */
  wallTime(): number;
  /** Calls `run` once after `ms`; Infinity never does. The timer does not keep the process alive when `background`. */
  after(ms: number, run: () => void, background?: boolean): Timer;
  /** Calls `run` on a later turn of the event loop, after pending I/O. */
  soon(run: () => void): void;
}

const neverTimer: Timer = { cancel() {} };

/** The longest wait that Node's timers hold, in ms: with a longer one they run at once. */
export const longestTimerMs = 2 ** 31 - 1;

/** As many timers as a wait takes, one after the other. */
function longTimer(ms: number, run: () => void, background: boolean): Timer {
  let timer: Timer = neverTimer;
  const wait = (leftMs: number) => {
    const nowMs = Math.min(leftMs, longestTimerMs);
    timer = systemClock.after(nowMs, leftMs > nowMs ? () => wait(leftMs - nowMs) : run, background);
  };
  wait(ms);
  return { cancel: () => timer.cancel() };
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after(ms, run, background = false) {
    if (ms === Number.POSITIVE_INFINITY) return neverTimer;
    if (ms > longestTimerMs) return longTimer(ms, run, background);
    const timer = setTimeout(run, ms);
    if (background) timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  soon: run => {
    setImmediate(run);
  },
};

/** Resolves after `ms`; rejects with `signal.reason` as soon as the signal is aborted. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const forget = onAbort(signal, () => {
      timer.cancel();
      reject(signal?.reason);
    });
    const timer = clock.after(ms, () => {
      forget();
      resolve();
    });
  });
}

/** Resolves on a later turn of the event loop: lets timers and sockets run between two pieces of long work. */
export const turn = (clock: Clock): Promise<void> => new Promise(resolve => clock.soon(resolve));

/** A point in time by which something must have happened. */
export class Deadline {
  readonly #clock: Clock;
  readonly #at: number;

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#at = clock.now() + ms;
  }

  /** Ms left, never below 0; Infinity without a limit. */
  remainingMs(): number {
    return Math.max(0, this.#at - this.#clock.now());
  }

  get passed(): boolean {
    return this.remainingMs() === 0;
  }
}
