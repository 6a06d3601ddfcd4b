import type { Clock } from '../base/clock.js';
import { KafkaError } from '../base/errors.js';
import { settledWithin } from '../base/wait.js';

/** The loop of a membership, which can be left and begun again: one thing after the other, in the order they were asked for. */
export class MemberLoop {
  readonly #run: (signal: AbortSignal) => Promise<void>;
  /** Of the loop that runs, or is to run next; undefined where none is wanted. */
  #stop: AbortController | undefined;
  #before: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** @param run The loop: ends when the signal is aborted, or by itself. Never rejects. */
  constructor(run: (signal: AbortSignal) => Promise<void>) {
    this.#run = run;
  }

  /** Begins it, once what was asked for before has ended. Nothing while it runs, and after {@link close}. */
  start(): void {
    if (this.#stop !== undefined || this.#closed) return;
    const stop = new AbortController();
    this.#stop = stop;
    this.#before = this.#before
      .then(() => this.#run(stop.signal))
      .finally(() => {
        if (this.#stop === stop) this.#stop = undefined;
      });
  }

  /** Ends it; then `after` is run, before it may begin again. */
  leave(why: unknown, after: () => Promise<void>): Promise<void> {
    this.#stop?.abort(why);
    this.#stop = undefined;
    const left = this.#before.then(after);
    this.#before = left;
    return left;
  }

  /** As {@link leave}, for good; waits for that for `timeoutMs` at most. */
  async close(clock: Clock, groupId: string, timeoutMs: number, after: (why: KafkaError) => Promise<void>): Promise<void> {
    this.#closed = true;
    const why = new KafkaError('TIDE_CLOSED', `group ${JSON.stringify(groupId)}: the consumer is closed`);
    await settledWithin(
      clock,
      this.leave(why, () => after(why)),
      timeoutMs,
    );
  }
}
