import { ZERO_UUID } from '../bytes/reader.js';
import type { Isolation } from '../client/list-offsets.js';
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
export interface FetchLimits {
  readonly maxWaitMs: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly maxPartitionBytes: number;
  readonly isolation: Isolation;
}

export type PartitionAnswer = ResponseOf<typeof Fetch>['responses'][number]['partitions'][number];

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
export function fetchBody(asked: readonly Asked[], limits: FetchLimits): RequestOf<typeof Fetch> {
  const { maxWaitMs, minBytes, maxBytes, maxPartitionBytes, isolation } = limits;
  const byTopic = new Map<TopicInfo, Asked[]>();
  for (const entry of asked) {
    const list = byTopic.get(entry.topic);
    if (list === undefined) byTopic.set(entry.topic, [entry]);
    else list.push(entry);
  }
  return {
    maxWaitMs: Math.round(maxWaitMs),
    minBytes,
    maxBytes,
    isolationLevel: isolation === 'read_committed' ? 1 : 0,
    topics: [...byTopic].map(([topic, entries]) => ({
      topic: topic.name,
      topicId: topic.id,
      partitions: entries.map(({ partition, info, offset }) => ({
        partition: partition.partition,
        currentLeaderEpoch: info.leaderEpoch,
        fetchOffset: offset,
        partitionMaxBytes: Math.min(maxBytes, maxPartitionBytes),
      })),
    })),
  };
}

/** From version 13 on topics go by their ids, and every one of them must have one. */
export const fetchVersionFor = (asked: readonly Asked[]): number | undefined =>
  asked.every(({ topic }) => topic.id !== ZERO_UUID) ? undefined : 12;

/** What the answer holds for each of `asked`, in their order; undefined where it leaves one out. */
export function answersFor(asked: readonly Asked[], answer: ResponseOf<typeof Fetch>): readonly (PartitionAnswer | undefined)[] {
  const found = new Map<string, PartitionAnswer>();
  for (const { topic, topicId, partitions } of answer.responses) {
    for (const entry of partitions) found.set(`${topic || topicId}/${entry.partitionIndex}`, entry);
  }
  return asked.map(
    ({ topic, partition: { partition } }) => found.get(`${topic.name}/${partition}`) ?? found.get(`${topic.id}/${partition}`),
  );
}
