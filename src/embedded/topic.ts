import type { RecordBatch } from '../records/index.js';
import { LeaderEpochs } from './leader-epochs.js';
import { type AppendOptions, PartitionLog, type StoredBatch } from './log.js';
import { PartitionTransactions } from './partition-transactions.js';
import { ProducerStates } from './producer-states.js';
import { topicConfigDefaults } from './topic-configs.js';

/** The leader of a partition that has none. */
export const NO_LEADER = -1;

/** A move of a partition to other brokers that is under way. */
export interface Move {
  /** Those that have to catch up. */
  readonly adding: readonly number[];
  /** Those that will be without it. */
  readonly removing: readonly number[];
}

/** One partition: who holds it, who leads it, and the one log that all its replicas share. */
export class Partition {
  readonly topic: string;
  readonly index: number;
  readonly log: PartitionLog;
  readonly epochs = new LeaderEpochs();
  readonly producers = new ProducerStates();
  readonly transactions = new PartitionTransactions();
  /** Ids of the brokers that hold it, the preferred leader first. */
  replicas: readonly number[];
  /** Undefined while it is not being moved. `replicas` are those before and behind the move meanwhile. */
  move: Move | undefined;
  #leader: number;
  #leaderEpoch = 0;
  readonly #watchers = new Set<() => void>();

  constructor(topic: string, index: number, replicas: readonly number[], leader: number) {
    this.topic = topic;
    this.index = index;
    this.log = new PartitionLog({ topic, partition: index });
    this.replicas = replicas;
    this.#leader = leader;
    this.epochs.begin(this.#leaderEpoch, 0);
  }

  /** The broker that leads, or {@link NO_LEADER}. */
  get leader(): number {
    return this.#leader;
  }

  /** Counts the leaders there have been, from 0. */
  get leaderEpoch(): number {
    return this.#leaderEpoch;
  }

  /** Makes another broker, or none, the leader: a new epoch begins. */
  lead(broker: number): void {
    this.#leader = broker;
    this.#leaderEpoch++;
    this.epochs.begin(this.#leaderEpoch, this.log.endOffset);
    this.changed();
  }

  /** Forgets what is stored from `endOffset` on, batch by batch, and what producers did there. */
  truncate(endOffset: number): void {
    this.log.truncate(endOffset);
    this.epochs.truncate(this.log.endOffset);
    this.producers.truncate(this.log.endOffset);
    this.transactions.truncate(this.log.endOffset);
  }

  /** Where those stop who read what is committed: before the oldest open transaction. */
  get lastStableOffset(): number {
    return Math.max(this.log.startOffset, this.transactions.firstOpenOffset ?? this.log.endOffset);
  }

  /** Stores `bytes`, of which `batch` is what they said, and remembers what its producer did. Nothing is checked, nobody is woken. */
  append(bytes: Buffer, batch: RecordBatch, options?: AppendOptions): StoredBatch {
    const { producerId, isControl, controlType } = batch;
    const stored = this.log.append(bytes, batch, this.#leaderEpoch, options);
    if (controlType === 'commit' || controlType === 'abort') {
      this.producers.ended(batch);
      this.transactions.ended(producerId, controlType, stored.lastOffset);
    } else if (!isControl && producerId >= 0) {
      if (batch.baseSequence >= 0) this.producers.remember(batch, stored);
      if (batch.isTransactional) this.transactions.wrote(producerId, stored.baseOffset);
    }
    return stored;
  }

  /** Moves the start of the log up to `offset`. */
  trim(offset: number): void {
    this.log.trim(offset);
    this.epochs.trim(this.log.startOffset);
    this.transactions.trim(this.log.startOffset);
  }

  /** Forgets records and producers; the next record gets offset 0. */
  clear(): void {
    this.log.clear();
    this.epochs.begin(this.#leaderEpoch, 0);
    this.producers.clear();
    this.transactions.clear();
  }

  /** Calls `wake` whenever something about the partition changes that a waiting fetch would want to know. */
  watch(wake: () => void): void {
    this.#watchers.add(wake);
  }

  unwatch(wake: () => void): void {
    this.#watchers.delete(wake);
  }

  /** Wakes who waits: records came, the start of the log or the leader moved, the topic went. */
  changed(): void {
    if (this.#watchers.size === 0) return;
    for (const wake of [...this.#watchers]) wake();
  }
}

/** One topic with its partitions. */
export class Topic {
  readonly name: string;
  readonly id: string;
  readonly partitions: readonly Partition[];
  /** What was configured; everything else has its default. */
  readonly configs: ReadonlyMap<string, string>;
  readonly maxMessageBytes: number;
  readonly retentionBytes: number;
  readonly minInSyncReplicas: number;
  /** Whether the broker puts its own time on records. */
  readonly stampsAppendTime: boolean;

  /** @param defaults What the cluster uses in place of Kafka's own defaults. */
  constructor(
    name: string,
    id: string,
    partitions: readonly Partition[],
    configs: ReadonlyMap<string, string>,
    defaults: ReadonlyMap<string, string>,
  ) {
    this.name = name;
    this.id = id;
    this.partitions = partitions;
    this.configs = configs;
    const config = (key: string): string => configs.get(key) ?? defaults.get(key) ?? topicConfigDefaults.get(key) ?? '';
    this.maxMessageBytes = Number(config('max.message.bytes'));
    this.retentionBytes = Number(config('retention.bytes'));
    this.minInSyncReplicas = Number(config('min.insync.replicas'));
    this.stampsAppendTime = config('message.timestamp.type') === 'LogAppendTime';
  }
}
