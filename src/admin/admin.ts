import { brokerError, errorNumbers } from '../base/broker-errors.js';
import type { Deadline } from '../base/clock.js';
import { KafkaError, PartialError, TimeoutError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { duration, flag, type Given, resolve } from '../base/options.js';
import { orAborted } from '../base/wait.js';
import { type ClientCore, coreOf, type KafkaClient } from '../client/client.js';
import { loggerRule } from '../client/client-log.js';
import { type ClusterMetadata, noMetadata, type TopicInfo, withAnswer } from '../cluster/metadata.js';
import { CreateTopics, DeleteTopics, Metadata } from '../protocol/index.js';
import { logResults } from './admin-log.js';
import { refusedDeletion } from './refused-deletion.js';
import { inRounds, inTime } from './rounds.js';
import { type CreatedTopic, checkNames, checkNewTopics, created, type NewTopic, type TopicListing, type TopicResult } from './topics.js';

const adminRules = {
  /** Told of what becomes of topics, in place of the client's logger. Kafka has no name for it. */
  logger: loggerRule,
};
const timeRule = {
  /** Longest time in ms for the whole call, retries and waiting included. Kafka: default.api.timeout.ms. */
  timeoutMs: duration(30_000, 1),
};
const createRules = {
  ...timeRule,
  /** Have the cluster check everything and create nothing. */
  validateOnly: flag(false),
};
interface Abortable {
  readonly signal?: AbortSignal | undefined;
}
/** Options of {@link Admin}. */
export type AdminOptions = Given<typeof adminRules>;
export type AdminCallOptions = Given<typeof timeRule> & Abortable;
export type CreateTopicsOptions = Given<typeof createRules> & Abortable;

/** Oldest versions that say: do not create what is asked about; take the broker's own counts (KIP-464). */
const metadataWithoutCreating = 4;
const createWithDefaults = 4;
const deleteByStruct = 6;
const clusterDefault = -1;

/** Administration of the cluster behind a {@link KafkaClient}: topics. Has nothing to close; it ends with its client. */
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
    const answers = await this.#create(wanted, { deadline, validateOnly, signal });
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
    const answers = await this.#delete(wanted, { deadline, signal });
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
    const failures: KafkaError[] = [];
    const found: TopicInfo[] = [];
    const results = wanted.map(name => {
      const topic = topics.get(name);
      const code = topic?.errorCode ?? errorNumbers.UNKNOWN_TOPIC_OR_PARTITION;
      if (topic !== undefined && code === 0) {
        found.push(topic);
        return topic;
      }
      const error = brokerError(code, `describeTopics ${name}`, { context: { topic: name } });
      failures.push(error);
      return error;
    });
    if (failures[0] !== undefined) throw partial(failures[0], failures.length, results);
    return found;
  }

  /** The results, once the log has them, or an error that holds them when one of them is a failure. */
  #told<R extends TopicResult>(done: string, results: readonly R[]): readonly R[] {
    if (this.#log !== undefined) logResults(this.#log, done, results);
    return complete(results);
  }

  #create(
    wanted: readonly NewTopic[],
    { deadline, validateOnly, signal }: { deadline: Deadline; validateOnly: boolean; signal: AbortSignal | undefined },
  ): Promise<readonly CreatedTopic[]> {
    const unsure = new Set<string>();
    return inRounds<NewTopic, CreatedTopic>(this.#core.cluster, {
      items: wanted,
      deadline,
      signal,
      failed: ({ name }, error) => {
        if (error.persistence === 'maybe') unsure.add(name);
        return created(name, { error });
      },
      attempt: topics =>
        this.#core.cluster.toController(
          CreateTopics,
          version => ({ topics: topics.map(topic => newTopic(topic, version)), timeoutMs: brokerTime(deadline), validateOnly }),
          answer => {
            const found = new Map(answer.topics.map(topic => [topic.name, topic]));
            refuseFollower(answer.topics);
            return topics.map(({ name }) => {
              const { errorCode = -1, errorMessage = null, topicId, numPartitions, replicationFactor } = found.get(name) ?? {};
              const ours = errorCode === errorNumbers.TOPIC_ALREADY_EXISTS && unsure.has(name);
              if (errorCode === 0 || ours) {
                return created(name, {
                  ...(topicId && { id: topicId }),
                  partitions: numPartitions ?? -1,
                  replicationFactor: replicationFactor ?? -1,
                });
              }
              const error = brokerError(errorCode, `createTopics ${name}`, { message: errorMessage, context: { topic: name } });
              if (error.persistence === 'maybe') unsure.add(name);
              return created(name, { error });
            });
          },
          this.#once(deadline, signal),
        ),
    });
  }

  #delete(
    wanted: readonly string[],
    { deadline, signal }: { deadline: Deadline; signal: AbortSignal | undefined },
  ): Promise<readonly TopicResult[]> {
    const unsure = new Set<string>();
    return inRounds<string, TopicResult>(this.#core.cluster, {
      items: wanted,
      deadline,
      signal,
      failed: (name, error) => {
        if (error.persistence === 'maybe') unsure.add(name);
        return { name, error };
      },
      attempt: names =>
        this.#core.cluster.toController(
          DeleteTopics,
          version => ({
            ...(version >= deleteByStruct ? { topics: names.map(name => ({ name })) } : { topicNames: names }),
            timeoutMs: brokerTime(deadline),
          }),
          answer => {
            const found = new Map(answer.responses.map(response => [response.name, response]));
            refuseFollower(answer.responses);
            return names.map(name => {
              const { errorCode = -1, errorMessage = null } = found.get(name) ?? {};
              const ours = errorCode === errorNumbers.UNKNOWN_TOPIC_OR_PARTITION && unsure.has(name);
              if (errorCode === 0 || ours) return { name, error: undefined };
              const error = refusedDeletion(name, errorCode, errorMessage);
              if (error.persistence === 'maybe') unsure.add(name);
              return { name, error };
            });
          },
          this.#once(deadline, signal),
        ),
    });
  }

  /** Bounds of one round: {@link inRounds} counts the attempts, and must hear of each that may have been applied. */
  #once(deadline: Deadline, signal: AbortSignal | undefined) {
    const policy = { ...this.#core.cluster.settings.retry, attempts: 1 };
    return { policy, deadline, signal, timeoutMs: Math.max(1, deadline.remainingMs()) };
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

function newTopic({ name, partitions, replicationFactor, configs = {}, assignments }: NewTopic, version: number) {
  const fallback = assignments !== undefined || version >= createWithDefaults ? clusterDefault : 1;
  return {
    name,
    numPartitions: partitions ?? fallback,
    replicationFactor: replicationFactor ?? fallback,
    assignments: (assignments ?? []).map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })),
    configs: Object.entries(configs).map(([key, value]) => ({ name: key, value: String(value) })),
  };
}

