import { Bell } from '../base/wait.js';

/** One transaction from its beginning to its end: what comes back late finds that it is another's time. */
export class OpenTransaction {
  /** What takes part, where the coordinator has to be told: `topic/partition`. */
  readonly partitions = new Set<string>();
  readonly groups = new Set<string>();
  /** The coordinator may know of it. */
  started = false;
  /** Its end is being asked for: nothing may come to it any more. */
  sealed = false;
  readonly #stop = new AbortController();
  readonly #left = new Bell();
  #count = 0;

  /** Aborted when nothing more is to be asked for it. */
  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  stop(reason: unknown): void {
    this.#stop.abort(reason);
  }

  /** It must not end before `work` has; `failed` is told first when that fails. */
  awaits(work: Promise<unknown>, failed: (error: unknown) => void = () => {}): void {
    this.#count += 1;
    const leave = (): void => {
      this.#count -= 1;
      if (this.#count === 0) this.#left.ring();
    };
    work.then(leave, error => {
      failed(error);
      leave();
    });
  }

  /** Resolves when everything it awaits has ended. */
  async settled(): Promise<void> {
    while (this.#count > 0) await this.#left.wait();
  }
}
