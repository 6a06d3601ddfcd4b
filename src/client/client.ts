import { type InspectOptions, inspect } from 'node:util';
import { brokerError, errorNumbers } from '../base/broker-errors.js';
import { systemClock } from '../base/clock.js';
import type { ConnectionTrace, SecurityWarning } from '../base/diagnostics.js';
import { ConnectionError, InputError } from '../base/errors.js';
import { TypedEvents } from '../base/events.js';
import { Log, type Logger } from '../base/log.js';
import { duration, optional, resolve, show, signalOf, signalRules } from '../base/options.js';
import { orAborted } from '../base/wait.js';
import { ZERO_UUID } from '../bytes/reader.js';
import { Cluster } from '../cluster/cluster.js';
import { Coordinators } from '../cluster/coordinators.js';
import { closedError } from '../cluster/links.js';
import type { BrokerInfo, ClusterMetadata, TopicInfo } from '../cluster/metadata.js';
import { type Address, formatAddress, parseAddress } from '../network/address.js';
import { Security } from '../network/security.js';
import type { Api, RequestOf, ResponseOf } from '../protocol/index.js';
import { Children, type Closable, type ClosingTurn } from './children.js';
import { logConnection, logMetadata, logPassing } from './client-log.js';
import { clientRules, type KafkaClientOptions } from './client-options.js';
import { Closing } from './closing.js';
import { ensuredTopic } from './ensure-topic.js';
import { FailureLog, type NonFatalError } from './failure-log.js';
import { checkFetch, type Fetched, type FetchOptions, fetchAll, fetchRules } from './fetch.js';
import { firstContact } from './first-contact.js';
import { checkGroupId, checkList, checkPartition, checkTopic } from './inputs.js';
import { type OffsetCoordinator, type OffsetCoordinatorOptions, offsetCoordinator } from './offset-coordinator.js';
import { type OffsetQueries, offsetQueries } from './offset-queries.js';
import { onlyValue } from './outcome.js';
import { Polls } from './polls.js';
import { checkLevel, type Produced, type ProduceOptions, produceAll, produceRules } from './produce.js';
import type { MessageInput } from './produce-batch.js';
import { type RequestTarget, rawRequest, targetRule } from './raw-request.js';
import { type RequestLists, requestLists } from './request-lists.js';
import type { WaitOptions } from './wait-options.js';

/** Longest time in ms over all attempts to connect. `null`: no limit but the attempts. */
const connectRules = { ...signalRules, timeoutMs: duration(Number.POSITIVE_INFINITY, 1, true) };
/** Longest time in ms for one attempt of a request. Default: the client's `requestTimeoutMs`. `null`: no limit. */
const requestRules = { ...signalRules, to: targetRule, timeoutMs: optional(duration(30_000, 1, true)) };

/** Longest time in ms to wait for a topic. `null`: no limit. */
const ensureRules = { ...signalRules, timeoutMs: duration(30_000, 0, true) };

/** What {@link KafkaClient} tells its listeners. */
export interface KafkaClientEvents {
  /** A connection was opened, was closed, or could not be opened. */
  connection: ConnectionTrace;
  /** The cluster described itself anew. */
  metadata: ClusterMetadata;
  /** An error passed: what failed is tried again, or was had from another broker. */
  nonFatalError: NonFatalError;
  /** A connection is less safe than it could be: nobody's certificate is checked, or a password goes over the wire as it is. */
  warning: SecurityWarning;
}

/** What producers, consumers and admins share of one client; not for users. */
export interface ClientCore {
  readonly cluster: Cluster;
  readonly coordinators: Coordinators;
  readonly clientId: string;
  /** The connections for single fetches. */
  readonly polls: Polls;
  /** Where what is made from the client says what it does: the client's log, or one that tells a logger of its own. Undefined: nobody listens. */
  logFor(logger: Logger | undefined): Log | undefined;
  /** Remembers `child` until the function given back is called. Default turn: `'first'`. */
  adopt(child: Closable, turn?: ClosingTurn): () => void;
}

let coreOf: (client: KafkaClient) => ClientCore;

/**
 * The connection to one Kafka cluster, which everything else stands on: brokers, what they know, and the way to each of them.
 * Constructing it does nothing but check the options; the first use connects, or {@link connect} does.
 */
