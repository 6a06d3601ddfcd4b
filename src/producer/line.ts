import { isThenable } from './serializers.js';

/** Lets calls through in the order they came, also when what one of them needs takes its time. */
export class Line {
  /** Settles when the last one that waits has gone through. */
  #last: Promise<void> | undefined;
  readonly #waiting = new Set<Promise<unknown>>();

  /** Whether somebody waits: nobody may pass. */
  get busy(): boolean {
    return this.#last !== undefined;
  }

  /** What those that wait end with. */
  waiting(): Iterable<Promise<unknown>> {
    return this.#waiting;
  }

  /** Gives `ready` to `enter`, at once if it is there and nobody waits. @param settled Settles at the end of the whole call. */
  pass<T>(ready: T | Promise<T>, settled: Promise<unknown>, enter: (value: T) => void): void {
    if (this.#last === undefined && !isThenable(ready)) {
      enter(ready);
      return;
    }
    this.#waiting.add(settled);
    const before = this.#last;
    const through = (async () => {
      const [value] = await Promise.all([ready, before]);
      this.#waiting.delete(settled);
      enter(value);
    })();
    this.#last = through;
    void through.then(() => {
      if (this.#last === through) this.#last = undefined;
    });
  }
}
