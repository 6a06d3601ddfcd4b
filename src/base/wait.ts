import { linked, onAbort } from './abort.js';
import type { Clock } from './clock.js';

/**
 * Settles as `promise` does, unless `signal` is aborted first: then rejects with `signal.reason`, unchanged.
 * `promise` goes on by itself; what it gives after that is dropped.
 */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    const forget = onAbort(signal, () => reject(signal.reason));
    promise.then(resolve, reject).finally(forget);
  });
}

/** Resolves `true` when `promise` settles, whichever way, within `ms`; else `false`. Never rejects. */
export function settledWithin(clock: Clock, promise: Promise<unknown>, ms: number): Promise<boolean> {
  return new Promise(resolve => {
    const timer = clock.after(ms, () => resolve(false));
    const settled = () => {
      timer.cancel();
      resolve(true);
    };
    promise.then(settled, settled);
  });
}

/** How long something may take, and what is said when it took longer. */
export interface Limit {
  readonly ms: number;
  readonly signal?: AbortSignal | undefined;
  /** Made in the moment when the time is over. */
  readonly late: () => Error;
}

/**
 * Settles as `work` does, which is given a signal: aborted when `signal` is, and with what `late` gives once `ms` are over. `work` has to heed it.
 * Timer and listeners are gone afterwards.
 */
export async function limited<T>(clock: Clock, { ms, signal, late }: Limit, work: (stop: AbortSignal) => Promise<T>): Promise<T> {
  const over = new AbortController();
  const timer = clock.after(ms, () => over.abort(late()));
  const stop = linked(signal, over.signal);
  try {
    return await work(stop.signal);
  } finally {
    timer.cancel();
    stop.unlink();
  }
}

/** A promise and the functions that settle it. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
}

export function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** Whether it is a promise, of whatever kind. */
export const isThenable = <T>(value: T | Promise<T>): value is Promise<T> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';

/** Many wait, one wakes them all: what a condition variable is elsewhere. Who gives up leaves nothing behind. */
export class Bell {
  readonly #listeners = new Set<() => void>();

  /** Calls `listener` at the next {@link ring}, unless the function given back is called before. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves at the next {@link ring}. */
  wait(): Promise<void> {
    return new Promise(resolve => this.listen(resolve));
  }

  /** Resolves at the next {@link ring}, or with the reason why not: `ms` have passed, or `signal` is aborted. Never rejects. */
  waitFor(clock: Clock, ms: number, signal?: AbortSignal): Promise<'rung' | 'late' | 'aborted'> {
    if (signal?.aborted) return Promise.resolve('aborted');
    return new Promise(resolve => {
      const end = (how: 'rung' | 'late' | 'aborted') => {
        cancel();
        timer.cancel();
        forget();
        resolve(how);
      };
      const cancel = this.listen(() => end('rung'));
      const timer = clock.after(ms, () => end('late'));
      const forget = onAbort(signal, () => end('aborted'));
    });
  }

  ring(): void {
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }
}

/** Shares one running call of `work` between everyone who asks while it runs. */
export function singleFlight<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= work().finally(() => {
      running = undefined;
    });
    return running;
  };
}
