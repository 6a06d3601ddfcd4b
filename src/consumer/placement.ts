import { turn } from '../base/clock.js';
import { asError, asKafkaError, type DeserializationError, KafkaError } from '../base/errors.js';
import type { Bounds } from '../cluster/cluster.js';
import type { Marking } from './core.js';
import type { Deserializing } from './deserialized-batch.js';
import type { Deserializers } from './deserializers.js';
import type { Misplacement } from './misplacement.js';
import { Partition } from './partition.js';
import type { SourceKit } from './partition-source.js';
import type { OutOfRange } from './placing.js';
import type { Inflate, OnCorrupt, PassedOver } from './prefetched.js';

export interface PlacementSettings extends Deserializers {
  readonly groupId: string | undefined;
  readonly marking: Marking;
  readonly maxDecompressedBytes: number;
  readonly onCorrupt: OnCorrupt;
  readonly inflate?: Inflate | undefined;
}

/** Makes partitions, and puts them where reading begins, or goes on when an offset means nothing. */
export class Placement {
  readonly #kit: SourceKit;
  readonly #settings: PlacementSettings;

  constructor(kit: SourceKit, settings: PlacementSettings) {
    this.#kit = kit;
    this.#settings = settings;
  }

  newPartition(topic: string, partition: number): Partition {
    const { maxDecompressedBytes, onCorrupt, inflate } = this.#settings;
    const { client, core, emit } = this.#kit;
    const given = {
      topic,
      partition,
      maxDecompressedBytes,
      onCorrupt,
      inflate,
      turn: () => turn(client.cluster.clock),
      ready: () => core.moved(),
      passedOver: (what: PassedOver) => emit('corruptRecords', what),
    };
    return new Partition(core, given, this.#deserializing(given));
  }

  #deserializing({ turn, ready }: Pick<Deserializing, 'turn' | 'ready'>): Deserializing | undefined {
    const { keyDeserializer, valueDeserializer, onDeserializationError } = this.#settings;
    if (keyDeserializer === undefined && valueDeserializer === undefined) return undefined;
    const failed = (error: DeserializationError) => {
      const { topic, partition, offset, part } = error;
      this.#kit.emit('deserializationFailed', { topic, partition, offset, part, error });
    };
    return { keyDeserializer, valueDeserializer, onDeserializationError, turn, ready, failed };
  }

  /** Puts partitions where the group stands in them, but for those that are moved meanwhile; gives those that have no place then. */
  async atCommitted(partitions: readonly Partition[], bounds: Bounds): Promise<readonly Partition[]> {
    const epochs = partitions.map(({ epoch }) => epoch);
    const committed = await this.#kit.store?.fetch(this.#settings.groupId ?? '', partitions, bounds);
    for (const [i, partition] of partitions.entries()) {
      const offset = committed?.[i]?.offset;
      if (offset !== undefined && partition.epoch === epochs[i]) partition.place(offset, committed?.[i]?.leaderEpoch);
      partition.committed = offset;
    }
    return partitions.filter(({ placed }) => !placed);
  }

  /** As {@link atCommitted}; those where nothing is committed at their beginning: they came while others were read. */
  async atCommittedOrStart(partitions: readonly Partition[], bounds: Bounds): Promise<void> {
    const { core, placing } = this.#kit;
    const fresh = await this.atCommitted(partitions, bounds);
    const starts = await placing.list(fresh, 'earliest', bounds);
    for (const [i, partition] of fresh.entries()) partition.place(starts[i] ?? 0);
    await core.storePlaces(fresh);
  }

  /** The policy answers an offset that means nothing. Never rejects. */
  async outOfRange(partition: Partition, what: Misplacement, signal: AbortSignal): Promise<void> {
    const { core, placing, emit } = this.#kit;
    const inHand = () => this.#settings.marking === 'loop' && !core.inContext && !partition.outstanding.empty;
    let movedIn: number | undefined;
    const answered = (event: OutOfRange): void => {
      partition.held = event.newOffset !== undefined;
      movedIn = partition.epoch;
      emit('outOfRange', event);
    };
    await placing.reset(partition, what, { inHand, answered, bounds: { signal } });
    if (movedIn !== undefined) {
      await this.stored(partition, signal);
      if (partition.epoch === movedIn) partition.held = false;
    }
    core.moved();
  }

  /**
   * Stores where the policy has put a partition that is held. Until that is done nothing is handed out; a refusal that will not pass is left for
   * the reader. Never rejects.
   */
  async stored(partition: Partition, signal: AbortSignal): Promise<void> {
    const { core, emit } = this.#kit;
    const { cluster } = this.#kit.client;
    const { epoch } = partition;
    while (partition.held && partition.epoch === epoch && !signal.aborted) {
      const error = await core.storePlaces([partition]).then(() => undefined, asError);
      if (error === undefined || signal.aborted || partition.epoch !== epoch) return;
      emit('commitFailed', { error });
      if (!(error instanceof KafkaError && error.retriable)) {
        partition.failure = asKafkaError(error);
        return;
      }
      await cluster.waitOut(error, cluster.settings.retry.maxBackoffMs, signal);
    }
  }
}
