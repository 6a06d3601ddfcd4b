import { ListPartitionReassignments, type ResponseInput } from '../../protocol/index.js';
import { handler } from '../handler.js';
import type { Partition } from '../topic.js';

type Moving = ResponseInput<typeof ListPartitionReassignments>['topics'][number]['partitions'][number];

/** The partitions that are being moved. */
export const listPartitionReassignments = handler({
  api: ListPartitionReassignments,
  versions: ListPartitionReassignments.versions,
  answer({ cluster, body, refusal }) {
    const errorCode = refusal({});
    const all = [...cluster.topics.values()].map(({ name, partitions }) => ({ name, partitionIndexes: [...partitions.keys()] }));
    const topics = (body.topics ?? all).map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.flatMap(index => describe(cluster.partition(name, index))),
    }));
    return { errorCode, errorMessage: null, topics: errorCode === 0 ? topics.filter(({ partitions }) => partitions.length > 0) : [] };
  },
});

function describe(partition: Partition | undefined): Moving[] {
  if (partition?.move === undefined) return [];
  const { adding, removing } = partition.move;
  return [{ partitionIndex: partition.index, replicas: partition.replicas, addingReplicas: adding, removingReplicas: removing }];
}
