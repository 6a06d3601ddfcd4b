import type { Clock } from '../base/clock.js';
import { KafkaError } from '../base/errors.js';
import { backoffMs } from '../base/retry.js';

interface Refusal {
  readonly error: KafkaError;
  readonly count: number;
  readonly quietUntil: number;
}

/** At least one second with its jitter; brokers hold an answer to a wrong password back for 100 ms, and log each one. */
const pause = { backoffMs: 1250, maxBackoffMs: 30_000 };
/** What failed for a passing reason was not the broker's word, but that of whoever issues our passwords: no need to stay away for so long. */
const shortPause = { backoffMs: 1250, maxBackoffMs: 5000 };

/**
 * Keeps a client that is not accepted from hammering: after a refusal no connection of the client tries that broker for a while, longer
 * each time, and whoever asks meanwhile gets the same error at once. Until a broker has accepted us once, one connection tries first.
 */
export class AuthGate {
  readonly #clock: Clock;
  readonly #refusals = new Map<string, Refusal>();
  readonly #trying = new Map<string, Promise<unknown>>();
  readonly #accepted = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The error of the last attempt, as long as there must not be another. */
  remembered(broker: string): KafkaError | undefined {
    const refusal = this.#refusals.get(broker);
    return refusal !== undefined && this.#clock.now() < refusal.quietUntil ? refusal.error : undefined;
  }

  /** Connects by `attempt`, unless it is too early for that: then rejects with what the last one failed with. */
  async run<T>(broker: string, attempt: () => Promise<T>): Promise<T> {
    const first = this.#accepted.has(broker) ? undefined : this.#trying.get(broker);
    if (first !== undefined) await first.catch(() => {});
    const known = this.remembered(broker);
    if (known !== undefined) throw known;
    const trying = attempt();
    this.#trying.set(broker, trying);
    try {
      const result = await trying;
      this.#refusals.delete(broker);
      this.#accepted.add(broker);
      return result;
    } catch (error) {
      this.refused(broker, error);
      throw error;
    } finally {
      if (this.#trying.get(broker) === trying) this.#trying.delete(broker);
    }
  }

  /** Notes that an attempt failed, if that was for who we are. */
  refused(broker: string, error: unknown): void {
    if (!(error instanceof KafkaError) || error.code !== 'TIDE_AUTH') return;
    const count = (this.#refusals.get(broker)?.count ?? 0) + 1;
    this.#accepted.delete(broker);
    this.#refusals.set(broker, { error, count, quietUntil: this.#clock.now() + backoffMs(error.retriable ? shortPause : pause, count) });
  }
}
