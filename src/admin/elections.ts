import { brokerError, errorNumbers } from '../base/broker-errors.js';
import { InputError, type KafkaError } from '../base/errors.js';
import { show } from '../base/options.js';
import type { ClientCore } from '../client/client.js';
import { byTopic } from '../client/rounds.js';
import type { ForPartition } from '../cluster/scatter.js';
import { ElectLeaders, type ResponseOf } from '../protocol/index.js';
import { brokerTime, type CallBounds, type Needs, namingRelease, once, refuseFollower } from './call.js';
import { type PartitionResult, placeName } from './partitions.js';
import { forGood, inRounds, inTime } from './rounds.js';

/** Who may be elected: the first replica of each partition, or any that is up, even one that has missed records. */
export type ElectionType = 'preferred' | 'unclean';

/** What became of an election. */
export interface ElectionResult extends PartitionResult {
  /** False: there was nothing to elect, the partition has the leader it should have. */
  readonly elected: boolean;
}

const types: Readonly<Record<ElectionType, number>> = { preferred: 0, unclean: 1 };
const needs: Readonly<Record<ElectionType, Needs>> = {
  preferred: { kafka: '2.2', kip: 'KIP-183' },
  unclean: { kafka: '2.4', kip: 'KIP-460' },
};

/** @throws KafkaError `TIDE_INPUT`. */
export function checkElectionType(type: unknown): asserts type is ElectionType {
  if (typeof type === 'string' && Object.hasOwn(types, type)) return;
  throw new InputError(`electLeaders: expected "preferred" or "unclean", got ${show(type)}`);
}

/** A result for each of `partitions`, in their order. */
export function elect(
  { cluster }: ClientCore,
  type: ElectionType,
  partitions: readonly ForPartition[],
  bounds: CallBounds,
): Promise<readonly ElectionResult[]> {
  const unsure = new Set<string>();
  const noted = ({ topic, partition }: ForPartition, error: KafkaError | undefined, elected: boolean): ElectionResult => {
    if (error?.persistence === 'maybe') unsure.add(placeName(topic, partition));
    return Object.freeze({ topic, partition, error, elected });
  };
  return inRounds<ForPartition, ElectionResult>(cluster, {
    ...bounds,
    items: partitions,
    again: error => !forGood(error),
    failed: (place, error) => noted(place, error, false),
    attempt: async places => {
      const read = (answer: Answer) => {
        const found = new Map(resultsIn(answer).map(result => [placeName(result.topic, result.partition), result]));
        return places.map(place => {
          const name = placeName(place.topic, place.partition);
          const { errorCode = -1, errorMessage = null } = found.get(name) ?? {};
          const error = refusal(place, errorCode, errorMessage);
          // Needed by an attempt whose answer was lost, and not any more: it was that attempt which elected.
          return noted(place, error, errorCode === 0 || (error === undefined && unsure.has(name)));
        });
      };
      const asked = [...byTopic(places)].map(([topic, of]) => ({ topic, partitions: of.map(({ partition }) => partition) }));
      return cluster.toController(ElectLeaders, body(type, asked, bounds), read, once(cluster, bounds)).catch(explain(type));
    },
  });
}

/** The results of the partitions where there was something to elect. After a lost answer they are those of the attempt that was answered. */
export function electEverywhere({ cluster }: ClientCore, type: ElectionType, bounds: CallBounds): Promise<readonly ElectionResult[]> {
  const read = (answer: Answer) =>
    resultsIn(answer).flatMap(({ topic, partition, errorCode, errorMessage }) => {
      const error = refusal({ topic, partition }, errorCode, errorMessage);
      const result = Object.freeze({ topic, partition, error, elected: errorCode === 0 });
      return result.elected || error !== undefined ? [result] : [];
    });
  const timeoutMs = Math.max(1, bounds.deadline.remainingMs());
  const asking = cluster.toController(ElectLeaders, body(type, null, bounds), read, { ...bounds, timeoutMs });
  return inTime(cluster, bounds.deadline, asking.catch(explain(type)));
}

type Answer = ResponseOf<typeof ElectLeaders>;

const body = (type: ElectionType, topicPartitions: { topic: string; partitions: number[] }[] | null, { deadline }: CallBounds) => ({
  electionType: types[type],
  topicPartitions,
  timeoutMs: brokerTime(deadline),
});

const explain = (type: ElectionType) => (error: unknown) => {
  throw namingRelease(error, `electLeaders, ${type},`, needs[type]);
};

/** What the answer says of each partition. @throws BrokerError what it says of all of them. */
function resultsIn({ errorCode, replicaElectionResults }: Answer) {
  if (errorCode !== 0) throw brokerError(errorCode, 'electLeaders');
  const results = replicaElectionResults.flatMap(({ topic, partitionResult }) =>
    partitionResult.map(({ partitionId, ...rest }) => ({ topic, partition: partitionId, ...rest })),
  );
  refuseFollower(results);
  return results;
}

function refusal({ topic, partition }: ForPartition, errorCode: number, message: string | null): KafkaError | undefined {
  if (errorCode === 0 || errorCode === errorNumbers.ELECTION_NOT_NEEDED) return undefined;
  return brokerError(errorCode, `electLeaders ${placeName(topic, partition)}`, { message, context: { topic, partition } });
}
