import { asKafkaError } from '../base/errors.js';
import { backoffMs } from '../base/retry.js';
import type { Partition } from './partition.js';
import type { SourceKit } from './partition-source.js';
import type { Placement } from './placement.js';

/**
 * Finds where reading begins in the partitions that a group gives, beside everything else and however long that takes: where the group stands,
 * else where the policy says. Partitions of one broker do not wait for those of another, which may be away.
 */
export class GroupPlacing {
  readonly #kit: SourceKit;
  readonly #placement: Placement;
  readonly #signal: AbortSignal;
  #tried: Promise<unknown> = Promise.resolve();

  /** @param signal Ends what is under way. */
  constructor(kit: SourceKit, placement: Placement, signal: AbortSignal) {
    this.#kit = kit;
    this.#placement = placement;
    this.#signal = signal;
  }

  /** Resolves when all that was begun has its place, or could not be given one for now. Never rejects. */
  async tried(): Promise<void> {
    await this.#tried;
  }

  /** @param after What is waited for before it is asked where the group stands; undefined: nothing. Never rejects. */
  begin(partitions: readonly Partition[], after: Promise<void> | undefined): void {
    for (const partition of partitions) partition.placedLater = true;
    const tried = after === undefined ? this.#place(partitions, 1) : after.then(() => this.#place(partitions, 1));
    this.#tried = this.#tried.then(() => tried);
  }

  /** Tries it once, and goes on beside that where it failed for now. Never rejects. */
  async #place(partitions: readonly Partition[], attempt: number): Promise<void> {
    const waiting = partitions.filter(({ placed, gone }) => !placed && gone === undefined);
    if (waiting.length === 0 || this.#signal.aborted) return;
    try {
      const unplaced = await this.#placement.atCommitted(waiting, { signal: this.#signal });
      this.#kit.core.moved();
      await Promise.all(this.#byLeader(unplaced).map(some => this.#choose(some, attempt)));
    } catch (thrown) {
      this.#failed(waiting, thrown, attempt);
    }
  }

  /** Puts partitions of one leader where the policy says. Never rejects. */
  async #choose(partitions: readonly Partition[], attempt: number): Promise<void> {
    const { client, core, placing } = this.#kit;
    const policy = { ...client.cluster.settings.retry, attempts: 1 }; // the next attempt is ours: leaders may have changed by then
    try {
      const chosen = await placing.place(partitions, { signal: this.#signal, policy });
      for (const partition of chosen) partition.held = true;
      core.moved();
      this.#told(partitions.filter(({ placed }) => !placed));
      await Promise.all(chosen.map(partition => this.#store(partition)));
      core.moved();
    } catch (thrown) {
      this.#failed(partitions, thrown, attempt);
    }
  }

  async #store(partition: Partition): Promise<void> {
    const { epoch } = partition;
    await this.#placement.stored(partition, this.#signal);
    if (partition.epoch === epoch) partition.held = false;
  }

  #failed(partitions: readonly Partition[], thrown: unknown, attempt: number): void {
    if (this.#signal.aborted) return;
    const { cluster } = this.#kit.client;
    const error = asKafkaError(thrown);
    if (!error.retriable) {
      const topics = by(({ topic }) => topic, partitions);
      if (topics.length > 1) return topics.forEach(some => void this.#place(some, attempt)); // perhaps it is but one that may not be read
      for (const partition of partitions) if (!partition.placed) partition.failure = error;
      return this.#told(partitions);
    }
    const pauseMs = backoffMs(cluster.settings.retry, attempt);
    cluster.passing(error, pauseMs);
    void cluster.pause(pauseMs, this.#signal).then(
      () => this.#place(partitions, attempt + 1),
      () => {}, // it has ended
    );
  }

  /** These cannot be placed, and the reader is told. When it has been, it is tried again: what it takes may be done by then. */
  #told(partitions: readonly Partition[]): void {
    const waiting = partitions.filter(({ placed, gone }) => !placed && gone === undefined);
    if (waiting.length === 0 || this.#signal.aborted) return;
    this.#kit.core.moved();
    const { cluster } = this.#kit.client;
    void cluster.pause(cluster.settings.retry.maxBackoffMs, this.#signal).then(
      () => {
        this.#told(waiting.filter(({ failure }) => failure !== undefined));
        void this.#place(
          waiting.filter(({ failure }) => failure === undefined),
          1,
        );
      },
      () => {}, // it has ended
    );
  }

  /** As far as leaders are known. */
  #byLeader(partitions: readonly Partition[]): readonly (readonly Partition[])[] {
    const { cluster } = this.#kit.client;
    const infoOf = (each: Partition) => cluster.topic(each.topic)?.partitions.find(({ partition }) => partition === each.partition);
    return by(each => infoOf(each)?.leader, partitions);
  }
}

/** Those that have the same of something, together. */
function by<T>(key: (partition: Partition) => T, partitions: readonly Partition[]): readonly (readonly Partition[])[] {
  const groups = new Map<T, Partition[]>();
  for (const each of partitions) {
    const group = groups.get(key(each));
    if (group === undefined) groups.set(key(each), [each]);
    else group.push(each);
  }
  return [...groups.values()];
}
