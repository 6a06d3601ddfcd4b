import { brokerError } from '../base/broker-errors.js';
import { KafkaError } from '../base/errors.js';
import type { ClientCore } from '../client/client.js';
import { byTopic } from '../client/rounds.js';
import { type ForPartition, type Outcome, type Routed, scatter } from '../cluster/scatter.js';
import { DescribeProducers, type ResponseOf } from '../protocol/index.js';
import { type CallBounds, namingRelease } from './call.js';
import { placeName } from './partitions.js';
import { inTime } from './rounds.js';

/** What the leader of a partition remembers of one idempotent producer. */
export interface ProducerState {
  readonly producerId: number;
  readonly producerEpoch: number;
  /** Number of the last record it has written; -1 when it has written none in this epoch. */
  readonly lastSequence: number;
  /** When it last wrote, in ms since 1970: the timestamp of its last batch, or of the end of its last transaction; -1 when unknown. */
  readonly lastTimestamp: number;
  /** Epoch of the coordinator that ended its last transaction here; undefined when there was none. */
  readonly coordinatorEpoch: number | undefined;
  /** Where the transaction begins that it has open here; undefined when it has none. */
  readonly currentTransactionStartOffset: number | undefined;
}

/** The producers that have written to one partition lately. */
export interface PartitionProducers {
  readonly topic: string;
  readonly partition: number;
  /** By producer id. */
  readonly producers: readonly ProducerState[];
}

const needs = { kafka: '2.8', kip: 'KIP-664' };

/** What each leader says, in the order of `partitions`: the producers of a partition, or why they are not known. */
export async function producersOf(
  core: ClientCore,
  partitions: readonly ForPartition[],
  bounds: CallBounds,
): Promise<readonly (PartitionProducers | KafkaError)[]> {
  const { cluster } = core;
  const asking = scatter<ForPartition, PartitionProducers>(cluster, {
    items: partitions,
    bounds,
    send: (brokerId, routed) => ask(core, brokerId, routed, bounds),
  });
  const outcomes = await inTime(cluster, bounds.deadline, asking).catch((error: unknown) => {
    if (!(error instanceof KafkaError) || error.code === 'TIDE_CLOSED') throw error;
    return partitions.map((): Outcome<PartitionProducers> => ({ ok: false, error }));
  });
  return outcomes.map(outcome => (outcome.ok ? outcome.value : outcome.error));
}

async function ask(
  { cluster }: ClientCore,
  brokerId: number,
  routed: readonly Routed<ForPartition>[],
  { signal, deadline }: CallBounds,
): Promise<readonly Outcome<PartitionProducers>[]> {
  const places = routed.map(({ item }) => item);
  const topics = [...byTopic(places)].map(([name, of]) => ({ name, partitionIndexes: of.map(({ partition }) => partition) }));
  const timeoutMs = Math.max(1, Math.min(cluster.settings.requestTimeoutMs, deadline.remainingMs()));
  const answer = await cluster.toBroker(brokerId, DescribeProducers, { topics }, { signal, timeoutMs }).catch((error: unknown) => {
    throw namingRelease(error, 'describeProducers', needs);
  });
  const found = new Map(
    answer.topics.flatMap(({ name, partitions }) => partitions.map(entry => [placeName(name, entry.partitionIndex), entry])),
  );
  return places.map(({ topic, partition }): Outcome<PartitionProducers> => {
    const name = placeName(topic, partition);
    const { errorCode = -1, errorMessage: message = null, activeProducers = [] } = found.get(name) ?? {};
    if (errorCode === 0)
      return { ok: true, value: Object.freeze({ topic, partition, producers: activeProducers.map(stateOf).sort(byId) }) };
    return { ok: false, error: brokerError(errorCode, `describeProducers ${name}`, { message, context: { topic, partition } }) };
  });
}

type Active = ResponseOf<typeof DescribeProducers>['topics'][number]['partitions'][number]['activeProducers'][number];

const stateOf = ({ coordinatorEpoch, currentTxnStartOffset, ...state }: Active): ProducerState =>
  Object.freeze({
    ...state,
    coordinatorEpoch: coordinatorEpoch < 0 ? undefined : coordinatorEpoch,
    currentTransactionStartOffset: currentTxnStartOffset < 0 ? undefined : currentTxnStartOffset,
  });

const byId = (a: ProducerState, b: ProducerState): number => a.producerId - b.producerId;
