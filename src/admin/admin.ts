import { brokerError, errorNumbers } from '../base/broker-errors.js';
import type { Deadline } from '../base/clock.js';
import { KafkaError, TimeoutError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { flag, type Given, resolve } from '../base/options.js';
import { orAborted } from '../base/wait.js';
import { type ClientCore, coreOf, type KafkaClient } from '../client/client.js';
import { loggerRule } from '../client/client-log.js';
import { type ClusterMetadata, noMetadata, type TopicInfo, withAnswer } from '../cluster/metadata.js';
import type { ForPartition } from '../cluster/scatter.js';
import { Metadata } from '../protocol/index.js';
import { logPartitions, logResults } from './admin-log.js';
import { type Abortable, type AdminCallOptions, type CallBounds, timeRule } from './call.js';
import { checkElectionType, type ElectionResult, type ElectionType, elect, electEverywhere } from './elections.js';
import { type PartitionResult, partitionsOf } from './partitions.js';
import { type PartitionProducers, producersOf } from './producers.js';
import { checkReassignments, type NewPartitionReassignment, type PartitionReassignment, reassign, reassignments } from './reassignments.js';
import { allFound, complete } from './results.js';
import { inTime } from './rounds.js';
import { createAll, deleteAll } from './topic-changes.js';
import { type CreatedTopic, checkNames, checkNewTopics, type NewTopic, type TopicListing, type TopicResult } from './topics.js';
import {
  checkIds,
  listRules,
  type TransactionDescription,
  type TransactionListing,
  transactionsEverywhere,
  transactionsOf,
} from './transactions.js';

const adminRules = {
  /** Told of what becomes of topics and partitions, in place of the client's logger. Kafka has no name for it. */
  logger: loggerRule,
};
const createRules = {
  ...timeRule,
  /** Have the cluster check everything and create nothing. */
  validateOnly: flag(false),
};
/** Options of {@link Admin}. */
export type AdminOptions = Given<typeof adminRules>;
export type CreateTopicsOptions = Given<typeof createRules> & Abortable;
export type ListTransactionsOptions = Given<typeof listRules> & Abortable;

/** Oldest version that says: do not create what is asked about. */
const metadataWithoutCreating = 4;

/**
 * Administration of the cluster behind a {@link KafkaClient}: topics, who leads and keeps partitions, producers and transactions.
 * Has nothing to close; it ends with its client.
 */
export class Admin {
  readonly #core: ClientCore;
  readonly #log: Log | undefined;

  /** @throws KafkaError `TIDE_OPTION`. */
  constructor(client: KafkaClient, options?: AdminOptions) {
    this.#core = coreOf(client);
    this.#log = this.#core.logFor(resolve('Admin', adminRules, options).logger);
  }

  /**
   * Creates topics, and resolves when each partition of them has a leader that clients can find.
   * Where the answer of an attempt was lost and the topic is there afterwards, it counts as created by that attempt.
   * @throws KafkaError {@link PartialError} with a {@link CreatedTopic} for each when some or all failed, `code` being the first one's
   * (`TOPIC_ALREADY_EXISTS`, ...; `TIDE_TIMEOUT` when it was created but no leader seen in time); `TIDE_INPUT` before anything is sent.
   */
  async createTopics(topics: NewTopic | readonly NewTopic[], options: CreateTopicsOptions = {}): Promise<readonly CreatedTopic[]> {
    const { signal, ...rest } = options;
    const { timeoutMs, validateOnly } = resolve('createTopics', createRules, rest);
    const wanted = typeof topics === 'object' && topics !== null && 'name' in topics ? [topics] : topics;
    checkNewTopics(wanted);
    const deadline = this.#core.cluster.deadline(timeoutMs);
    const answers = await createAll(this.#core, wanted, validateOnly, { deadline, signal });
    if (validateOnly) return complete(answers);
    const missing = await this.#until(deadline, signal, answers, async names => {
      const { topics: found } = await this.#core.cluster.refresh(names);
      return names.filter(name => !hasLeaders(found.get(name)));
    });
    const late = (name: string) =>
      timedOut(`createTopics ${name}: created, but not every partition had a leader after ${timeoutMs} ms`, name);
    return this.#told(
      'created',
      answers.map(answer => (missing.has(answer.name) ? { ...answer, error: late(answer.name) } : answer)),
    );
  }

  /**
   * Deletes topics and everything in them, and resolves when the cluster no longer lists them.
   * @throws KafkaError {@link PartialError} with a {@link TopicResult} for each when some or all failed; `TIDE_INPUT` before anything is sent.
   */
  async deleteTopics(names: string | readonly string[], options: AdminCallOptions = {}): Promise<readonly TopicResult[]> {
    const { signal, ...rest } = options;
    const { timeoutMs } = resolve('deleteTopics', timeRule, rest);
    const wanted = typeof names === 'string' ? [names] : names;
    checkNames(wanted, 'deleteTopics');
    const deadline = this.#core.cluster.deadline(timeoutMs);
    const answers = await deleteAll(this.#core, wanted, { deadline, signal });
    const present = await this.#until(deadline, signal, answers, async deleted => {
      const { topics } = await this.#describe(deleted);
      return deleted.filter(name => topics.get(name)?.errorCode === 0);
    });
    this.#forget(wanted);
    const late = (name: string) => timedOut(`deleteTopics ${name}: marked for deletion, but still listed after ${timeoutMs} ms`, name);
    return this.#told(
      'deleted',
      answers.map(answer => (present.has(answer.name) ? { ...answer, error: late(answer.name) } : answer)),
    );
  }

  /** All topics of the cluster that this client may see, by name. @throws KafkaError `TIDE_CONNECTION`, `TIDE_TIMEOUT`, `TIDE_CLOSED`. */
  async listTopics(options: AdminCallOptions = {}): Promise<readonly TopicListing[]> {
    const { topics } = await this.#asked('listTopics', null, options);
    const listed = [...topics.values()].map(({ name, id, internal, partitions }) => ({
      name,
      id,
      internal,
      partitionCount: partitions.length,
    }));
    return listed.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * What the cluster says of each topic, in the order of `names`. Never creates one.
   * @throws KafkaError {@link PartialError} when some or all failed; its `results` hold a {@link TopicInfo} or the error of each.
   */
  async describeTopics(names: string | readonly string[], options: AdminCallOptions = {}): Promise<readonly TopicInfo[]> {
    const wanted = typeof names === 'string' ? [names] : names;
    checkNames(wanted, 'describeTopics');
    const { topics } = await this.#asked('describeTopics', wanted, options);
    return allFound<TopicInfo>(
      wanted.map(name => {
        const topic = topics.get(name);
        const code = topic?.errorCode ?? errorNumbers.UNKNOWN_TOPIC_OR_PARTITION;
        return topic !== undefined && code === 0 ? topic : brokerError(code, `describeTopics ${name}`, { context: { topic: name } });
      }),
    );
  }

  /**
   * Has the controller elect leaders, and resolves when it has: with a result for each partition, in their order. Reading and writing go on
   * with the new leaders by themselves.
   * @param type `'preferred'`: the first replica of each partition, if it is in sync. `'unclean'`: for partitions without a leader, any replica that
   * is up: **what it has missed is lost**.
   * @param partitions Those meant. `'all'`: every partition of the cluster, with results for those only where there was something to elect.
   * @throws KafkaError {@link PartialError} with an {@link ElectionResult} for each when some or all failed (`PREFERRED_LEADER_NOT_AVAILABLE`,
   * `ELIGIBLE_LEADERS_NOT_AVAILABLE`, `UNKNOWN_TOPIC_OR_PARTITION`, ...); `TIDE_UNSUPPORTED` before Kafka 2.2, for `'unclean'` before 2.4;
   * `TIDE_INPUT` before anything is sent.
   * @see KIP-183, KIP-460
   */
  async electLeaders(
    type: ElectionType,
    partitions: ForPartition | readonly ForPartition[] | 'all',
    options: AdminCallOptions = {},
  ): Promise<readonly ElectionResult[]> {
    const bounds = this.#bounds('electLeaders', options);
    checkElectionType(type);
    const wanted = partitions === 'all' ? undefined : partitionsOf(partitions, 'electLeaders');
    const results = await (wanted === undefined ? electEverywhere(this.#core, type, bounds) : elect(this.#core, type, wanted, bounds));
    this.#forget(results.filter(({ elected }) => elected).map(({ topic }) => topic));
    return this.#toldOf('leader elected', results);
  }

  /**
   * Has other brokers keep partitions, or leaves a move that is under way; resolves when the controller has taken it on. Moving goes on after
   * that, in the brokers, for as long as copying takes: {@link listPartitionReassignments} says what is left to do.
   * @throws KafkaError {@link PartialError} with a {@link PartitionResult} for each when some or all failed (`INVALID_REPLICA_ASSIGNMENT`,
   * `NO_REASSIGNMENT_IN_PROGRESS` where there is no move to leave, `UNKNOWN_TOPIC_OR_PARTITION`, ...); `TIDE_UNSUPPORTED` before Kafka 2.4;
   * `TIDE_INPUT` before anything is sent.
   * @see KIP-455
   */
  async alterPartitionReassignments(
    moves: NewPartitionReassignment | readonly NewPartitionReassignment[],
    options: AdminCallOptions = {},
  ): Promise<readonly PartitionResult[]> {
    const bounds = this.#bounds('alterPartitionReassignments', options);
    const wanted = checkReassignments(moves);
    return this.#toldOf('reassigned', await reassign(this.#core, wanted, bounds));
  }

  /**
   * The partitions that are being moved to other brokers, by topic and partition; those that are not are left out.
   * @param partitions Those meant. Default: `'all'`.
   * @throws KafkaError `TIDE_UNSUPPORTED` before Kafka 2.4, `TIDE_INPUT`, `TIDE_CONNECTION`, `TIDE_TIMEOUT`, `TIDE_CLOSED`.
   * @see KIP-455
   */
  async listPartitionReassignments(
    partitions: ForPartition | readonly ForPartition[] | 'all' = 'all',
    options: AdminCallOptions = {},
  ): Promise<readonly PartitionReassignment[]> {
    const bounds = this.#bounds('listPartitionReassignments', options);
    return reassignments(this.#core, partitions === 'all' ? null : partitionsOf(partitions, 'listPartitionReassignments'), bounds);
  }

  /**
   * Who has written to partitions lately with numbered batches, and whose transactions are open there, as each leader knows it, in the order of
   * `partitions`. A transaction that is open for long holds up everyone who reads what is committed.
   * @throws KafkaError {@link PartialError} when some or all failed; its `results` hold {@link PartitionProducers} or the error of each.
   * `TIDE_UNSUPPORTED` before Kafka 2.8, `TIDE_INPUT` before anything is sent.
   * @see KIP-664
   */
  async describeProducers(
    partitions: ForPartition | readonly ForPartition[],
    options: AdminCallOptions = {},
  ): Promise<readonly PartitionProducers[]> {
    const bounds = this.#bounds('describeProducers', options);
    return allFound(await producersOf(this.#core, partitionsOf(partitions, 'describeProducers'), bounds));
  }

  /**
   * Where transactional ids stand, as the coordinator of each knows it, in the order of `transactionalIds`.
   * @throws KafkaError {@link PartialError} when some or all failed; its `results` hold a {@link TransactionDescription} or the error of each:
   * `TRANSACTIONAL_ID_NOT_FOUND` for one that nobody uses. `TIDE_UNSUPPORTED` before Kafka 3.0, `TIDE_INPUT` before anything is sent.
   * @see KIP-664
   */
  async describeTransactions(
    transactionalIds: string | readonly string[],
    options: AdminCallOptions = {},
  ): Promise<readonly TransactionDescription[]> {
    const bounds = this.#bounds('describeTransactions', options);
    const ids = typeof transactionalIds === 'string' ? [transactionalIds] : transactionalIds;
    checkIds(ids);
    return allFound(await transactionsOf(this.#core, ids, bounds));
  }

  /**
   * The transactional ids that are known in the cluster, by id, also those without an open transaction. Every broker is asked for those that it
   * coordinates.
   * @throws KafkaError {@link PartialError} when some or all brokers failed; its `results` hold a list or an error for each broker.
   * `TIDE_UNSUPPORTED` before Kafka 3.0, with `longerThanMs` before 3.8; `TIDE_OPTION`.
   * @see KIP-664, KIP-994
   */
  async listTransactions(options: ListTransactionsOptions = {}): Promise<readonly TransactionListing[]> {
    const { signal, ...rest } = options;
    const { timeoutMs, ...filter } = resolve('listTransactions', listRules, rest);
    const lists = await transactionsEverywhere(this.#core, filter, { deadline: this.#core.cluster.deadline(timeoutMs), signal });
    return allFound(lists)
      .flat()
      .sort((a, b) => (a.transactionalId < b.transactionalId ? -1 : 1));
  }

  #bounds(what: string, { signal, ...options }: AdminCallOptions): CallBounds {
    const { timeoutMs } = resolve(what, timeRule, options);
    return { deadline: this.#core.cluster.deadline(timeoutMs), signal };
  }

  /** The results, once the log has them, or an error that holds them when one of them is a failure. */
  #told<R extends TopicResult>(done: string, results: readonly R[]): readonly R[] {
    if (this.#log !== undefined) logResults(this.#log, done, results);
    return complete(results);
  }

  #toldOf<R extends PartitionResult>(done: string, results: readonly R[]): readonly R[] {
    if (this.#log !== undefined) logPartitions(this.#log, done, results);
    return complete(results);
  }

  /** Asks until `missing` names none of the topics that succeeded; gives those still named when time is up. */
  async #until(
    deadline: Deadline,
    signal: AbortSignal | undefined,
    answers: readonly TopicResult[],
    missing: (names: readonly string[]) => Promise<readonly string[]>,
  ): Promise<ReadonlySet<string>> {
    let left: readonly string[] = answers.filter(({ error }) => error === undefined).map(({ name }) => name);
    while (left.length > 0) {
      const asked = left;
      left = await orAborted(inTime(this.#core.cluster, deadline, missing(asked)), signal).catch((error: unknown) => {
        if (error instanceof KafkaError && error.retriable) return asked;
        throw error;
      });
      if (left.length === 0 || deadline.passed) break;
      await this.#core.cluster.pause(Math.min(visiblePollMs, deadline.remainingMs()), signal);
    }
    return new Set(left);
  }

  async #asked(what: string, names: readonly string[] | null, { signal, ...options }: AdminCallOptions): Promise<ClusterMetadata> {
    const { cluster } = this.#core;
    const { timeoutMs } = resolve(what, timeRule, options);
    const deadline = cluster.deadline(timeoutMs);
    const asking = cluster.retrying(() => this.#describe(names, { signal, timeoutMs: Math.max(1, deadline.remainingMs()) }), {
      signal,
      deadline,
    });
    return inTime(cluster, deadline, asking);
  }

  /** A description of these topics, or of all, that creates none of them. A broker before 0.11 creates what it is asked about, so it is asked about all. */
  async #describe(names: readonly string[] | null, options: Abortable & { readonly timeoutMs?: number } = {}): Promise<ClusterMetadata> {
    const answer = await this.#core.cluster.toAny(
      Metadata,
      version =>
        names !== null && version >= metadataWithoutCreating
          ? { topics: names.map(name => ({ name })), allowAutoTopicCreation: false }
          : { topics: null },
      options,
    );
    if (answer.errorCode !== 0) throw brokerError(answer.errorCode, 'metadata');
    return withAnswer(noMetadata, answer);
  }

  /** What the client remembers of these topics is asked for again when next needed. */
  #forget(names: readonly string[]): void {
    const { cluster } = this.#core;
    for (const name of names) {
      const seen = cluster.topic(name);
      if (seen !== undefined) cluster.outdated(seen);
    }
  }
}

/** How long to wait between two looks at whether a change can be seen. */
const visiblePollMs = 50;

const hasLeaders = (topic: TopicInfo | undefined): boolean =>
  topic !== undefined && topic.errorCode === 0 && topic.partitions.length > 0 && topic.partitions.every(({ leader }) => leader >= 0);

const timedOut = (message: string, topic: string): TimeoutError => new TimeoutError(message, { persistence: 'maybe', context: { topic } });