/** The broker gets less time than we wait, so that its own answer can arrive. */
const brokerTime = (deadline: Deadline): number => Math.max(1, Math.floor(deadline.remainingMs() * 0.9));

/** A broker that does not control says so of every topic. */
function refuseFollower(topics: readonly { readonly errorCode: number }[]): void {
  if (topics.some(({ errorCode }) => errorCode === errorNumbers.NOT_CONTROLLER)) throw brokerError(errorNumbers.NOT_CONTROLLER, 'topics');
}

const hasLeaders = (topic: TopicInfo | undefined): boolean =>
  topic !== undefined && topic.errorCode === 0 && topic.partitions.length > 0 && topic.partitions.every(({ leader }) => leader >= 0);

const timedOut = (message: string, topic: string): TimeoutError => new TimeoutError(message, { persistence: 'maybe', context: { topic } });

function partial<T>(first: KafkaError, failed: number, results: readonly T[]): PartialError<T> {
  return new PartialError(`${first.message}${failed > 1 ? ` (and ${failed - 1} more)` : ''}`, first, results);
}

/** The results, or an error that holds them when one of them is a failure. */
function complete<R extends TopicResult>(results: readonly R[]): readonly R[] {
  const failed = results.filter(({ error }) => error !== undefined);
  const [first] = failed;
  if (first?.error !== undefined) throw partial(first.error, failed.length, results);
  return results;
}
