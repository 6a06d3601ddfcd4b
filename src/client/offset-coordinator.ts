import { KafkaError, PartialError } from '../base/errors.js';
import { custom, needed, nested, optional, resolve, signalOf, signalRules, text } from '../base/options.js';
import { withPersistence } from '../base/persistence.js';
import { retryRules } from '../base/retry.js';
import type { ForPartition } from '../cluster/scatter.js';
import type { ClientCore } from './client.js';
import { checkCommit, checkList, checkOnce, checkPlace } from './inputs.js';
import { type GroupOffset, OffsetStore } from './offset-store.js';

const coordinatorRules = {
  /** The group whose offsets are stored and read. Kafka: group.id. */
  groupId: needed(text('')),
  /** How often, and how far apart, a coordinator is looked for and asked again. Default: the client's. Kafka: retries, retry.backoff.ms. */
  retry: optional(nested('offsetCoordinator', 'retry', retryRules)),
};

/** Options of {@link OffsetCoordinator}. */
export interface OffsetCoordinatorOptions {
  /** The group whose offsets are stored and read. Kafka: group.id. */
  readonly groupId: string;
  /** How often, and how far apart, a coordinator is looked for and asked again. Default: the client's. */
  readonly retry?:
    | {
        readonly attempts?: number | undefined;
        readonly backoffMs?: number | undefined;
        readonly maxBackoffMs?: number | undefined;
      }
    | undefined;
}

/** What is stored beside an offset. */
export interface CommitNote {
  /** A text of yours. Default: an empty one. */
  readonly metadata?: string | null | undefined;
  /** The epoch of the record before the offset, by which Kafka notices a log that was cut. Default: unknown. */
  readonly leaderEpoch?: number | undefined;
}

/** What these are is checked where offsets are. */
const unchecked = <T>() => custom<T, T | undefined>('', undefined, value => value as T);
const commitRules = {
  ...signalRules,
  metadata: unchecked<CommitNote['metadata']>(),
  leaderEpoch: unchecked<CommitNote['leaderEpoch']>(),
};

/** How long a call may wait. */
export interface SignalOption {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Stores and reads the offsets of one group without being a member of it. Offsets are stored as given: nothing is added. While the group has
 * live members only they may commit. A coordinator that is lost or moves is looked for again, within `retry`.
 */
export interface OffsetCoordinator {
  readonly groupId: string;
  /**
   * Stores the offset that is to be read next in a partition.
   * @throws KafkaError `TIDE_GROUP_IN_USE` when the group has live members; Kafka's own error when it refuses; `TIDE_INPUT`; errno -1019 where
   * no coordinator is found.
   */
  commit(topic: string, partition: number, offset: number, options?: CommitNote & SignalOption): Promise<void>;
  /** As {@link commit}, several partitions in one request. @throws KafkaError also a `PartialError` with a result for each, when some are refused. */
  commitMany(offsets: readonly GroupOffset[], options?: SignalOption): Promise<void>;
  /** What is stored for a partition: offset, metadata, leader epoch; undefined when nothing is. @throws KafkaError Kafka's own error. */
  offset(topic: string, partition: number, options?: SignalOption): Promise<GroupOffset | undefined>;
  /** As {@link offset}, for several partitions, in their order, by one request. */
  offsets(partitions: readonly ForPartition[], options?: SignalOption): Promise<readonly (GroupOffset | undefined)[]>;
}

/** @throws KafkaError `TIDE_OPTION`. */
export function offsetCoordinator(core: ClientCore, options: OffsetCoordinatorOptions): OffsetCoordinator {
  const { groupId, retry: policy } = resolve('offsetCoordinator', coordinatorRules, options);
  const store = new OffsetStore(core);
  return Object.freeze({
    groupId,
    async commit(topic, partition, offset, options) {
      const { signal, metadata, leaderEpoch } = resolve('commit', commitRules, options);
      const entry = { topic, partition, offset, metadata, leaderEpoch };
      checkCommit(entry, 'commit');
      await store.commit(groupId, [entry], { policy, signal }).catch((error: unknown) => {
        if (!(error instanceof PartialError) || !(error.cause instanceof KafkaError)) throw error;
        throw withPersistence(error.cause, error.persistence ?? 'no'); // there is but one part
      });
    },
    async commitMany(offsets, options) {
      const signal = signalOf('commitMany', options);
      checkList(offsets, 'commitMany');
      for (const [i, entry] of offsets.entries()) checkCommit(entry, `commitMany[${i}]`);
      checkOnce(offsets, 'commitMany');
      if (offsets.length > 0) await store.commit(groupId, offsets, { policy, signal });
    },
    async offset(topic, partition, options) {
      const signal = signalOf('offset', options);
      checkPlace({ topic, partition }, 'offset');
      const [found] = await store.fetch(groupId, [{ topic, partition }], { policy, signal });
      return found;
    },
    async offsets(partitions, options) {
      const signal = signalOf('offsets', options);
      checkList(partitions, 'offsets');
      for (const [i, place] of partitions.entries()) checkPlace(place, `offsets[${i}]`);
      return store.fetch(groupId, partitions, { policy, signal });
    },
  } satisfies OffsetCoordinator);
}