export class KafkaClient extends TypedEvents<KafkaClientEvents> {
  static {
    coreOf = client => {
      if (typeof client === 'object' && client !== null && #core in client) return client.#core;
      throw new InputError(`expected a KafkaClient as the first argument, got ${show(client)}`);
    };
  }

  readonly #core: ClientCore;
  readonly #children = new Children();
  readonly #brokers: readonly string[];
  readonly #failures: FailureLog;
  readonly #closing = new Closing();

  /** Where logs begin and end, and where a time is in them. */
  readonly offsets: OffsetQueries;
  /** Requests for many partitions at once, with results in the order of the payloads. */
  readonly send: RequestLists;

  /** @throws KafkaError `TIDE_OPTION` naming the option and what it may be. */
  constructor(options: KafkaClientOptions) {
    super();
    const resolved = resolve('KafkaClient', clientRules, options);
    this.#brokers = resolved.brokers.map(formatAddress);
    const { tls, sasl, logger, ...rest } = resolved;
    const log = Log.open(logger, process.env['TIDEMARK_DEBUG']);
    const safeguards = {
      tls: tls || undefined,
      sasl,
      clock: systemClock,
      observe: (warning: SecurityWarning) => {
        log?.say('IO', 'warn', warning.message, { broker: warning.broker });
        this.emit('warning', warning);
      },
    };
    const failures = new FailureLog(systemClock, resolved.maxLoggedErrors);
    const cluster = new Cluster({
      ...rest,
      security: tls || sasl ? new Security(safeguards) : undefined,
      clock: systemClock,
      log,
      reconnect: resolved.retry,
      versionCaps: resolved.apiVersions,
      observe: event => {
        failures.connection(event);
        if (log !== undefined) logConnection(log, event);
        this.emit('connection', event);
      },
      observeMetadata: metadata => {
        const known = new Set([...resolved.brokers, ...metadata.brokers.values()].map(formatAddress));
        failures.forget(broker => known.has(broker));
        if (log !== undefined) logMetadata(log, metadata);
        this.emit('metadata', metadata);
      },
      observePassing: (error, pauseMs) => {
        if (log !== undefined) logPassing(log, error, pauseMs);
        this.emit('nonFatalError', failures.passed(error));
      },
    });
    this.#core = {
      cluster,
      coordinators: new Coordinators(cluster),
      clientId: resolved.clientId,
      polls: new Polls(cluster),
      logFor: own => Log.within(log, own),
      adopt: (child, turn = 'first') => {
        if (this.#closing.begun) throw closedError();
        return this.#children.add(child, turn);
      },
    };
    this.#failures = failures;
    this.offsets = offsetQueries(this.#core);
    this.send = requestLists(this.#core);
  }

  /**
   * Connects, and resolves when a broker has described the cluster. Never needed, but the place to learn early that an address is wrong.
   * @param options.timeoutMs Longest time in ms over all attempts. Default, and with `null`: as long as the `retry` option allows.
   * @throws KafkaError `TIDE_CONNECTION` or `TIDE_PROTOCOL` with the reason of each broker; the signal's reason when aborted.
   */
  async connect(
    options: { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number | null | undefined } = {},
  ): Promise<void> {
    const { timeoutMs, signal } = resolve('connect', connectRules, options);
    return firstContact(this.#core.cluster, timeoutMs, signal);
  }

  /**
   * What the cluster says of itself now: brokers, and the named topics, or all. A frozen copy.
   * A topic that does not exist is there with `errorCode` 3.
   * @throws KafkaError `TIDE_CONNECTION` when no broker answers, `TIDE_INPUT` for a name Kafka refuses, `TIDE_CLOSED`.
   */
  async metadata(topics?: readonly string[], options: { readonly signal?: AbortSignal | undefined } = {}): Promise<ClusterMetadata> {
    const signal = signalOf('metadata', options);
    if (topics !== undefined) checkList(topics, 'metadata');
    for (const topic of topics ?? []) checkTopic(topic, 'metadata');
    const { cluster } = this.#core;
    const all = await cluster.retrying(() => orAborted(cluster.refresh(topics ?? 'all'), signal), { signal });
    const described = topics === undefined ? all.topics : topics.flatMap(name => entry(all, name));
    return Object.freeze({ ...all, brokers: new Map(all.brokers), topics: new Map(described) });
  }

  /** The names of all topics but Kafka's own, sorted; asked for now. @throws KafkaError as {@link metadata}. */
  async topics(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<readonly string[]> {
    const { topics } = await this.metadata(undefined, { signal: signalOf('topics', options) });
    return [...topics.values()].flatMap(({ name, internal, errorCode }) => (internal || errorCode !== 0 ? [] : [name])).sort();
  }

  /**
   * Waits until a topic is there, and gives its description. It is created by being asked for, where the client's `allowAutoTopicCreation` and
   * the broker allow that; `Admin` creates it in any case.
   * @param options.timeoutMs Longest wait in ms. Default 30,000; `null`: no limit.
   * @throws KafkaError `TIDE_TIMEOUT` with the last answer as cause; `UNKNOWN_TOPIC_OR_PARTITION` at once without `allowAutoTopicCreation`; else
   * as {@link metadata}.
   */
  async ensureTopicExists(
    topic: string,
    options: { readonly timeoutMs?: number | null | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<TopicInfo> {
    checkTopic(topic, 'ensureTopicExists');
    const { timeoutMs, signal } = resolve('ensureTopicExists', ensureRules, options);
    return ensuredTopic(this.#core, topic, timeoutMs, signal);
  }

  /**
   * How many partitions a topic has; asked for where nothing current is known.
   * @throws KafkaError `UNKNOWN_TOPIC_OR_PARTITION` when there is no such topic, or its own error; else as {@link metadata}.
   */
  async partitionCount(topic: string, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<number> {
    const info = await this.#topic(topic, 'partitionCount', signalOf('partitionCount', options));
    if (info.errorCode !== 0) throw brokerError(info.errorCode, `partitionCount: topic ${topic}`, { context: { topic } });
    return info.partitions.length;
  }

  /** Whether a topic has a partition of this number; a topic that does not exist has none. @throws KafkaError as {@link metadata}. */
  async partitionExists(topic: string, partition: number, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<boolean> {
    checkPartition(partition, 'partitionExists');
    const signal = signalOf('partitionExists', options);
    const has = ({ partitions }: TopicInfo) => partitions.some(known => known.partition === partition);
    const info = await this.#topic(topic, 'partitionExists', signal);
    if (info.errorCode !== 0 || has(info)) return info.errorCode === 0;
    this.#core.cluster.outdated(info); // it may have been added since
    return has(await this.#topic(topic, 'partitionExists', signal));
  }

  /** The brokers of the cluster as last described; none before the first contact. */
  knownBrokers(): readonly BrokerInfo[] {
    return [...this.#core.cluster.metadata.brokers.values()];
  }

  /** Whether a broker, given by its id or as `host:port`, is one of {@link knownBrokers}. */
  isKnownBroker(broker: number | string): boolean {
    const address = typeof broker === 'number' ? undefined : formatAddress(addressOf(broker));
    return this.knownBrokers().some(known => (address === undefined ? known.id === broker : formatAddress(known) === address));
  }

  /**
   * What a partition holds from `offset` on. Nothing is remembered, and nothing committed: the next fetch is from the `nextOffset` of this one. No
   * message is not an error. A fetch that the broker holds back does not stand before other requests, nor, for up to four, before other fetches.
   * @throws KafkaError `OFFSET_OUT_OF_RANGE` with `logStartOffset` and `logEndOffset` in its `context`; `TIDE_CORRUPT` for damaged records, unless
   * `onCorrupt` says otherwise; `TIDE_TOO_LARGE`, `TIDE_UNSUPPORTED` for a batch that cannot be read; `TIDE_INPUT`, and what any request throws.
   */
  async fetch(
    topic: string,
    partition: number,
    offset: number,
    options: FetchOptions & { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Fetched> {
    const { signal, ...settings } = resolve('fetch', { ...fetchRules, ...signalRules }, options);
    const request = { topic, partition, offset };
    checkFetch(request, 'fetch');
    return onlyValue(await fetchAll(this.#core, [request], settings, { signal }));
  }

  /**
   * Stores messages in one partition, in their order, as one batch: all of them or none. No message, no request. A batch is never split, nor put
   * together with another. It is sent again when that may help: also when nobody knows whether it was stored, unless `onUnsure` says otherwise.
   * @throws KafkaError `TIDE_TOO_LARGE` when they do not fit into one request, and `TIDE_INPUT`: nothing was sent. Else Kafka's own error, or
   * what any request throws, with `persistence`: `'no'`, they are not stored, or `'maybe'`, nobody knows.
   */
  async produce(
    topic: string,
    partition: number,
    messages: MessageInput | readonly MessageInput[],
    options: ProduceOptions & { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Produced> {
    const { signal, ...settings } = resolve('produce', { ...produceRules, ...signalRules }, options);
    checkLevel('produce', settings);
    const request = { topic, partition, messages: isList(messages) ? messages : [messages] };
    return onlyValue(await produceAll(this.#core, [request], 'produce', settings, { signal }));
  }

  /** Stores and reads the offsets of a group without being one of its members. @throws KafkaError `TIDE_OPTION`. */
  offsetCoordinator(options: OffsetCoordinatorOptions): OffsetCoordinator {
    return offsetCoordinator(this.#core, options);
  }

  /**
   * The broker that coordinates a group; asked for now, and again while there is none.
   * @throws KafkaError with errno -1019 when there is none in the end; else what any request throws.
   */
  async findCoordinator(groupId: string, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<BrokerInfo> {
    checkGroupId(groupId, 'findCoordinator');
    const signal = signalOf('findCoordinator', options);
    const { cluster, coordinators } = this.#core;
    const id = await cluster.retrying(() => coordinators.findAnew('group', groupId, { signal }), { signal });
    const broker = cluster.metadata.brokers.get(id);
    if (broker === undefined)
      throw new ConnectionError(`the coordinator of group ${JSON.stringify(groupId)}, broker ${id}, has no address`);
    return broker;
  }

  /** The last errors that passed, oldest first: as many as `maxLoggedErrors` allows. Those that did not pass are thrown, and not here. */
  nonFatalErrors(): readonly NonFatalError[] {
    return this.#failures.nonFatal;
  }

  /** Forgets {@link nonFatalErrors}. */
  clearNonFatalErrors(): void {
    this.#failures.clear();
  }

  /** Why the connection to a broker failed or broke, by its `host:port`, for each to which none was opened since. A copy. */
  clusterErrors(): ReadonlyMap<string, Error> {
    return this.#failures.down;
  }

  /**
   * The raw answer to a raw request, in the highest version both sides speak: the way to everything tidemark has no method for.
   * Error codes inside the answer are not looked at. What certainly was not sent is tried again; nothing else is.
   * Who coordinates a group is asked each time. Who leads a partition is as {@link metadata} last said.
   * @param options.to Which broker. Default `'any'`, or the controller where only it answers.
   * @param options.timeoutMs Longest time in ms for each attempt. Default `requestTimeoutMs`; `null`: no limit.
   * @throws KafkaError `TIDE_CONNECTION`, `TIDE_TIMEOUT`, `TIDE_PROTOCOL` with `persistence`; `TIDE_UNSUPPORTED`, `TIDE_INPUT`, `TIDE_CLOSED`.
   */
  async request<A extends Api>(
    api: A,
    body: RequestOf<A>,
    options: {
      readonly to?: RequestTarget | undefined;
      readonly timeoutMs?: number | null | undefined;
      readonly signal?: AbortSignal | undefined;
    } = {},
  ): Promise<ResponseOf<A>> {
    const { timeoutMs, signal, to = api.route === 'controller' ? 'controller' : 'any' } = resolve('request', requestRules, options);
    return rawRequest(this.#core, api, body, to, { timeoutMs, signal });
  }

  /**
   * Closes this client's connections to one broker, given by its id or as `host:port`. What waits for an answer there fails as when a
   * connection breaks, and is tried again where that is the rule; the next use connects again. Nothing happens where there is no connection.
   * @throws KafkaError `TIDE_INPUT` for what is neither an id nor an address, `TIDE_CLOSED`.
   */
  disconnect(broker: number | string): void {
    if (this.#closing.begun) throw closedError();
    const { cluster } = this.#core;
    const address = typeof broker === 'number' ? cluster.metadata.brokers.get(broker) : addressOf(broker);
    if (address !== undefined) cluster.disconnect(address);
  }

  /**
   * Closes what was made from this client, then every connection: consumers first, so that the body of a loop can still send what it has in
   * hand, then producers. Calling it again gives the same promise; every other call afterwards rejects with `TIDE_CLOSED`.
   * @param options.timeoutMs Longest time in ms for consumers and producers to finish, all together. Default 30,000. `null`: no limit.
   * @throws the first error of something that could not be closed in order; everything is closed all the same.
   */
  close(options: WaitOptions = {}): Promise<void> {
    return this.#closing.once(options, timeoutMs => this.#close(timeoutMs));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    const shown = { brokers: this.#brokers, clientId: this.#core.clientId, closed: this.#closing.begun };
    return `KafkaClient ${inspect(shown, options)}`;
  }

  async #topic(name: string, what: string, signal: AbortSignal | undefined): Promise<TopicInfo> {
    checkTopic(name, what);
    const { cluster } = this.#core;
    const { topics } = await cluster.retrying(() => cluster.topics([name], signal), { signal });
    return topics.get(name) ?? { name, id: ZERO_UUID, internal: false, errorCode: errorNumbers.UNKNOWN_TOPIC_OR_PARTITION, partitions: [] };
  }

  async #close(timeoutMs: number): Promise<void> {
    const { cluster } = this.#core;
    const failure = await this.#children.close(cluster, timeoutMs);
    cluster.close();
    if (failure !== undefined) throw failure;
  }
}

export { coreOf };

const isList = (messages: MessageInput | readonly MessageInput[]): messages is readonly MessageInput[] => Array.isArray(messages);

function addressOf(broker: string): Address {
  try {
    return parseAddress(broker);
  } catch (cause) {
    throw new InputError(`expected a broker's id or "host:port", got ${show(broker)}`, { cause });
  }
}

const entry = (metadata: ClusterMetadata, name: string): [string, NonNullable<ReturnType<ClusterMetadata['topics']['get']>>][] => {
  const topic = metadata.topics.get(name);
  return topic === undefined ? [] : [[name, topic]];
};
