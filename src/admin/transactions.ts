import { brokerError, errorNumbers } from '../base/broker-errors.js';
import { InputError, KafkaError } from '../base/errors.js';
import { custom, integer, optional, show } from '../base/options.js';
import { orAborted } from '../base/wait.js';
import type { ClientCore } from '../client/client.js';
import type { ForPartition } from '../cluster/scatter.js';
import { DescribeTransactions, ListTransactions, type ResponseOf } from '../protocol/index.js';
import { type CallBounds, type Needs, namingRelease, timeRule } from './call.js';
import { inTime } from './rounds.js';

/** Every state of a transactional id that Kafka has a name for. */
export const transactionStates = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'Dead',
  'PrepareEpochFence',
] as const;

/**
 * Where a transactional id stands, in Kafka's words. `Empty`: no transaction yet; `Ongoing`: one is open; `Prepare...`: it is decided and being
 * ended; `Complete...`: it has ended. A newer broker may have another.
 */
export type TransactionState = (typeof transactionStates)[number] | (string & {});

/** One transactional id, as its coordinator describes it. */
export interface TransactionDescription {
  readonly transactionalId: string;
  /** The broker that coordinates it. */
  readonly coordinatorId: number;
  readonly state: TransactionState;
  readonly producerId: number;
  readonly producerEpoch: number;
  /** In ms: a transaction that takes longer is aborted by the coordinator. */
  readonly transactionTimeoutMs: number;
  /** When the transaction that is open, or was the last one, began, in ms since 1970; undefined when there was none. */
  readonly transactionStartTimeMs: number | undefined;
  /** Where it has written, as long as it is not ended. Offsets of groups are written to partitions of `__consumer_offsets`. */
  readonly topicPartitions: readonly ForPartition[];
}

/** One line of the list of transactional ids. */
export interface TransactionListing {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly state: TransactionState;
  /** The broker that coordinates it. */
  readonly coordinatorId: number;
}

const isListOf = <T>(value: unknown, is: (each: unknown) => each is T): value is readonly T[] => Array.isArray(value) && value.every(is);
const isState = (each: unknown): each is TransactionState => transactionStates.some(state => state === each);
const isId = (each: unknown): each is number => typeof each === 'number' && Number.isSafeInteger(each) && each >= 0;

export const listRules = {
  ...timeRule,
  /** Only those in one of these states. Kafka: filterStates. */
  states: custom<readonly TransactionState[], readonly TransactionState[]>(`a list of ${transactionStates.join(', ')}`, [], value =>
    isListOf(value, isState) ? value : undefined,
  ),
  /** Only those of these producers. Kafka: filterProducerIds. */
  producerIds: custom<readonly number[], readonly number[]>('a list of producer ids', [], value =>
    isListOf(value, isId) ? value : undefined,
  ),
  /** Only those that were begun longer ago than so many ms. Needs Kafka 3.8 (KIP-994). Kafka: filterOnDuration. */
  longerThanMs: optional(integer(0)),
};

/** Which transactional ids are meant. */
export interface TransactionFilter {
  readonly states: readonly TransactionState[];
  readonly producerIds: readonly number[];
  readonly longerThanMs: number | undefined;
}

const needs = { kafka: '3.0', kip: 'KIP-664' };
const needsForDuration = { kafka: '3.8', kip: 'KIP-994' };

/** @throws KafkaError `TIDE_INPUT` for what is no id, for one given twice, and for an empty list. */
export function checkIds(ids: unknown): asserts ids is readonly string[] {
  const what = 'describeTransactions';
  if (!Array.isArray(ids) || ids.length === 0) throw new InputError(`${what}: expected at least one transactional id, got ${show(ids)}`);
  for (const [i, id] of ids.entries()) {
    if (typeof id !== 'string' || id === '')
      throw new InputError(`${what}: a transactional id is a string that is not empty, got ${show(id)}`);
    if (ids.indexOf(id) !== i) throw new InputError(`${what}: ${show(id)} is there twice`);
  }
}

/** What the coordinator of each says, in the order of `ids`: its description, or why there is none. */
export function transactionsOf(
  core: ClientCore,
  ids: readonly string[],
  bounds: CallBounds,
): Promise<readonly (TransactionDescription | KafkaError)[]> {
  return Promise.all(ids.map(id => orError(inTime(core.cluster, bounds.deadline, describe(core, id, bounds)))));
}

