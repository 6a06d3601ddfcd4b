import type { ClientCore } from '../client/client.js';
import type { OffsetStore } from '../client/offset-store.js';
import type { TopicInfo } from '../cluster/metadata.js';
import type { ForPartition } from '../cluster/scatter.js';
import type { CommitTarget } from './committer.js';
import type { Emitting } from './consumer-events.js';
import type { ConsumerCore } from './core.js';
import type { Misplacement } from './misplacement.js';
import type { Partition } from './partition.js';
import type { Placing } from './placing.js';
import type { Place } from './session.js';

/** Where a consumer's partitions come from, and what becomes of them. */
export interface PartitionSource<At> {
  /** Where offsets are stored; undefined without a group. */
  readonly target: CommitTarget | undefined;
  /** Finds the partitions and their positions; called once, and again after a failure. */
  prepare(signal: AbortSignal): Promise<void>;
  /** The offset asked for is not in the log. Never rejects. */
  outOfRange(partition: Partition, what: Misplacement, signal: AbortSignal): Promise<void>;
  /** Metadata was looked at: partitions may have appeared. Never rejects. */
  looked(topics: ReadonlyMap<string, TopicInfo>, signal: AbortSignal): Promise<void> | undefined;
  /** What `at` names. @throws KafkaError `TIDE_INPUT` when it names no partition. */
  check(at: At, what: string): ForPartition;
  /** The partition that is meant. @throws KafkaError as {@link check}; `TIDE_NOT_OWNED`, `TIDE_PARTITION_LOST`. */
  find(at: At, what: string): Partition;
  /** As {@link find}, by how contexts name it. */
  findFor(place: Place, what: string): Partition;
  /** Nothing is read any more, and everything is committed. Rejects with what a callback threw, when all is closed. */
  close(timeoutMs: number): Promise<void>;
}

/** What a source works with. */
export interface SourceKit {
  readonly client: ClientCore;
  readonly core: ConsumerCore;
  /** Undefined without a group. */
  readonly store: OffsetStore | undefined;
  readonly placing: Placing;
  readonly emit: Emitting;
}
