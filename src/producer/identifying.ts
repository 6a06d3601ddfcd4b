import type { Timer } from '../base/clock.js';
import { asKafkaError, type KafkaError } from '../base/errors.js';
import { withPersistence } from '../base/persistence.js';
import { backoffMs, type RetryPolicy } from '../base/retry.js';
import type { Cluster } from '../cluster/cluster.js';
import type { Identity } from './identity.js';

export interface IdentifyingEvents {
  /** Whether somebody waits for it still. */
  isWanted(): boolean;
  /** It cannot be had, and asking again would not help. */
  refused(error: KafkaError): void;
  /** Nothing is asked any more. */
  ended(): void;
}

/** Learns in whose name a producer sends, however long that takes. What waits for that expires as everything else. */
export class Identifying {
  readonly #cluster: Cluster;
  readonly #retry: RetryPolicy;
  readonly #identity: Identity;
  readonly #events: IdentifyingEvents;
  #isRunning = false;
  #isClosed = false;
  #again: Timer | undefined;

  constructor(cluster: Cluster, retry: RetryPolicy, identity: Identity, events: IdentifyingEvents) {
    this.#cluster = cluster;
    this.#retry = retry;
    this.#identity = identity;
    this.#events = events;
  }

  /** Begins, unless it is under way. */
  begin(): void {
    if (!this.#isRunning) void this.#run();
  }

  close(): void {
    this.#isClosed = true;
    this.#again?.cancel();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let failed = 1; !this.#isClosed; failed++) {
      try {
        await this.#identity.obtain();
        break;
      } catch (thrown) {
        const error = withPersistence(asKafkaError(thrown, 'no'), 'no');
        if (!error.retriable) {
          this.#events.refused(error);
          break;
        }
        const pauseMs = backoffMs(this.#retry, failed);
        this.#cluster.passing(error, pauseMs);
        await new Promise<void>(resolve => {
          this.#again = this.#cluster.clock.after(pauseMs, resolve);
        });
        if (!this.#events.isWanted()) break;
      }
    }
    this.#isRunning = false;
    if (!this.#isClosed) this.#events.ended();
  }
}