async function describe({ coordinators, cluster }: ClientCore, id: string, bounds: CallBounds): Promise<TransactionDescription> {
  const what = `describeTransactions ${show(id)}`;
  const timeoutMs = Math.min(cluster.settings.requestTimeoutMs, Math.max(1, bounds.deadline.remainingMs()));
  try {
    const found = await coordinators.request(
      'transaction',
      id,
      DescribeTransactions,
      { transactionalIds: [id] },
      ({ transactionStates: [state] }) => {
        if (state?.errorCode === 0) return state;
        throw brokerError(state?.errorCode ?? -1, what, { context: { transactionalId: id } });
      },
      { ...bounds, timeoutMs },
    );
    return description(found, await coordinators.find('transaction', id, bounds)); // remembered: nobody is asked
  } catch (error) {
    throw namingRelease(error, 'describeTransactions', needs);
  }
}

type Described = ResponseOf<typeof DescribeTransactions>['transactionStates'][number];

function description(found: Described, coordinatorId: number): TransactionDescription {
  const { transactionalId, transactionState: state, producerId, producerEpoch, transactionTimeoutMs, transactionStartTimeMs } = found;
  return Object.freeze({
    ...{ transactionalId, coordinatorId, state, producerId, producerEpoch, transactionTimeoutMs },
    transactionStartTimeMs: transactionStartTimeMs < 0 ? undefined : transactionStartTimeMs,
    topicPartitions: found.topics.flatMap(({ topic, partitions }) => partitions.map(partition => ({ topic, partition }))),
  });
}

/** What each broker lists of those it coordinates, by broker: its list, or why there is none. */
export async function transactionsEverywhere(
  core: ClientCore,
  filter: TransactionFilter,
  bounds: CallBounds,
): Promise<readonly (readonly TransactionListing[] | KafkaError)[]> {
  const { cluster } = core;
  const { brokers } = await inTime(
    cluster,
    bounds.deadline,
    cluster.retrying(async () => {
      const metadata = await orAborted(cluster.refresh([]), bounds.signal);
      // A broker that is just starting knows nobody yet: that is not a cluster without transactions.
      if (metadata.brokers.size === 0) throw brokerError(errorNumbers.BROKER_NOT_AVAILABLE, 'listTransactions');
      return metadata;
    }, bounds),
  );
  const ids = [...brokers.keys()].sort((a, b) => a - b);
  return Promise.all(ids.map(id => orError(inTime(cluster, bounds.deadline, listed(core, id, filter, bounds)))));
}

function listed(
  { cluster }: ClientCore,
  broker: number,
  { states, producerIds, longerThanMs }: TransactionFilter,
  bounds: CallBounds,
): Promise<readonly TransactionListing[]> {
  const { signal, deadline } = bounds;
  const needed: Needs = longerThanMs === undefined ? needs : needsForDuration;
  return cluster.retrying(async () => {
    const body = { stateFilters: [...states], producerIdFilters: [...producerIds], durationFilter: longerThanMs };
    const timeoutMs = Math.max(1, Math.min(cluster.settings.requestTimeoutMs, deadline.remainingMs()));
    const answer = await cluster.toBroker(broker, ListTransactions, body, { signal, timeoutMs }).catch((error: unknown) => {
      throw namingRelease(error, longerThanMs === undefined ? 'listTransactions' : 'listTransactions with longerThanMs', needed);
    });
    if (answer.errorCode !== 0) throw brokerError(answer.errorCode, `listTransactions of broker ${broker}`, { context: { broker } });
    return answer.transactionStates.map(({ transactionalId, producerId, transactionState: state }) =>
      Object.freeze({ transactionalId, producerId, state, coordinatorId: broker }),
    );
  }, bounds);
}

/** What `work` gives, or the error it ends with. A close and an abort are no results. */
const orError = <T>(work: Promise<T>): Promise<T | KafkaError> =>
  work.catch((error: unknown) => {
    if (error instanceof KafkaError && error.code !== 'TIDE_CLOSED') return error;
    throw error;
  });
