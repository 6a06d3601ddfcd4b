import { StateError } from '../base/errors.js';
import type { Holder } from './seat.js';

/** What a loop needs of the consumer it runs over. */
export interface LoopHost<T> {
  /** The loop begins. @throws KafkaError when it may not. */
  open(holder: Holder): void;
  /** The body asks for more: what it had is done, where asking says so. */
  ask(): void;
  /** An item that is there already, asked for and handed out in one go; undefined: take the long way. Never throws. */
  next(): T | undefined;
  /**
   * An item as soon as there is one; undefined when the loop is to end quietly. None is taken once `left` says so, and `taken` is called in
   * the same moment in which one is.
   */
  wait(signal: AbortSignal | undefined, left: () => boolean, taken: () => void): Promise<T | undefined>;
  /** The loop is over. With `putBack` what the body did not finish will be handed out again. */
  end(holder: Holder, putBack: boolean): void;
}

const over: IteratorResult<never> = Object.freeze({ done: true, value: undefined });

/**
 * The iterator behind `for await`, written by hand: an item that is there costs one promise. It opens with the first `next()` and holds
 * the consumer until it ends: by `break`, `return` or an exception in the body, by its signal, by `close()`, or by a read that fails.
 */
export class Loop<T> implements AsyncIterableIterator<T> {
  readonly #host: LoopHost<T>;
  readonly #holder: Holder;
  readonly #signal: AbortSignal | undefined;
  #state: 'new' | 'held' | 'waiting' | 'over' = 'new';

  constructor(host: LoopHost<T>, what: string, signal: AbortSignal | undefined) {
    this.#host = host;
    this.#holder = { kind: 'loop', what };
    this.#signal = signal;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#state === 'held' && !this.#signal?.aborted) {
      const item = this.#host.next();
      if (item !== undefined) return Promise.resolve({ done: false, value: item });
    }
    return this.#slow();
  }

  /** Leaves the loop: the current item is not done, and will be handed out again. A `next()` that is pending ends too. */
  return(): Promise<IteratorResult<T>> {
    this.#end(true);
    return Promise.resolve(over);
  }

  async #slow(): Promise<IteratorResult<T>> {
    if (this.#state === 'over') return over;
    if (this.#state === 'waiting') {
      throw new StateError('TIDE_STATE', `${this.#holder.what}: next() was called while the one before is pending; a loop has one body`);
    }
    try {
      if (this.#state === 'new') this.#host.open(this.#holder);
      else this.#host.ask();
      this.#state = 'waiting';
      const left = () => this.#state === 'over';
      const item = await this.#host.wait(this.#signal, left, () => {
        this.#state = 'held';
      });
      if (item !== undefined) return { done: false, value: item };
    } catch (error) {
      this.#end(true); // `for await` calls no return() after this
      throw error;
    }
    this.#end(false);
    return over;
  }

  #end(putBack: boolean): void {
    const before = this.#state;
    this.#state = 'over';
    if (before !== 'new' && before !== 'over') this.#host.end(this.#holder, putBack);
  }
}
