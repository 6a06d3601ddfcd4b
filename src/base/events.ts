import { EventEmitter } from 'node:events';

/**
 * Typed events: `on`, `once`, `off`. An error thrown by a listener never reaches the code that emitted: it surfaces as an uncaught
 * exception on its own, as it does for an `EventTarget`.
 */
export class TypedEvents<Events extends object> {
  readonly #emitter = new EventEmitter();

  /** Calls `listener` at every `event` from now on. */
  on<K extends keyof Events & string>(event: K, listener: (detail: Events[K]) => void): this {
    this.#emitter.on(event, listener);
    return this;
  }

  /** Calls `listener` at the next `event` only. */
  once<K extends keyof Events & string>(event: K, listener: (detail: Events[K]) => void): this {
    this.#emitter.once(event, listener);
    return this;
  }

  /** Takes a listener back. */
  off<K extends keyof Events & string>(event: K, listener: (detail: Events[K]) => void): this {
    this.#emitter.off(event, listener);
    return this;
  }

  protected emit<K extends keyof Events & string>(event: K, detail: Events[K]): void {
    for (const listener of this.#emitter.rawListeners(event)) {
      try {
        listener.call(this, detail);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
