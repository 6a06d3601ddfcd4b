import { errorNumbers } from '../../base/broker-errors.js';
import { AlterPartitionReassignments, type ResponseInput } from '../../protocol/index.js';
import { type Call, handler } from '../handler.js';

type Result = ResponseInput<typeof AlterPartitionReassignments>['responses'][number]['partitions'][number];

/** Has partitions kept by other brokers. Copying takes no time: a move is under way only as long as a broker of it is down. */
export const alterPartitionReassignments = handler({
  api: AlterPartitionReassignments,
  versions: AlterPartitionReassignments.versions,
  answer: call => ({
    errorCode: 0,
    errorMessage: null,
    responses: call.body.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, replicas }) => move(call, name, partitionIndex, replicas)),
    })),
  }),
});

function move(
  { cluster, refusal }: Call<typeof AlterPartitionReassignments>,
  topic: string,
  partitionIndex: number,
  replicas: readonly number[] | null,
): Result {
  const answer = (errorCode: number, errorMessage: string | null = null): Result => ({ partitionIndex, errorCode, errorMessage });
  const refused = refusal({ topic, partition: partitionIndex });
  if (refused !== 0) return answer(refused);
  const partition = cluster.partition(topic, partitionIndex);
  if (partition === undefined)
    return answer(errorNumbers.UNKNOWN_TOPIC_OR_PARTITION, `Unable to find partition ${topic}:${partitionIndex}.`);
  if (replicas === null) return answer(cluster.leaveMove(partition) ? 0 : errorNumbers.NO_REASSIGNMENT_IN_PROGRESS);
  const wrong = whatIsWrong(replicas, cluster.brokerIds);
  if (wrong !== undefined) return answer(errorNumbers.INVALID_REPLICA_ASSIGNMENT, `The manual partition assignment includes ${wrong}.`);
  cluster.move(partition, replicas);
  return answer(0);
}

function whatIsWrong(replicas: readonly number[], brokers: readonly number[]): string | undefined {
  if (replicas.length === 0) return 'an empty replica list';
  if (new Set(replicas).size !== replicas.length) return 'a broker twice';
  const unknown = replicas.find(id => !brokers.includes(id));
  return unknown === undefined ? undefined : `broker ${unknown}, but no such broker is registered`;
}
