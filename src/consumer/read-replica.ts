import type { Cluster } from '../cluster/cluster.js';
import type { PartitionInfo } from '../cluster/metadata.js';
import type { Partition } from './partition.js';

/** A replica that the leader of a partition has named to be asked in its place. */
export interface ReadReplica {
  readonly brokerId: number;
  /** Of the leader that has named it. */
  readonly leaderEpoch: number;
  /** Until then: later replicas may be chosen better. */
  readonly untilAt: number;
}

/**
 * Who is asked for a partition: the replica that its leader has named, as long as both are there and the choice is not old; else the leader.
 * @see KIP-392
 */
export function readFrom(partition: Partition, info: PartitionInfo, cluster: Cluster): number {
  const { readReplica } = partition;
  if (readReplica === undefined) return info.leader;
  const { brokerId, leaderEpoch, untilAt } = readReplica;
  if (isReplica(brokerId, info, cluster) && leaderEpoch === info.leaderEpoch && cluster.clock.now() < untilAt) return brokerId;
  partition.readReplica = undefined;
  return info.leader;
}

/** A leader has named a replica; false when nothing is known of that one. */
export function readInstead(partition: Partition, brokerId: number, info: PartitionInfo, cluster: Cluster): boolean {
  if (!isReplica(brokerId, info, cluster)) return false;
  const { clock, settings } = cluster;
  partition.readReplica = { brokerId, leaderEpoch: info.leaderEpoch, untilAt: clock.now() + settings.metadataMaxAgeMs };
  return true;
}

const isReplica = (brokerId: number, { replicas }: PartitionInfo, { metadata }: Cluster): boolean =>
  replicas.includes(brokerId) && metadata.brokers.has(brokerId);
