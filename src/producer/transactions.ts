import { errorNumbers } from '../base/broker-errors.js';
import { BrokerError, KafkaError, StateError } from '../base/errors.js';
import { withPersistence } from '../base/persistence.js';
import type { ClientCore } from '../client/client.js';
import type { GroupOffset } from '../client/offset-store.js';
import type { Bounds } from '../cluster/cluster.js';
import type { Identity } from './identity.js';
import type { Lane } from './lane.js';
import type { Series } from './series.js';
import type { TransactionGroup } from './transaction-group.js';
import { TransactionRequests } from './transaction-requests.js';
import { checkMove, type TransactionState, wrongState } from './transaction-states.js';
import { asKafkaError } from './verdict.js';

/** What transactions need of the producer they belong to. */
export interface TransactionHost {
  /** Resolves when everything given so far is settled. */
  settle(bounds: Bounds): Promise<void>;
  /** Rejects what was given and is not on its way, and resolves when the rest has come back. */
  abandon(error: KafkaError, bounds: Bounds): Promise<void>;
  /** Every lane begins its numbers anew. */
  renumber(): void;
  proceed(lane: Lane): void;
  /** Rejects what waits in a lane. */
  refuse(lane: Lane, error: KafkaError): void;
}

export interface TransactionSettings {
  readonly transactionalId: string;
  readonly transactionTimeoutMs: number;
}

/** A coordinator is asked until time is over: how often says nothing. */
const attempts = Number.MAX_SAFE_INTEGER;

/**
 * The transactions of one producer, one after the other: who it is, what takes part, and how each ends.
 * @see KIP-98, KIP-360 (epochs after an abort), KIP-447 (members), KIP-890 (the second version)
 */
export class Transactions implements Identity {
  readonly mayRestart = false;
  readonly isOptional = false;
  readonly #core: ClientCore;
  readonly #settings: TransactionSettings;
  readonly #requests: TransactionRequests;
  #host: TransactionHost | undefined;
  #state: TransactionState = 'idle';
  #series: Series | undefined;
  /** Another name, or epoch, is needed before the next transaction. */
  #stale = true;
  #second = false;
  /** Nobody knows how the transaction before has ended, or whether it has. */
  #unended = false;
  /** Why it has failed, or was fenced. */
  #failure: KafkaError | undefined;
  /** The coordinator may know of the transaction. */
  #started = false;
  /** Which transaction it is. */
  #number = 0;
  readonly #partitions = new Set<string>();
  readonly #groups = new Set<string>();
  /** Lanes that wait until their partitions take part. */
  #waiting = new Set<Lane>();
  #adding: Promise<void> | undefined;
  readonly #stop = new AbortController();

  constructor(core: ClientCore, settings: TransactionSettings) {
    this.#core = core;
    this.#settings = settings;
    this.#requests = new TransactionRequests(core, settings.transactionalId);
  }

  attach(host: TransactionHost): void {
    this.#host = host;
  }

  get transactionalId(): string {
    return this.#settings.transactionalId;
  }

  get state(): TransactionState {
    return this.#state;
  }

  get series(): Series | undefined {
    return this.#series;
  }

  get maxVersion(): number | undefined {
    return this.#requests.produceVersion(this.#second);
  }

