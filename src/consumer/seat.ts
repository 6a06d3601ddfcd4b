import type { Clock } from '../base/clock.js';
import { StateError } from '../base/errors.js';
import { Bell } from '../base/wait.js';

/** The ways of reading: a loop that is open, or a call that is pending. */
export interface Holder {
  readonly kind: 'loop' | 'call';
  /** What it is called in messages. */
  readonly what: string;
}

/** The one place to read from a consumer. Whoever sits there is the reader; everyone else is told who that is. */
export class Seat {
  readonly #clock: Clock;
  readonly #released = new Bell();
  #holder: Holder | undefined;
  #bodyHolds = false;
  #closing = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True from the moment the consumer is being closed. */
  get closing(): boolean {
    return this.#closing;
  }

  get loopOpen(): boolean {
    return this.#holder?.kind === 'loop';
  }

  /** @throws KafkaError `TIDE_CLOSED` once the consumer is being closed. */
  assertOpen(what: string): void {
    if (this.#closing) throw new StateError('TIDE_CLOSED', `${what}: the consumer is closed`);
  }

  /** @throws KafkaError `TIDE_STATE` when somebody else reads, `TIDE_CLOSED` once the consumer is being closed. */
  take(holder: Holder): void {
    this.assertOpen(holder.what);
    this.assertFree(holder.what);
    this.#holder = holder;
  }

  /** @throws KafkaError `TIDE_STATE` when somebody reads. */
  assertFree(what: string): void {
    if (this.#holder === undefined) return;
    const { kind, what: other } = this.#holder;
    const remedy = kind === 'loop' ? 'leave that loop first; an iterator used by hand is left by its return()' : 'await that call first';
    throw new StateError('TIDE_STATE', `${what}: ${other} is reading from this consumer, and only one may at a time; ${remedy}`);
  }

  /** Somebody else can read now. */
  free(holder: Holder): void {
    if (this.#holder !== holder) return;
    this.#holder = undefined;
    this.bodyHolds(false);
  }

  /** Whether a loop's body has an item that is not done. */
  bodyHolds(holds: boolean): void {
    this.#bodyHolds = holds;
    if (!holds && this.#closing) this.#released.ring();
  }

  /** Something became done: who waits for that in {@link close} looks again. */
  released(): void {
    if (this.#closing) this.#released.ring();
  }

  /** Lets nobody in any more, and waits up to `timeoutMs` until no body holds an item and `othersHold` says no. False when time ran out. */
  async close(timeoutMs: number, othersHold: () => boolean): Promise<boolean> {
    this.#closing = true;
    const until = this.#clock.now() + timeoutMs;
    while (this.#bodyHolds || othersHold()) {
      if ((await this.#released.waitFor(this.#clock, until - this.#clock.now())) === 'late') return false;
    }
    return true;
  }
}
