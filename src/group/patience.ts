import type { Clock } from '../base/clock.js';
import { backoffMs, type RetryPolicy } from '../base/retry.js';
import type { Reaction } from './group-errors.js';

/** So often in a row a member asks again at once where it was only sent to join: that is how joining goes. */
const atOnce = 2;

/** How long a member waits before it asks again: a group that goes on refusing, or throwing it out as soon as it has joined, is not to be stormed. */
export class Patience {
  readonly #clock: Clock;
  readonly #policy: Pick<RetryPolicy, 'backoffMs' | 'maxBackoffMs'>;
  /** In a row. */
  #failures = 0;
  /** How often it was thrown out soon after it had joined. */
  #outs = 0;
  #memberSince: number | undefined;

  constructor(clock: Clock, policy: Pick<RetryPolicy, 'backoffMs' | 'maxBackoffMs'>) {
    this.#clock = clock;
    this.#policy = policy;
  }

  /** It is a member, or is one still. */
  succeeded(): void {
    this.#failures = 0;
    this.#memberSince ??= this.#clock.now();
  }

  /** Something went wrong: gives how long to wait then, in ms. */
  pauseAfter(reaction: Reaction): number {
    const isOut = reaction === 'expelled' || reaction === 'outdated';
    const now = this.#clock.now();
    if (isOut && now - (this.#memberSince ?? now) >= this.#policy.maxBackoffMs) this.#outs = 0;
    if (isOut) {
      this.#outs += 1;
      this.#memberSince = undefined;
    }
    this.#failures += 1;
    const waits = reaction === 'retry' ? this.#failures : Math.max(this.#failures, isOut ? this.#outs : 0) - atOnce;
    return waits > 0 ? backoffMs(this.#policy, waits) : 0;
  }
}
