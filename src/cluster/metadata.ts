import { ZERO_UUID } from '../bytes/reader.js';
import type { Metadata, ResponseOf } from '../protocol/index.js';

/** One broker, as the cluster describes it. */
export interface BrokerInfo {
  readonly id: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
}

/** One partition, as the cluster describes it. */
export interface PartitionInfo {
  readonly partition: number;
  /** The broker that leads it; -1 while there is none. */
  readonly leader: number;
  /** Grows with each new leader; -1 where the broker is too old to say, or to be believed (before 2.4). */
  readonly leaderEpoch: number;
  readonly replicas: readonly number[];
  /** The replicas that are in sync. */
  readonly isr: readonly number[];
  /** Kafka's number of what is wrong with it; 0 when nothing is. */
  readonly errorCode: number;
}

/** One topic, as the cluster describes it. */
export interface TopicInfo {
  readonly name: string;
  /** Kafka's id of the topic (KIP-516); the zero uuid where the broker is too old for ids. */
  readonly id: string;
  readonly internal: boolean;
  /** Kafka's number of what is wrong with it; 0 when nothing is. */
  readonly errorCode: number;
  /** By partition number, ascending. */
  readonly partitions: readonly PartitionInfo[];
}

/** What the cluster said of itself at one moment. Frozen. */
export interface ClusterMetadata {
  readonly clusterId: string | null;
  /** The broker that takes administrative requests; -1 when unknown. */
  readonly controllerId: number;
  readonly brokers: ReadonlyMap<number, BrokerInfo>;
  readonly topics: ReadonlyMap<string, TopicInfo>;
}

export const noMetadata: ClusterMetadata = Object.freeze({ clusterId: null, controllerId: -1, brokers: new Map(), topics: new Map() });

type MetadataAnswer = ResponseOf<typeof Metadata>;

/** The first version whose leader epochs are true while partitions are moved; an older one may be refused for ever with what it tells. */
export const epochsFrom = 9;

/**
 * The snapshot after `answer`: brokers are replaced; so are the topics if `all` were asked about, else those not asked about stay.
 * @param version Of the answer: before {@link epochsFrom} its leader epochs are not believed.
 */
export function withAnswer(before: ClusterMetadata, answer: MetadataAnswer, all = false, version = epochsFrom): ClusterMetadata {
  const brokers = new Map<number, BrokerInfo>();
  for (const { nodeId, host, port, rack } of answer.brokers) {
    if (host !== '' && port > 0 && port <= 65_535) brokers.set(nodeId, Object.freeze({ id: nodeId, host, port, rack }));
  }
  const topics = new Map(all ? [] : before.topics);
  for (const topic of answer.topics) {
    if (topic.name !== null) topics.set(topic.name, topicInfo(topic.name, topic, before.topics.get(topic.name), version));
  }
  return Object.freeze({ clusterId: answer.clusterId, controllerId: answer.controllerId, brokers, topics });
}

/** Who leads a partition now, as a broker says that no longer does. */
export interface NewLeader {
  readonly index: number;
  readonly currentLeader: { readonly leaderId: number; readonly leaderEpoch: number };
}

/** Where a broker is that is named in such an answer. */
export interface Endpoint {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
}

/** The topic after one of its partitions has got this leader; undefined unless that is newer than what is known. */
export function withLeader(
  topic: TopicInfo,
  partition: number,
  { leaderId, leaderEpoch }: NewLeader['currentLeader'],
): TopicInfo | undefined {
  const known = topic.partitions.find(found => found.partition === partition);
  if (leaderId < 0 || known === undefined || leaderEpoch <= known.leaderEpoch) return undefined;
  const moved = Object.freeze({ ...known, leader: leaderId, leaderEpoch, errorCode: 0 });
  return Object.freeze({ ...topic, partitions: Object.freeze(topic.partitions.map(found => (found === known ? moved : found))) });
}

function topicInfo(name: string, topic: MetadataAnswer['topics'][number], before: TopicInfo | undefined, version: number): TopicInfo {
  const partitions = topic.partitions.map(found => {
    const info: PartitionInfo = {
      partition: found.partitionIndex,
      leader: found.leaderId,
      leaderEpoch: version < epochsFrom ? -1 : found.leaderEpoch,
      replicas: Object.freeze([...found.replicaNodes]),
      isr: Object.freeze([...found.isrNodes]),
      errorCode: found.errorCode,
    };
    return Object.freeze(newerOf(before, topic.topicId, info));
  });
  partitions.sort((a, b) => a.partition - b.partition);
  return Object.freeze({
    name,
    id: topic.topicId,
    internal: topic.isInternal,
    errorCode: topic.errorCode,
    partitions: Object.freeze(partitions),
  });
}

/**
 * KIP-320: a broker that is behind may tell of a leader that is already deposed; what has the higher epoch is kept. Without topic ids
 * nothing is kept: a topic that was deleted and created again starts its epochs anew.
 */
function newerOf(before: TopicInfo | undefined, topicId: string, found: PartitionInfo): PartitionInfo {
  const known =
    topicId !== ZERO_UUID && before?.id === topicId ? before.partitions.find(({ partition }) => partition === found.partition) : undefined;
  return known !== undefined && found.leaderEpoch >= 0 && found.leaderEpoch < known.leaderEpoch ? known : found;
}
