import { brokerError, errorNumbers } from '../base/broker-errors.js';
import { InputError, type KafkaError } from '../base/errors.js';
import { show } from '../base/options.js';
import type { ClientCore } from '../client/client.js';
import { byTopic } from '../client/rounds.js';
import type { ForPartition } from '../cluster/scatter.js';
import { AlterPartitionReassignments, ListPartitionReassignments } from '../protocol/index.js';
import { brokerTime, type CallBounds, namingRelease, once, refuseFollower } from './call.js';
import { type PartitionResult, partitionsOf, placeName } from './partitions.js';
import { forGood, inRounds, inTime } from './rounds.js';

/** Which brokers are to keep a partition. */
export interface NewPartitionReassignment extends ForPartition {
  /** Ids of brokers, the preferred leader first. `null`: leave the move that is under way, and go back to the brokers before it. */
  readonly replicas: readonly number[] | null;
}

/** A partition that is being moved. */
export interface PartitionReassignment {
  readonly topic: string;
  readonly partition: number;
  /** Ids of the brokers that keep it while it is moved: those before and those behind the move. */
  readonly replicas: readonly number[];
  /** Those of them that still have to catch up. */
  readonly addingReplicas: readonly number[];
  /** Those of them that will be without it in the end. */
  readonly removingReplicas: readonly number[];
}

const needs = { kafka: '2.4', kip: 'KIP-455' };

/** @throws KafkaError `TIDE_INPUT` for what is no reassignment. */
export function checkReassignments(given: NewPartitionReassignment | readonly NewPartitionReassignment[]) {
  const what = 'alterPartitionReassignments';
  const wanted = partitionsOf(given, what);
  for (const { topic, partition, replicas } of wanted) {
    if (replicas === null) continue;
    const legal = Array.isArray(replicas) && replicas.length > 0 && replicas.every(id => Number.isInteger(id) && id >= 0 && id < 2 ** 31);
    if (legal && new Set(replicas).size === replicas.length) continue;
    const expected = 'replicas are one or more different broker ids, or null to leave a move';
    throw new InputError(`${what} ${placeName(topic, partition)}: ${expected}, got ${show(replicas)}`);
  }
  return wanted;
}

/** A result for each of `wanted`, in their order: whether the controller has taken it on. */
export function reassign(
  { cluster }: ClientCore,
  wanted: readonly NewPartitionReassignment[],
  bounds: CallBounds,
): Promise<readonly PartitionResult[]> {
  const what = 'alterPartitionReassignments';
  const unsure = new Set<string>();
  const noted = ({ topic, partition }: ForPartition, error: KafkaError | undefined): PartitionResult => {
    if (error?.persistence === 'maybe') unsure.add(placeName(topic, partition));
    return Object.freeze({ topic, partition, error });
  };
  return inRounds<NewPartitionReassignment, PartitionResult>(cluster, {
    ...bounds,
    items: wanted,
    again: error => !forGood(error),
    failed: noted,
    attempt: async items => {
      const topics = [...byTopic(items)].map(([name, of]) => ({
        name,
        partitions: of.map(({ partition, replicas }) => ({ partitionIndex: partition, replicas })),
      }));
      const asking = cluster.toController(
        AlterPartitionReassignments,
        { timeoutMs: brokerTime(bounds.deadline), topics },
        answer => {
          if (answer.errorCode !== 0) throw brokerError(answer.errorCode, what, { message: answer.errorMessage });
          const results = answer.responses.flatMap(({ name, partitions }) =>
            partitions.map(result => [placeName(name, result.partitionIndex), result] as const),
          );
          refuseFollower(results.map(([, result]) => result));
          const found = new Map(results);
          return items.map(item => {
            const { topic, partition } = item;
            const name = placeName(topic, partition);
            const { errorCode = -1, errorMessage: message = null } = found.get(name) ?? {};
            // There was a move, and the attempt whose answer was lost has left it.
            const ours = errorCode === errorNumbers.NO_REASSIGNMENT_IN_PROGRESS && unsure.has(name);
            if (errorCode === 0 || ours) return noted(item, undefined);
            return noted(item, brokerError(errorCode, `${what} ${name}`, { message, context: { topic, partition } }));
          });
        },
        once(cluster, bounds),
      );
      return asking.catch((error: unknown) => {
        throw namingRelease(error, what, needs);
      });
    },
  });
}

/** The moves that are under way, by topic and partition: of these partitions, or all of them. */
export function reassignments(
  { cluster }: ClientCore,
  partitions: readonly ForPartition[] | null,
  bounds: CallBounds,
): Promise<readonly PartitionReassignment[]> {
  const what = 'listPartitionReassignments';
  const topics =
    partitions && [...byTopic(partitions)].map(([name, of]) => ({ name, partitionIndexes: of.map(({ partition }) => partition) }));
  const asking = cluster.toController(
    ListPartitionReassignments,
    { timeoutMs: brokerTime(bounds.deadline), topics },
    answer => {
      if (answer.errorCode !== 0) throw brokerError(answer.errorCode, what, { message: answer.errorMessage });
      const found = answer.topics.flatMap(({ name: topic, partitions: moving }) =>
        moving.map(({ partitionIndex, replicas, addingReplicas, removingReplicas }) =>
          Object.freeze({ topic, partition: partitionIndex, replicas, addingReplicas, removingReplicas }),
        ),
      );
      return found.sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1));
    },
    { ...bounds, timeoutMs: Math.max(1, bounds.deadline.remainingMs()) },
  );
  return inTime(
    cluster,
    bounds.deadline,
    asking.catch((error: unknown) => {
      throw namingRelease(error, what, needs);
    }),
  );
}
