import { linked } from '../base/abort.js';
import { brokerError, brokerErrorRow } from '../base/broker-errors.js';
import { type Clock, Deadline, sleep } from '../base/clock.js';
import { BrokerError, ConnectionError, KafkaError, TimeoutError } from '../base/errors.js';
import { type RetryBounds, type RetryPolicy, retrying } from '../base/retry.js';
import { orAborted } from '../base/wait.js';
import { type Address, formatAddress } from '../network/address.js';
import type { Body } from '../network/connection.js';
import type { Link, LinkSettings } from '../network/link.js';
import { type Api, Metadata, type ResponseOf } from '../protocol/index.js';
import { closedError, Links, type Purpose } from './links.js';
import {
  type BrokerInfo,
  type ClusterMetadata,
  type Endpoint,
  type NewLeader,
  noMetadata,
  type TopicInfo,
  withAnswer,
  withLeader,
} from './metadata.js';
import { type AskedTopics, MetadataRounds } from './metadata-rounds.js';
import { noneReached } from './none-reached.js';

export interface ClusterSettings extends LinkSettings {
  readonly brokers: readonly Address[];
  /** Bootstrap addresses are tried in random order, so that not all clients ask the same broker. */
  readonly shuffleBrokers: boolean;
  readonly requestTimeoutMs: number;
  readonly metadataMaxAgeMs: number;
  readonly allowAutoTopicCreation: boolean;
  readonly retry: RetryPolicy;
  /** Told of every new snapshot. */
  readonly observeMetadata: (metadata: ClusterMetadata) => void;
  /** Told of every error that passes: what failed is tried again `pauseMs` later, or was had from another broker. */
  readonly observePassing?: ((error: KafkaError, pauseMs: number) => void) | undefined;
  /** The highest version to use of some APIs. */
  readonly versionCaps: ReadonlyMap<string, number>;
}

/** How one request is sent. */
export interface SendOptions {
  readonly signal?: AbortSignal | undefined;
  /** Longest time in ms until the answer of one broker, connecting included. Default `requestTimeoutMs`. */
  readonly timeoutMs?: number | undefined;
  readonly purpose?: Purpose | undefined;
  readonly maxVersion?: number | undefined;
  readonly answered?: boolean | undefined;
  /** Once a broker may have applied the request, no other is asked. Default: another is, which is for requests that change nothing. */
  readonly changes?: boolean | undefined;
}

/** How long, and how often, something may be tried. Without `policy` the client's own. */
export interface Bounds extends RetryBounds {
  readonly policy?: RetryPolicy | undefined;
}

/** Knows the brokers, topics and coordinators of one cluster, and takes each request to the broker it is for. */
export class Cluster {
  readonly settings: ClusterSettings;
  readonly clock: Clock;
  readonly #links: Links;
  readonly #bootstrap: readonly Address[];
  #metadata: ClusterMetadata = noMetadata;
  #answeredBy: string | undefined;
  readonly #topics = new Map<string, { readonly info: TopicInfo; readonly readAt: number; outdated: boolean }>();
  readonly #rounds = new MetadataRounds((topics, answered) => this.#fetchMetadata(topics, answered));
  #purposes = 0;
  readonly #shut = new AbortController();

  constructor(settings: ClusterSettings) {
    this.settings = settings;
    this.clock = settings.clock;
    this.#links = new Links(settings);
    this.#bootstrap = settings.shuffleBrokers ? shuffled(settings.brokers) : settings.brokers;
  }

  /** The newest snapshot; empty before the first answer. */
  get metadata(): ClusterMetadata {
    return this.#metadata;
  }

  /** Topic data counts as out of date from now on if it is still `seen`: the next {@link topics} asks again. One cause, one refresh. */
  outdated(seen: TopicInfo): void {
    const known = this.#topics.get(seen.name);
    if (known?.info !== seen || known.outdated) return;
    known.outdated = true;
    this.#rounds.outdated(seen.name);
  }

