import { type FetchBounds, fetchVersionOf, type PartitionAnswer } from '../client/fetch-request.js';
import type { PartitionInfo, TopicInfo } from '../cluster/metadata.js';
import type { Fetch, ResponseOf } from '../protocol/index.js';
import type { Partition } from './partition.js';

/** One partition in a fetch, and what it stood for when it was sent. */
export interface Asked {
  readonly partition: Partition;
  readonly topic: TopicInfo;
  readonly info: PartitionInfo;
  /** Who is asked: its leader, or another replica. */
  readonly brokerId: number;
  readonly epoch: number;
  readonly offset: number;
  /** Of the record before that offset; -1 when unknown, and when only the leader could say what it means. */
  readonly fetchedEpoch: number;
}

/** How much one fetch may bring, and how long the broker may wait for it. */
export interface FetchLimits extends FetchBounds {
  readonly maxPartitionBytes: number;
}

export type { PartitionAnswer } from '../client/fetch-request.js';

/** What is asked for one partition, as things are. */
export function ask(partition: Partition, topic: TopicInfo, info: PartitionInfo, brokerId: number): Asked {
  const { epoch, epochs, prefetched } = partition;
  const offset = prefetched.nextFetch;
  return { partition, topic, info, brokerId, epoch, offset, fetchedEpoch: brokerId === info.leader ? epochs.before(offset) : -1 };
}

/** Whether another replica than the leader is asked. */
export const isOfFollower = ({ brokerId, info }: Asked): boolean => brokerId !== info.leader;

/** Whether an answer to `asked` still has a use: nobody seeked meanwhile, and nobody else was faster. */
export const isCurrent = ({ partition, epoch, offset }: Asked): boolean =>
  partition.epoch === epoch && partition.prefetched.nextFetch === offset;

/** From version 13 on topics go by their ids, and every one of them must have one. */
export const fetchVersionFor = (asked: readonly Asked[]): number | undefined => fetchVersionOf(asked.map(placeOf));

/** The first partition in an answer that has records: of them at least one batch is whole, whatever its size (KIP-74). */
export function firstWithRecords({ responses }: ResponseOf<typeof Fetch>): PartitionAnswer | undefined {
  for (const { partitions } of responses) {
    const found = partitions.find(({ records }) => records !== null && records.length > 0);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** How a partition is named, and what is asked of it. */
export const placeOf = ({ topic, partition: { partition }, info: { leaderEpoch }, offset, fetchedEpoch }: Asked) => ({
  topic: topic.name,
  topicId: topic.id,
  partition,
  leaderEpoch,
  offset,
  fetchedEpoch,
});
