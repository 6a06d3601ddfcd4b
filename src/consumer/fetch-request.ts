import { answersOf, type FetchBounds, fetchBodyOf, fetchVersionOf, type PartitionAnswer } from '../client/fetch-request.js';
import type { PartitionInfo, TopicInfo } from '../cluster/metadata.js';
import type { Fetch, RequestOf, ResponseOf } from '../protocol/index.js';
import type { Partition } from './partition.js';

/** One partition in a fetch, and what it stood for when it was sent. */
export interface Asked {
  readonly partition: Partition;
  readonly topic: TopicInfo;
  readonly info: PartitionInfo;
  readonly epoch: number;
  readonly offset: number;
}

/** How much one fetch may bring, and how long the broker may wait for it. */
export interface FetchLimits extends FetchBounds {
  readonly maxPartitionBytes: number;
}

export type { PartitionAnswer } from '../client/fetch-request.js';

/** What is asked for one partition, as things are. */
export const ask = (partition: Partition, topic: TopicInfo, info: PartitionInfo): Asked => ({
  partition,
  topic,
  info,
  epoch: partition.epoch,
  offset: partition.prefetched.nextFetch,
});

/** Whether an answer to `asked` still has a use: nobody seeked meanwhile, and nobody else was faster. */
export const isCurrent = ({ partition, epoch, offset }: Asked): boolean =>
  partition.epoch === epoch && partition.prefetched.nextFetch === offset;

/** The body of a fetch, the partitions of each topic in the order asked: a broker fills its answer in that order. */
export const fetchBody = (asked: readonly Asked[], limits: FetchLimits): RequestOf<typeof Fetch> =>
  fetchBodyOf(
    asked.map(entry => ({ ...placeOf(entry), maxBytes: Math.min(limits.maxBytes, limits.maxPartitionBytes) })),
    limits,
  );

/** From version 13 on topics go by their ids, and every one of them must have one. */
export const fetchVersionFor = (asked: readonly Asked[]): number | undefined => fetchVersionOf(asked.map(placeOf));

/** What the answer holds for each of `asked`, in their order; undefined where it leaves one out. */
export const answersFor = (asked: readonly Asked[], answer: ResponseOf<typeof Fetch>): readonly (PartitionAnswer | undefined)[] =>
  answersOf(asked.map(placeOf), answer);

const placeOf = ({ topic, partition: { partition }, info: { leaderEpoch }, offset }: Asked) => ({
  topic: topic.name,
  topicId: topic.id,
  partition,
  leaderEpoch,
  offset,
});
