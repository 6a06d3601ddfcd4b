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
  /** `closing`: nothing new is begun, but who holds messages may still say that they are done. */
  #state: 'open' | 'closing' | 'closed' = 'open';

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True from the moment the consumer is being closed. */
  get closing(): boolean {
    return this.#state !== 'open';
  }

  /** True once nobody is waited for any more. */
  get closed(): boolean {
    return this.#state === 'closed';
  }

  /** For what begins something. @throws KafkaError `TIDE_CLOSED` once the consumer is being closed. */
  assertOpen(what: string): void {
    if (this.closing) throw closedError(what);
  }

  /** For what ends something that was begun. @throws KafkaError `TIDE_CLOSED` once nobody is waited for any more. */
  assertNotClosed(what: string): void {
    if (this.#state === 'closed') throw closedError(what);
  }

  /** @throws KafkaError `TIDE_STATE` when somebody else reads, `TIDE_CLOSED` once the consumer is being closed. */
  take(holder: Holder): void {
    this.assertOpen(holder.what);
    this.takeLast(holder);
  }

  /** As {@link take}, for a moment. */
  assertFree(what: string): void {
    const holder = { kind: 'call', what } as const;
    this.take(holder);
    this.free(holder);
  }

  /** As {@link take}, for what ends something that was begun before the consumer was being closed. */
  takeLast(holder: Holder): void {
    this.assertNotClosed(holder.what);
    if (this.#holder !== undefined) {
      const { kind, what: other } = this.#holder;
      const remedy = kind === 'loop' ? 'leave that loop first; an iterator used by hand is left by its return()' : 'await that call first';
      throw new StateError('TIDE_STATE', `${holder.what}: ${other} is reading from this consumer, and only one may at a time; ${remedy}`);
    }
    this.#holder = holder;
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
    if (!holds) this.released();
  }

  /** Something is no longer outstanding: who waits for that looks again. */
  released(): void {
    this.#released.ring();
  }

  /** Waits up to `timeoutMs` until `holds` says no, or nothing can be said of what is held any more; false when time ran out. */
  async until(holds: () => boolean, timeoutMs: number): Promise<boolean> {
    const until = this.#clock.now() + timeoutMs;
    let inTime = true;
    while (inTime && !this.closed && holds()) inTime = (await this.#released.waitFor(this.#clock, until - this.#clock.now())) !== 'late';
    return inTime;
  }

  /**
   * Lets nobody in any more, and waits up to `timeoutMs` until no body holds an item and `othersHold` says no. False when time ran out.
   * From then on nothing can be marked any more.
   */
  async close(timeoutMs: number, othersHold: () => boolean): Promise<boolean> {
    this.#state = 'closing';
    const inTime = await this.until(() => this.#bodyHolds || othersHold(), timeoutMs);
    this.#state = 'closed';
    this.released();
    return inTime;
  }
}

/** What every call is refused with once a consumer is being closed. */
export const closedError = (what: string): StateError => new StateError('TIDE_CLOSED', `${what}: the consumer is closed`);
