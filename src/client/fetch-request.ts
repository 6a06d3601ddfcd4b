import { ZERO_UUID } from '../bytes/reader.js';
import type { ForPartition } from '../cluster/scatter.js';
import type { Fetch, RequestOf, ResponseOf } from '../protocol/index.js';
import type { Isolation } from './list-offsets.js';
import { byTopic } from './rounds.js';

/** One partition in a fetch. */
export interface FetchPart extends ForPartition {
  readonly topicId: string;
  readonly leaderEpoch: number;
  readonly offset: number;
  /** The epoch of the record before it: the broker says then where its log parts from what was read. -1, the default: unknown. */
  readonly fetchedEpoch?: number | undefined;
  readonly maxBytes: number;
}

/** How much one fetch may bring, and how long the broker may wait for it. */
export interface FetchBounds {
  readonly maxWaitMs: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly isolation: Isolation;
  /** Where the client runs: a leader may name a replica there to be asked instead. */
  readonly rackId?: string | undefined;
}

export type PartitionAnswer = ResponseOf<typeof Fetch>['responses'][number]['partitions'][number];

/** The last version of Fetch that names topics; later ones carry their ids only (KIP-516). */
const lastWithNames = 12;
/** The first that takes the epoch of the record before. */
const epochsFrom = 12;

/** The body of a fetch, the partitions of each topic in the order given: a broker fills its answer in that order. */
export function fetchBodyOf(parts: readonly FetchPart[], bounds: FetchBounds, version: number): RequestOf<typeof Fetch> {
  const { maxWaitMs, minBytes, maxBytes, isolation, rackId } = bounds;
  return {
    maxWaitMs: Math.round(maxWaitMs),
    minBytes,
    maxBytes: Math.min(2 ** 31 - 1, maxBytes),
    isolationLevel: isolation === 'read_committed' ? 1 : 0,
    rackId: rackId ?? '',
    topics: [...byTopic(parts)].map(([topic, entries]) => ({
      topic,
      topicId: entries[0]?.topicId ?? ZERO_UUID,
      partitions: entries.map(({ partition, leaderEpoch, offset, fetchedEpoch = -1, maxBytes: partitionMaxBytes }) => ({
        partition,
        currentLeaderEpoch: leaderEpoch,
        fetchOffset: offset,
        lastFetchedEpoch: version < epochsFrom ? -1 : fetchedEpoch,
        partitionMaxBytes,
      })),
    })),
  };
}

/** The highest version that can carry these parts: an id for each topic, or names. */
export const fetchVersionOf = (parts: readonly Pick<FetchPart, 'topicId'>[]): number | undefined =>
  parts.every(({ topicId }) => topicId !== ZERO_UUID) ? undefined : lastWithNames;

/** What an answer holds for each of `parts`, in their order; undefined where it leaves one out. */
export function answersOf(
  parts: readonly Pick<FetchPart, 'topic' | 'topicId' | 'partition'>[],
  answer: ResponseOf<typeof Fetch>,
): readonly (PartitionAnswer | undefined)[] {
  const found = new Map<string, PartitionAnswer>();
  for (const { topic, topicId, partitions } of answer.responses) {
    for (const entry of partitions) found.set(`${topic || topicId}/${entry.partitionIndex}`, entry);
  }
  return parts.map(({ topic, topicId, partition }) => found.get(`${topic}/${partition}`) ?? found.get(`${topicId}/${partition}`));
}