  obtain(): Promise<void> {
    return Promise.reject(wrongState('send', this.#state)); // records come only after begin() has the name
  }

  exhausted(): void {}

  /** @throws KafkaError `TIDE_STATE` unless a transaction is open, `TIDE_FENCED`. */
  assertOpen(what: string): void {
    if (this.#state === 'open') return;
    throw this.#state === 'fenced' && this.#failure !== undefined ? this.#failure : wrongState(what, this.#state, this.#failure);
  }

  /** What refuses a record of the transaction that is open now, once it is not any more. */
  membership(what: string): () => KafkaError | undefined {
    const number = this.#number;
    return () => (this.#state === 'open' && this.#number === number ? undefined : wrongState(what, this.#state, this.#failure));
  }

  admits(lane: Lane): boolean {
    if (this.#second || this.#partitions.has(`${lane.topic}/${lane.partition}`)) {
      this.#started = true;
      return true;
    }
    this.#waiting.add(lane);
    this.#adding ??= this.#addPartitions().finally(() => {
      this.#adding = undefined;
    });
    return false;
  }

  failed(error: KafkaError): void {
    this.#fail(error);
  }

  /** Nothing more is asked. */
  close(error: KafkaError): void {
    this.#stop.abort(error);
  }

  async begin(bounds: Bounds): Promise<void> {
    this.#move('begin()', 'beginning');
    try {
      if (this.#unended) await this.#endLast(bounds);
      if (this.#stale) await this.#rename(bounds);
    } catch (thrown) {
      const error = this.#judged(thrown);
      if (this.#state === 'beginning') this.#become('idle');
      throw error;
    }
    this.#failure = undefined;
    this.#started = false;
    this.#partitions.clear();
    this.#groups.clear();
    this.#number += 1;
    this.#become('open');
  }

  async commit(bounds: Bounds): Promise<void> {
    this.#move('commit()', 'committing');
    try {
      await this.#host?.settle(bounds);
    } catch (thrown) {
      if (this.#state === 'committing') this.#become(this.#failure === undefined ? 'open' : 'failed'); // nothing was said to the coordinator
      throw thrown;
    }
    if (this.#failure !== undefined) {
      if (this.#state === 'committing') this.#become('failed');
      throw this.#uncommittable(this.#failure);
    }
    await this.#end(true, 'uncommitted', bounds);
  }

  async abort(bounds: Bounds): Promise<void> {
    this.#move('abort()', 'aborting');
    const aborted = new StateError('TIDE_STATE', `transaction "${this.transactionalId}": it was aborted before the record was sent`, {
      persistence: 'no',
    });
    try {
      await this.#host?.abandon(aborted, bounds);
      await this.#adding;
    } catch (thrown) {
      if (this.#state === 'aborting') this.#become('unaborted');
      throw thrown;
    }
    this.#waiting.clear();
    await this.#end(false, 'unaborted', bounds);
  }

  async sendOffsets(group: TransactionGroup, offsets: readonly GroupOffset[], bounds: Bounds): Promise<void> {
    this.assertOpen('sendOffsets()');
    const series = this.#series;
    if (series === undefined || offsets.length === 0) return;
    try {
      if (!this.#second && !this.#groups.has(group.groupId)) {
        this.#started = true;
        await this.#requests.addGroup(series, group.groupId, this.#patient(bounds));
        this.#groups.add(group.groupId);
      }
      this.#started = true;
      await this.#requests.storeOffsets(series, group, offsets, this.#second, this.#patient(bounds));
    } catch (thrown) {
      const error = this.#judged(thrown);
      this.#fail(asKafkaError(error, 'no'));
      throw error;
    }
  }

  async #rename(bounds: Bounds): Promise<void> {
    const patient = this.#patient(bounds);
    this.#second = await this.#requests.isSecondVersion(patient);
    this.#goOnAs(await this.#requests.name(this.#settings.transactionTimeoutMs, this.#series, patient));
  }

  /** Aborts the transaction before, unless it has ended already: as long as it is open, asking for another name fences who asks. */
  async #endLast(bounds: Bounds): Promise<void> {
    const series = this.#series;
    try {
      const following = series === undefined ? undefined : await this.#requests.end(series, false, this.#second, this.#patient(bounds));
      if (following !== undefined) this.#goOnAs(following);
    } catch (error) {
      if (!(error instanceof BrokerError && error.errno === errorNumbers.INVALID_TXN_STATE)) throw error; // else it was committed
    }
    this.#unended = false;
  }

  #goOnAs(series: Series): void {
    this.#series = series;
    this.#stale = false;
    this.#host?.renumber();
  }

  /** Ends it at the coordinator, if that knows of it. */
  async #end(committed: boolean, unknown: 'uncommitted' | 'unaborted', bounds: Bounds): Promise<void> {
    const series = this.#series;
    try {
      if (this.#started && series !== undefined) {
        const following = await this.#requests.end(series, committed, this.#second, this.#patient(bounds));
        if (following !== undefined) this.#goOnAs(following);
        else if (!committed) this.#stale = true; // some numbers were perhaps used in vain
      }
      this.#unended = false;
      this.#become('idle');
    } catch (thrown) {
      const error = this.#judged(thrown);
      if (error instanceof StateError) throw error; // fenced
      this.#stale = true;
      this.#unended = true;
      if (error instanceof BrokerError && !error.retriable) {
        this.#failure = error;
        this.#become(committed ? 'failed' : 'unaborted');
        throw error;
      }
      this.#become(unknown);
      throw error instanceof KafkaError ? withPersistence(error, 'maybe') : error;
    }
  }

  /** Adds partitions as long as lanes come to wait; all that wait at once in one request. */
  async #addPartitions(): Promise<void> {
    await new Promise<void>(resolve => this.#core.cluster.clock.soon(resolve)); // lanes of one turn share a request
    while (this.#waiting.size > 0 && this.#series !== undefined) {
      const lanes = this.#waiting;
      this.#waiting = new Set();
      const topics = new Map<string, number[]>();
      for (const { topic, partition } of lanes) {
        const numbers = topics.get(topic);
        if (numbers === undefined) topics.set(topic, [partition]);
        else numbers.push(partition);
      }
      this.#started = true;
      try {
        await this.#requests.addPartitions(this.#series, topics, this.#patient({}));
        for (const { topic, partition } of lanes) this.#partitions.add(`${topic}/${partition}`);
      } catch (thrown) {
        this.#fail(asKafkaError(this.#judged(thrown), 'no'));
        const refused = this.#failure ?? asKafkaError(thrown, 'no');
        for (const lane of [...lanes, ...this.#waiting]) this.#host?.refuse(lane, refused);
        this.#waiting.clear();
        return;
      }
      for (const lane of lanes) this.#host?.proceed(lane);
    }
  }

  /** As long as time is left: a coordinator that moves, or still ends the transaction before, is asked again. */
  #patient({ signal, deadline = this.#core.cluster.deadline(this.#settings.transactionTimeoutMs) }: Bounds): Bounds {
    return { signal: signal ?? this.#stop.signal, deadline, policy: { ...this.#core.cluster.settings.retry, attempts } };
  }

  /** What an error of a coordinator comes to: another that has the transactional id now ends everything. */
  #judged(error: unknown): unknown {
    if (!(error instanceof BrokerError) || !fencing.includes(error.errno)) return error;
    const { transactionalId } = this;
    const fenced = new StateError(
      'TIDE_FENCED',
      `transaction "${transactionalId}": another producer has this transactional id now, or the transaction took longer than its ` +
        `time (transactionTimeoutMs ${this.#settings.transactionTimeoutMs}); close this producer (${error.message})`,
      { cause: error, persistence: 'no', context: { transactionalId } },
    );
    this.#failure = fenced;
    this.#become('fenced');
    return fenced;
  }

  #fail(error: KafkaError): void {
    if (this.#state !== 'open' && this.#state !== 'committing') return;
    this.#failure ??= error;
    if (this.#state === 'open') this.#become('failed');
  }

  #uncommittable(failure: KafkaError): KafkaError {
    const message = `transaction "${this.transactionalId}": it cannot be committed, abort() it: ${failure.message}`;
    return new StateError('TIDE_STATE', message, { cause: failure, persistence: 'no', context: failure.context });
  }

  /** A move that the user asks for. */
  #move(what: string, to: TransactionState): void {
    if (this.#state === 'fenced' && this.#failure !== undefined) throw this.#failure;
    checkMove(what, this.#state, to, this.#failure);
    this.#state = to;
  }

  #become(to: TransactionState): void {
    if (this.#state === to) return;
    checkMove('transaction', this.#state, to);
    this.#state = to;
  }
}

/** A broker says so to whom it knows a newer one of. */
const fencing: readonly (number | undefined)[] = [errorNumbers.PRODUCER_FENCED, errorNumbers.INVALID_PRODUCER_EPOCH];
