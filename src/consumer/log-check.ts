import { byTopic } from '../client/rounds.js';
import type { Cluster } from '../cluster/cluster.js';
import type { Purpose } from '../cluster/links.js';
import { Fetch, OffsetForLeaderEpoch } from '../protocol/index.js';
import type { Asked } from './fetch-request.js';
import type { EpochEnd } from './intake.js';

/** From here on the answer to a fetch says itself where logs part (KIP-595); but not where it names another replica to be asked. */
const fetchTells = 12;
/** Before that only replicas may ask. */
const consumersAskFrom = 3;

export interface CheckOptions {
  readonly purpose: Purpose;
  readonly signal: AbortSignal;
  /** Where this consumer runs, if it may be sent to other replicas than leaders. */
  readonly rackId: string | undefined;
}

/** What became of one partition. */
export interface Checked {
  readonly asked: Asked;
  readonly errorCode: number;
  /** Where the leader says that the epoch ended; undefined where it need not be asked, or cannot. Both numbers are -1 where it does not know. */
  readonly end: EpochEnd | undefined;
}

/** Whether a partition has a new leader, whose log may be another one than was read so far. */
export const isUnchecked = ({ partition, info: { leaderEpoch }, fetchedEpoch }: Asked): boolean =>
  leaderEpoch > partition.validatedFor && fetchedEpoch >= 0;

/**
 * Asks new leaders whether their logs still hold what was read, where the answer to a fetch will not say so.
 * @throws KafkaError what the request failed with.
 * @see KIP-320
 */
export async function checkLogs(
  cluster: Cluster,
  brokerId: number,
  asked: readonly Asked[],
  { purpose, signal, rackId }: CheckOptions,
): Promise<readonly Checked[]> {
  const options = { purpose, signal };
  const isNeeded = rackId !== undefined || (await cluster.highestVersion(brokerId, Fetch, options)) < fetchTells;
  const isPossible = isNeeded && (await cluster.highestVersion(brokerId, OffsetForLeaderEpoch, options)) >= consumersAskFrom;
  if (!isPossible) return asked.map(entry => ({ asked: entry, errorCode: 0, end: undefined }));
  const parts = asked.map(
    ({ topic: { name: topic }, partition: { partition }, info: { leaderEpoch: currentLeaderEpoch }, fetchedEpoch }) => {
      return { topic, partition, currentLeaderEpoch, leaderEpoch: fetchedEpoch };
    },
  );
  const topics = [...byTopic(parts)].map(([topic, entries]) => ({
    topic,
    partitions: entries.map(({ partition, currentLeaderEpoch, leaderEpoch }) => ({ partition, currentLeaderEpoch, leaderEpoch })),
  }));
  const answer = await cluster.toBroker(brokerId, OffsetForLeaderEpoch, { replicaId: -1, topics }, { signal });
  const ends = new Map(answer.topics.flatMap(({ topic, partitions }) => partitions.map(end => [`${topic}/${end.partition}`, end])));
  return asked.map((entry, i) => {
    const end = ends.get(`${parts[i]?.topic}/${parts[i]?.partition}`);
    if (end === undefined) return { asked: entry, errorCode: -1, end: undefined };
    return { asked: entry, errorCode: end.errorCode, end: { epoch: end.leaderEpoch, endOffset: end.endOffset } };
  });
}
