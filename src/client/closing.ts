import { resolve } from '../base/options.js';
import { type WaitOptions, waitRules } from './wait-options.js';

/** The closing of something, which happens once: whoever asks again is given the same promise. */
export class Closing {
  #promise: Promise<void> | undefined;

  /** Whether it has begun. */
  get begun(): boolean {
    return this.#promise !== undefined;
  }

  /** Closes by `close`, in the time that `options` give. Rejects with `TIDE_OPTION` where they are none: nothing has begun then. */
  once(options: WaitOptions, close: (timeoutMs: number) => Promise<void>): Promise<void> {
    if (this.#promise === undefined) {
      try {
        const { timeoutMs } = resolve('close', waitRules, options);
        this.#promise = close(timeoutMs);
      } catch (error) {
        return Promise.reject(error);
      }
    }
    return this.#promise;
  }
}