  /**
   * A snapshot in which every named topic is described, perhaps as unknown; asked for only where nothing current is known. What is
   * {@link outdated} is asked for once it is older than half a back-off.
   * @throws KafkaError `TIDE_CONNECTION` with each broker's reason when none answers.
   */
  async topics(names: Iterable<string>, signal?: AbortSignal): Promise<ClusterMetadata> {
    this.#assertOpen();
    const wanted = [...names];
    let { missing, aged, waitMs } = this.#judge(wanted);
    while (missing.length === 0 && waitMs > 0) {
      await this.pause(Math.ceil(waitMs), signal);
      ({ missing, aged, waitMs } = this.#judge(wanted));
    }
    if (missing.length > 0) {
      // Takes along all else that is out of date, so that there is one question for all.
      const outdated = [...this.#topics].flatMap(([name, known]) => (known.outdated ? [name] : []));
      return orAborted(this.#rounds.coming(missing) ?? this.refresh([...missing, ...outdated]), signal);
    }
    // What has only aged is still right most of the time: use it, and ask meanwhile.
    if (aged.length > 0) this.refresh(aged).catch(() => {});
    return this.#metadata;
  }

  /**
   * What must be asked for now, what may be meanwhile, and for how many ms nothing may. What the cluster has just said is not asked again at
   * once, however many find it wanting: a partition without a leader has none a moment later.
   */
  #judge(names: readonly string[]): { missing: string[]; aged: string[]; waitMs: number } {
    const now = this.clock.now();
    const oldest = now - this.settings.metadataMaxAgeMs;
    const pauseMs = this.settings.retry.backoffMs / 2;
    const missing: string[] = [];
    const aged: string[] = [];
    let waitMs = 0;
    for (const name of names) {
      const known = this.#topics.get(name);
      const leftMs = known === undefined ? 0 : known.readAt + pauseMs - now;
      const wanting = known === undefined || known.outdated || known.info.errorCode !== 0;
      if (wanting && leftMs <= 0) missing.push(name);
      else if (known?.outdated) waitMs = Math.max(waitMs, leftMs);
      else if (known !== undefined && known.readAt < oldest && !this.#rounds.isComing(name)) aged.push(name);
    }
    return { missing, aged, waitMs };
  }

  /** A new snapshot, fetched now, of these topics or of all. Calls made while one is on its way share the next. */
  refresh(names: Iterable<string> | 'all'): Promise<ClusterMetadata> {
    return this.#rounds.refresh(names);
  }

  /** The current description of one topic, as last seen. */
  topic(name: string): TopicInfo | undefined {
    return this.#metadata.topics.get(name);
  }

  /** The answer of one given broker. One attempt. */
  async toBroker<A extends Api>(id: number, api: A, body: Body<A>, options: SendOptions = {}): Promise<ResponseOf<A>> {
    const link = this.#linkTo(id, options.purpose);
    try {
      return await this.#send(link, api, body, options);
    } catch (error) {
      throw this.#advertised(id, link, error);
    }
  }

  /** The highest version of an API that a broker and this client speak; -1 when there is none. Connects if need be. */
  async highestVersion(id: number, api: Api, { purpose, signal }: Pick<SendOptions, 'purpose' | 'signal'> = {}): Promise<number> {
    const offered = (await this.#linkTo(id, purpose).connect(signal)).offered(api);
    const highest = Math.min(api.versions[1], offered?.max ?? -1, this.settings.versionCaps.get(api.name) ?? Number.POSITIVE_INFINITY);
    return highest < Math.max(api.versions[0], offered?.min ?? 0) ? -1 : highest;
  }

  /** The answer of whichever broker can be reached, those already connected first. One round over all of them. */
  async toAny<A extends Api>(api: A, body: Body<A>, options: SendOptions = {}): Promise<ResponseOf<A>> {
    const failures: KafkaError[] = [];
    await this.#untilOneMayConnect(options.signal);
    for (const link of this.#candidates()) {
      try {
        const answer = await this.#send(link, api, body, options);
        this.#answeredBy = link.broker;
        for (const failure of failures) this.passing(failure, 0);
        return answer;
      } catch (error) {
        if (options.signal?.aborted || !(error instanceof KafkaError) || error.code === 'TIDE_UNSUPPORTED' || error.code === 'TIDE_OPTION')
          throw error;
        if (options.changes && error.persistence === 'maybe') throw error;
        this.#assertOpen();
        failures.push(error);
      }
    }
    throw noneReached(failures);
  }

  /** The answer of the controller; asks who that is when it is unknown or no longer answers. Errors in the answer are the caller's to throw. */
  async toController<A extends Api, T>(
    api: A,
    body: Body<A>,
    read: (answer: ResponseOf<A>) => T,
    bounds: Bounds & { readonly timeoutMs?: number | undefined } = {},
  ): Promise<T> {
    return this.retrying(async () => {
      if (this.#controller() === undefined) await orAborted(this.refresh([]), bounds.signal);
      const id = this.#controller();
      const options = { signal: bounds.signal, timeoutMs: bounds.timeoutMs, changes: true };
      try {
        return read(id === undefined ? await this.toAny(api, body, options) : await this.toBroker(id, api, body, options));
      } catch (error) {
        const elsewhere = error instanceof BrokerError && error.code === 'NOT_CONTROLLER';
        if (id !== undefined && (elsewhere || isUnanswered(error))) this.forgetController(id);
        throw error;
      }
    }, bounds);
  }

  /** The next {@link toController} asks who controls, if that is still said to be `id`. */
  forgetController(id: number): void {
    if (this.#metadata.controllerId === id) this.#metadata = Object.freeze({ ...this.#metadata, controllerId: -1 });
  }

  /** Runs `attempt` under the client's retry policy, or the one in `bounds`; not longer than the cluster is open. */
  retrying<T>(attempt: (n: number) => Promise<T>, bounds: Bounds = {}): Promise<T> {
    const { policy = this.settings.retry, deadline, clock = this.clock } = bounds;
    const onRetry = (error: KafkaError, pauseMs: number) => this.passing(error, pauseMs);
    const open = linked(bounds.signal, this.#shut.signal);
    return retrying(attempt, policy, { clock, deadline, onRetry, signal: open.signal }).finally(open.unlink);
  }

  /** An error that nobody is told of as long as what failed is tried again, `pauseMs` later. */
  passing(error: KafkaError, pauseMs: number): void {
    this.settings.observePassing?.(error, pauseMs);
  }

  /** As {@link passing}, and waits for so long, or until aborted or closed. Never rejects. */
  async waitOut(error: KafkaError, pauseMs: number, signal: AbortSignal): Promise<void> {
    this.passing(error, pauseMs);
    await this.pause(pauseMs, signal).catch(() => {});
  }

  /** Resolves after `ms`; rejects with the signal's reason when aborted, and with `TIDE_CLOSED` when closed meanwhile. */
  pause(ms: number, signal?: AbortSignal): Promise<void> {
    const open = linked(signal, this.#shut.signal);
    return sleep(this.clock, ms, open.signal).finally(open.unlink);
  }

  /** A deadline `ms` from now, on this cluster's clock. */
  deadline(ms: number): Deadline {
    return new Deadline(this.clock, ms);
  }

  /** A broker learned of by another way than metadata: a coordinator's address comes with the answer that names it, and is newer. */
  learn(broker: BrokerInfo): void {
    const known = this.#metadata.brokers.get(broker.id);
    if (broker.host === '' || (known?.host === broker.host && known.port === broker.port)) return;
    this.#metadata = Object.freeze({ ...this.#metadata, brokers: new Map(this.#metadata.brokers).set(broker.id, broker) });
  }

  /** A purpose nobody else has, for connections that are not shared; give it to {@link release} in the end. */
  ownPurpose(): Purpose {
    this.#purposes += 1;
    return `fetch ${this.#purposes}`;
  }

  /**
   * A broker that does not lead a partition any more has said who does. False when it has not, or nothing newer than is known.
   * @see KIP-951
   */
  leaderMoved(topic: string, { index, currentLeader }: NewLeader, endpoints: readonly Endpoint[]): boolean {
    const known = this.#topics.get(topic);
    const moved = known === undefined ? undefined : withLeader(known.info, index, currentLeader);
    if (known === undefined || moved === undefined) return false;
    for (const { nodeId, host, port, rack } of endpoints) this.learn({ id: nodeId, host, port, rack });
    if (!this.#metadata.brokers.has(currentLeader.leaderId)) return false;
    this.#metadata = Object.freeze({ ...this.#metadata, topics: new Map(this.#metadata.topics).set(topic, moved) });
    this.#topics.set(topic, { ...known, info: moved });
    return true;
  }

  /** Closes the connections of one purpose. */
  release(purpose: Purpose): void {
    this.#links.release(purpose);
  }

  disconnect(broker: Address): void {
    this.#links.disconnect(broker);
  }

  /** Closes every connection. What waits is rejected with `TIDE_CLOSED`. */
  close(): void {
    this.#shut.abort(closedError());
    this.#links.close();
  }

  async #send<A extends Api>(link: Link, api: A, body: Body<A>, options: SendOptions): Promise<ResponseOf<A>> {
    const pinned = this.settings.versionCaps.get(api.name);
    const maxVersion = Math.min(pinned ?? Number.POSITIVE_INFINITY, options.maxVersion ?? Number.POSITIVE_INFINITY);
    const { signal, answered, timeoutMs = this.settings.requestTimeoutMs } = options;
    return link.request(api, body, { timeoutMs, signal, answered, maxVersion });
  }

  #linkTo(id: number, purpose: Purpose | undefined): Link {
    this.#assertOpen();
    const broker = this.#metadata.brokers.get(id);
    if (broker === undefined) {
      throw new ConnectionError(`broker ${id} is not part of the cluster any more`, { persistence: 'no', context: { brokerId: id } });
    }
    return this.#links.to(broker, purpose);
  }

  /** After a failure a link is quiet for a while. An attempt at a time when all are would be none. */
  async #untilOneMayConnect(signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      const quietMs = Math.min(...this.#candidates().map(link => (link.connected ? 0 : link.quietMs)));
      if (quietMs === 0) return;
      await this.pause(Math.ceil(quietMs), signal);
    }
  }

  /** Links to try in turn: what is connected, what the cluster named, then the bootstrap addresses; those failing just now last. */
  #candidates(): readonly Link[] {
    this.#assertOpen();
    const known = shuffled([...this.#metadata.brokers.values()]);
    const links = [...new Set([...known, ...this.#bootstrap].map(address => this.#links.to(address)))];
    const rank = (link: Link) => {
      if (link.connected) return link.waitingMs < stalledMs ? 0 : 2;
      return link.quietMs === 0 ? 1 : 3;
    };
    return links.sort((a, b) => rank(a) - rank(b));
  }

  #controller(): number | undefined {
    const { controllerId, brokers } = this.#metadata;
    return brokers.has(controllerId) ? controllerId : undefined;
  }

  async #fetchMetadata(wanted: AskedTopics, answered: () => void): Promise<ClusterMetadata> {
    const topics = wanted === 'all' ? null : [...wanted].map(name => ({ name }));
    let asked = 0;
    const body = (version: number) => {
      asked = version;
      // Before version 4 the broker alone decides whether a topic is created.
      return { topics, allowAutoTopicCreation: version >= 4 ? this.settings.allowAutoTopicCreation : undefined };
    };
    const answer = await this.toAny(Metadata, body).finally(answered);
    if (answer.errorCode !== 0) throw brokerError(answer.errorCode, 'metadata');
    this.#take(answer, wanted === 'all', asked);
    return this.#metadata;
  }

  #take(answer: ResponseOf<typeof Metadata>, all: boolean, version: number): void {
    if (answer.brokers.length === 0) return; // a broker that is just starting knows nobody yet
    this.#metadata = withAnswer(this.#metadata, answer, all, version);
    if (all) this.#topics.clear();
    const readAt = this.clock.now();
    for (const { name } of answer.topics) {
      const info = name === null ? undefined : this.#metadata.topics.get(name);
      if (info !== undefined) this.#topics.set(info.name, { info, readAt, outdated: false });
    }
    const brokers = [...this.#metadata.brokers.values()];
    const advertised = new Set(brokers.map(formatAddress));
    this.#links.keepOnly([...brokers, ...this.#bootstrap]);
    this.#links.rest(this.#bootstrap.filter(address => !advertised.has(formatAddress(address))));
    this.settings.observeMetadata(this.#metadata);
  }

  /** The commonest of all Kafka failures has a message of its own: bootstrap answers, but sends us where we cannot go. */
  #advertised(id: number, link: Link, error: unknown): unknown {
    const reached = this.#answeredBy;
    const unreachable = error instanceof ConnectionError && error.persistence === 'no' && error.context['reason'] !== undefined;
    if (!unreachable || reached === undefined || this.#bootstrap.some(address => formatAddress(address) === link.broker)) return error;
    return new ConnectionError(
      `broker ${id} advertises ${link.broker}, which cannot be reached from here, while ${reached} answers. ` +
        `Check advertised.listeners on that broker, or make the name reachable. (${error.message})`,
      { cause: error, persistence: 'no', context: { ...error.context, advertised: link.broker, bootstrap: reached, brokerId: id } },
    );
  }

  #assertOpen(): void {
    if (this.#shut.signal.aborted) throw closedError();
  }
}

/** A broker that has not answered its oldest request for so many ms is asked after the others. */
const stalledMs = 1000;

function shuffled<T>(items: readonly T[]): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [order[i], order[j]] = [order[j] as T, order[i] as T];
  }
  return order;
}

/** Whether a broker did not answer at all: somebody else may have its tasks now. */
export const isUnanswered = (error: unknown): boolean => error instanceof ConnectionError || error instanceof TimeoutError;

/** What the remedy table says of an error that came from a broker. */
export const remedyOf = (error: unknown): string =>
  error instanceof BrokerError && error.errno !== undefined ? brokerErrorRow(error.errno).remedy : 'none';
