import { errorNumbers } from '../../base/broker-errors.js';
import { ZERO_UUID } from '../../bytes/reader.js';
import type { ClusterState } from '../cluster-state.js';
import type { Call } from '../handler.js';
import type { Partition, Topic } from '../topic.js';

/** The topic a request names, by name or, in versions that have no names, by id. */
export interface NamedTopic {
  /** Empty when there is only an id and no topic has it. */
  readonly name: string;
  readonly topic: Topic | undefined;
  /** The error of every partition, when there is no such topic. */
  readonly error: number;
}

/** @param byId Whether the version of the request names topics by id. */
export function findTopic(cluster: ClusterState, name: string, topicId: string, byId: boolean): NamedTopic {
  if (!byId) {
    const topic = cluster.topics.get(name);
    return { name, topic, error: topic === undefined ? errorNumbers.UNKNOWN_TOPIC_OR_PARTITION : 0 };
  }
  const topic = topicId === ZERO_UUID ? undefined : cluster.topicById(topicId);
  return { name: topic?.name ?? '', topic, error: topic === undefined ? errorNumbers.UNKNOWN_TOPIC_ID : 0 };
}

/** A partition this broker may answer for, or the error that says why not. */
export type Led =
  | { readonly partition: Partition; readonly error: 0 }
  | { readonly partition: Partition | undefined; readonly error: number };

/** @param currentLeaderEpoch The epoch the client knows; -1 when it does not say (KIP-320). */
export function findLed(call: Call, { name, topic, error }: NamedTopic, index: number, currentLeaderEpoch = -1): Led {
  const partition = topic?.partitions[index];
  const refused = call.refusal({ topic: name, partition: index }) || error;
  if (refused !== 0) return { partition, error: refused };
  if (partition === undefined) return { partition, error: errorNumbers.UNKNOWN_TOPIC_OR_PARTITION };
  // A newer epoch than this broker's: the client knows more. An older one: the client is behind.
  if (currentLeaderEpoch > partition.leaderEpoch) return { partition, error: errorNumbers.UNKNOWN_LEADER_EPOCH };
  if (partition.leader !== call.broker) return { partition, error: errorNumbers.NOT_LEADER_OR_FOLLOWER };
  if (currentLeaderEpoch >= 0 && currentLeaderEpoch < partition.leaderEpoch) {
    return { partition, error: errorNumbers.FENCED_LEADER_EPOCH };
  }
  return { partition, error: 0 };
}

/** As {@link findLed}, for a request that any replica may answer. */
export function findHeld(call: Call, { name, topic, error }: NamedTopic, index: number, currentLeaderEpoch = -1): Led {
  const partition = topic?.partitions[index];
  const refused = call.refusal({ topic: name, partition: index }) || error;
  if (refused !== 0) return { partition, error: refused };
  if (partition === undefined) return { partition, error: errorNumbers.UNKNOWN_TOPIC_OR_PARTITION };
  if (!partition.replicas.includes(call.broker)) return { partition, error: errorNumbers.NOT_LEADER_OR_FOLLOWER };
  if (currentLeaderEpoch > partition.leaderEpoch) return { partition, error: errorNumbers.UNKNOWN_LEADER_EPOCH };
  if (currentLeaderEpoch >= 0 && currentLeaderEpoch < partition.leaderEpoch) return { partition, error: errorNumbers.FENCED_LEADER_EPOCH };
  return { partition, error: 0 };
}

/** Collects what an answer says about leaders that a client did not know (KIP-951). */
export class LeaderHints {
  readonly #cluster: ClusterState;
  readonly #names: boolean;
  readonly #locates: boolean;
  readonly #leaders = new Set<number>();

  /**
   * @param names Whether the version of the answer has a place for leaders.
   * @param locates Whether it has one for their addresses.
   */
  constructor(cluster: ClusterState, names: boolean, locates: boolean) {
    this.#cluster = cluster;
    this.#names = names;
    this.#locates = locates;
  }

  /** The leader to name beside an error; undefined beside errors that are not about leaders. */
  about({ partition, error }: Led): { readonly leaderId: number; readonly leaderEpoch: number } | undefined {
    const isAboutLeader = error === errorNumbers.NOT_LEADER_OR_FOLLOWER || error === errorNumbers.FENCED_LEADER_EPOCH;
    if (!this.#names || partition === undefined || !isAboutLeader) return undefined;
    this.#leaders.add(partition.leader);
    return { leaderId: partition.leader, leaderEpoch: partition.leaderEpoch };
  }

  /** Where the leaders named so far are found. */
  endpoints(): { readonly nodeId: number; readonly host: string; readonly port: number }[] {
    const named = this.#locates ? this.#cluster.liveBrokers().filter(({ id }) => this.#leaders.has(id)) : [];
    return named.map(({ id, host, port }) => ({ nodeId: id, host, port }));
  }
}
