import { asKafkaError, type KafkaError } from '../base/errors.js';
import { backoffMs } from '../base/retry.js';
import type { Cluster } from '../cluster/cluster.js';
import type { ClusterMetadata } from '../cluster/metadata.js';

/** What a {@link TopicWatch} tells. */
export interface TopicWatchEvents {
  /** There is something new to look at, or time to look again. */
  changed(): void;
  /** Metadata could not be had, and the cluster does not say that this may pass. */
  failed(error: KafkaError): void;
}

/**
 * What is known of the topics of one consumer. What is not known any more is asked for meanwhile: a partition without a leader must not hold
 * up the others. A failure is tried again.
 */
export class TopicWatch {
  readonly #cluster: Cluster;
  readonly #events: TopicWatchEvents;
  readonly #signal: AbortSignal;
  #asking: Promise<void> | undefined;
  #failures = 0;
  #nextAt = 0;

  /** @param signal Ends what is under way. */
  constructor(cluster: Cluster, events: TopicWatchEvents, signal: AbortSignal) {
    this.#cluster = cluster;
    this.#events = events;
    this.#signal = signal;
  }

  /** Not before this time, on the cluster's clock, is it asked again after a failure. */
  get nextAt(): number {
    return this.#nextAt;
  }

  /** What is known now. */
  look(topics: Iterable<string>): ClusterMetadata {
    const { metadata } = this.#cluster;
    if (this.#asking === undefined && this.#cluster.clock.now() >= this.#nextAt) {
      this.#asking = this.#cluster
        .topics(topics, this.#signal)
        .then(
          found => {
            this.#failures = 0;
            if (found !== metadata) this.#events.changed();
          },
          (error: unknown) => this.#failed(error),
        )
        .finally(() => {
          this.#asking = undefined;
        });
    }
    return metadata;
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await this.#asking;
  }

  #failed(error: unknown): void {
    if (this.#signal.aborted) return;
    const { clock, settings } = this.#cluster;
    this.#failures += 1;
    this.#nextAt = clock.now() + backoffMs(settings.retry, this.#failures);
    const failure = asKafkaError(error);
    if (!failure.retriable) this.#events.failed(failure);
    this.#events.changed();
  }
}
