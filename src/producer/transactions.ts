import { linked } from '../base/abort.js';
import { errorNumbers } from '../base/broker-errors.js';
import { asKafkaError, BrokerError, KafkaError, StateError, TimeoutError } from '../base/errors.js';
import { withPersistence } from '../base/persistence.js';
import { orAborted, settledWithin } from '../base/wait.js';
import type { ClientCore } from '../client/client.js';
import type { GroupOffset } from '../client/offset-store.js';
import type { Bounds } from '../cluster/cluster.js';
import type { Identity } from './identity.js';
import { JoiningLanes } from './joining-lanes.js';
import type { Lane } from './lane.js';
import { OpenTransaction } from './open-transaction.js';
import type { Series } from './series.js';
import type { TransactionGroup } from './transaction-group.js';
import { TransactionRequests } from './transaction-requests.js';
import { checkMove, type TransactionState, wrongState } from './transaction-states.js';

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
  /** The transaction before may still be open at the coordinator. */
  #unended = false;
  /** Nobody knows how the transaction before has ended. */
  #unknown = false;
  /** Why it has failed, or was fenced. */
  #failure: KafkaError | undefined;
  #current = new OpenTransaction();
  readonly #joining: JoiningLanes;
  /** Settles when every {@link begin}, {@link commit} and {@link abort} so far has; never rejects. */
  #underWay: Promise<unknown> = Promise.resolve();
  readonly #stop = new AbortController();

  constructor(core: ClientCore, settings: TransactionSettings) {
    this.#core = core;
    this.#settings = settings;
    this.#requests = new TransactionRequests(core, settings.transactionalId);
    this.#joining = new JoiningLanes(core.cluster.clock, {
      add: async (own, partitions) => {
        const series = this.#series;
        if (series === undefined) throw wrongState('send', this.#state); // nothing is sent without a name
        await this.#extending({ signal: own.stopped }, bounded => this.#requests.addPartitions(series, partitions, bounded));
      },
      failed: (own, thrown) => {
        const error = asKafkaError(this.#judged(thrown), 'no');
        this.#fail(own, error);
        return this.#failure ?? error;
      },
      proceed: lane => this.#host?.proceed(lane),
      refuse: (lane, error) => this.#host?.refuse(lane, error),
    });
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

  /** Whether the last transaction is committed or aborted, for certain, and no other has begun. */
  get hasEnded(): boolean {
    return this.#state === 'idle' && !this.#unknown;
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

  /** What refuses a record of the transaction that is open now, once that takes none any more. */
  membership(what: string): () => KafkaError | undefined {
    const own = this.#current;
    const takes = () => own === this.#current && !own.sealed && (this.#state === 'open' || this.#state === 'committing');
    return () => (takes() && this.#failure === undefined ? undefined : wrongState(what, this.#state, this.#failure));
  }

  /** A call that gives something to the transaction: its end waits for it, and where the call fails, the transaction has. */
  part<T>(call: Promise<T>): Promise<T> {
    const own = this.#current;
    if (this.#state === 'open') own.awaits(call, error => this.#fail(own, asKafkaError(error, 'no'))); // else it was refused
    return call;
  }

  admits(lane: Lane): boolean {
    if (lane.empty) return true; // nothing of it will be sent
    if (this.#second || this.#current.partitions.has(`${lane.topic}/${lane.partition}`)) {
      this.#current.started = true;
      return true;
    }
    this.#joining.add(lane, this.#current);
    return false;
  }

  failed(error: KafkaError): KafkaError {
    const judged = withPersistence(asKafkaError(this.#judged(error)), error.persistence ?? 'no');
    this.#fail(this.#current, judged);
    return judged;
  }

  /** What is under way comes to its end, and what is open is aborted, as far as time allows. Never rejects. */
  async finish(bounds: Bounds): Promise<void> {
    try {
      await this.#within(this.#underWay, bounds, 'a call has not come to an end in time');
      if (this.#state === 'open' || this.#state === 'failed' || this.#state === 'unaborted') await this.abort(bounds);
    } catch {
      // The next producer with this id ends it, or the cluster does.
    }
  }

  /** Nothing more is asked. */
  close(error: KafkaError): void {
    this.#stop.abort(error);
  }

  begin(bounds: Bounds): Promise<void> {
    return this.#run(bounds, async bounded => {
      const { signal, deadline } = bounded;
      if (this.#state === 'aborting') await this.#within(this.#underWay, { signal, deadline }, 'the one before is still being aborted');
      await this.#begin(bounded);
    });
  }

  async #begin(bounds: Bounds): Promise<void> {
    let left = this.#state;
    this.#move('begin()', 'beginning');
    try {
      if (left !== 'idle') await this.#clear('begin()', bounds);
      if (this.#unended) await this.#endLast(bounds);
      left = 'idle';
      if (this.#stale) await this.#rename(bounds);
    } catch (thrown) {
      const error = this.#judged(thrown);
      if (this.#state === 'beginning') this.#become(left);
      throw error;
    }
    this.#failure = undefined;
    this.#unknown = false;
    this.#current = new OpenTransaction();
    this.#become('open');
  }

  commit(bounds: Bounds): Promise<void> {
    return this.#run(bounds, async bounded => {
      this.#move('commit()', 'committing');
      try {
        await this.#host?.settle(bounded);
        await this.#within(this.#current.settled(), bounded, 'sendOffsets() has not come to an end in time; the transaction is still open');
      } catch (thrown) {
        // Nothing was said to the coordinator.
        if (this.#state === 'committing') this.#become(this.#failure === undefined ? 'open' : 'failed');
        throw thrown;
      }
      if (this.#failure !== undefined) {
        if (this.#state !== 'committing') throw this.#failure; // fenced
        this.#become('failed');
        throw this.#uncommittable(this.#failure);
      }
      await this.#end(true, bounded);
    });
  }

  abort(bounds: Bounds): Promise<void> {
    return this.#run(bounds, async bounded => {
      this.#move('abort()', 'aborting');
      try {
        await this.#clear('abort()', bounded);
      } catch (thrown) {
        this.#leave();
        if (this.#state === 'aborting') this.#become('unaborted');
        throw thrown instanceof KafkaError ? withPersistence(thrown, 'maybe') : thrown;
      }
      await this.#end(false, bounded);
    });
  }

  async sendOffsets(group: TransactionGroup, offsets: readonly GroupOffset[], { signal, deadline }: Bounds): Promise<void> {
    this.assertOpen('sendOffsets()');
    const own = this.#current;
    const series = this.#series;
    if (series === undefined || offsets.length === 0) return;
    const gone = linked(signal, own.stopped);
    const bounds = { signal: gone.signal, deadline };
    const stored = this.#storeOffsets(own, series, group, offsets, bounds).finally(gone.unlink);
    own.awaits(stored); // also when the caller does not wait any more: an end must not overtake it
    await this.part(orAborted(stored, signal));
  }

  async #storeOffsets(
    own: OpenTransaction,
    series: Series,
    group: TransactionGroup,
    offsets: readonly GroupOffset[],
    bounds: Bounds,
  ): Promise<void> {
    try {
      own.started = true;
      if (!this.#second && !own.groups.has(group.groupId)) {
        await this.#extending(bounds, bounded => this.#requests.addGroup(series, group.groupId, bounded));
        own.groups.add(group.groupId);
      }
      await this.#extending(bounds, bounded => this.#requests.storeOffsets(series, group, offsets, this.#second, bounded));
    } catch (thrown) {
      const error = this.#judged(thrown);
      throw error instanceof KafkaError ? withPersistence(error, 'no') : error; // it can only be aborted now
    }
  }

  /**
   * Runs a move from one state to another, not longer than the producer is open. Until it has ended no other begins: the states see to
   * that.
   */
  #run(bounds: Bounds, move: (bounds: Bounds) => Promise<void>): Promise<void> {
    const stop = linked(bounds.signal, this.#stop.signal);
    const moved = move({ ...bounds, signal: stop.signal }).finally(stop.unlink);
    this.#underWay = Promise.allSettled([this.#underWay, moved]);
    return moved;
  }

  /** @throws KafkaError `TIDE_TIMEOUT` when time runs out before `work` has ended, whichever way. */
  async #within(work: Promise<unknown>, { signal, deadline }: Bounds, what: string): Promise<void> {
    const ms = deadline?.remainingMs() ?? Number.POSITIVE_INFINITY;
    if (await orAborted(settledWithin(this.#core.cluster.clock, work, ms), signal)) return;
    throw new TimeoutError(`transaction "${this.transactionalId}": ${what}`, { persistence: 'no' });
  }

  /** Rejects what is not on its way, and waits until the rest has come back: it must not be taken for a part of the next one. */
  async #clear(what: string, bounds: Bounds): Promise<void> {
    const aborted = new StateError('TIDE_STATE', `transaction "${this.transactionalId}": it was aborted before this was sent`, {
      persistence: 'no',
    });
    this.#current.sealed = true;
    this.#current.stop(aborted);
    await this.#host?.abandon(aborted, bounds);
    await this.#within(
      Promise.all([this.#current.settled(), this.#joining.adding]),
      bounds,
      `${what}: requests on their way have not come back in time`,
    );
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
      if (!isNotThere(error)) throw error; // else it has ended
    }
    this.#unended = false;
  }

  #goOnAs(series: Series): void {
    this.#series = series;
    this.#stale = false;
    this.#host?.renumber();
  }

  /** Ends it at the coordinator, if that knows of it. */
  async #end(committed: boolean, bounds: Bounds): Promise<void> {
    if (this.#state === 'fenced' && this.#failure !== undefined) throw this.#failure;
    const series = this.#series;
    let isUnsure = false;
    const failed = (error: unknown): void => {
      if (error instanceof KafkaError && error.persistence === 'maybe') isUnsure = true;
    };
    this.#current.sealed = true;
    try {
      if (this.#current.started && series !== undefined) {
        const following = await this.#requests.end(series, committed, this.#second, { ...this.#patient(bounds), failed });
        if (following !== undefined) this.#goOnAs(following);
        else if (!committed) this.#stale = true; // some numbers were perhaps used in vain
      }
    } catch (thrown) {
      if (committed || !isNotThere(thrown)) throw this.#unfinished(thrown, committed, isUnsure);
      this.#stale = true; // the coordinator knows of none: what it knew is forgotten, or it never learned of it
    }
    this.#unended = false;
    this.#unknown = false;
    this.#become('idle');
  }

  /** What is thrown where an end was asked for in vain, and where that leaves us. @param isUnsure An attempt may have been applied. */
  #unfinished(thrown: unknown, committed: boolean, isUnsure: boolean): unknown {
    const error = this.#judged(thrown);
    if (this.#state === 'fenced') return isUnsure && error instanceof KafkaError ? withPersistence(error, 'maybe') : error;
    this.#leave();
    if (error instanceof BrokerError && !error.retriable && !isUnsure) {
      this.#failure = error;
      this.#become('failed');
      return withPersistence(error, 'no');
    }
    this.#become(committed ? 'uncommitted' : 'unaborted');
    return error instanceof KafkaError ? withPersistence(error, 'maybe') : error;
  }

  /** It is left as it is: the next one ends it first. */
  #leave(): void {
    this.#stale = true;
    this.#unended = this.#current.started;
    this.#unknown = true;
  }

  /**
   * Asks for something that extends the transaction. Where `bounds.signal` is aborted it is not asked again; but what is on its way is
   * waited for, since it would still be applied, behind an end that overtakes it.
   */
  #extending(bounds: Bounds, ask: (bounds: Bounds) => Promise<void>): Promise<void> {
    const { policy, ...patient } = this.#patient(bounds);
    const once = { signal: this.#stop.signal, deadline: patient.deadline, policy: { ...this.#core.cluster.settings.retry, attempts: 1 } };
    return this.#core.cluster.retrying(() => ask(once), { ...patient, policy });
  }

  /** As long as time is left: a coordinator that moves, or still ends the transaction before, is asked again. */
  #patient({ signal, deadline = this.#core.cluster.deadline(this.#settings.transactionTimeoutMs) }: Bounds): Bounds {
    return { signal, deadline, policy: { ...this.#core.cluster.settings.retry, attempts } };
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

  #fail(own: OpenTransaction, error: KafkaError): void {
    if (own !== this.#current) return;
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

/** A coordinator says so that knows of no transaction of this producer that could be aborted. */
const notThere: readonly (number | undefined)[] = [errorNumbers.INVALID_TXN_STATE, errorNumbers.INVALID_PRODUCER_ID_MAPPING];
const isNotThere = (error: unknown): boolean => error instanceof BrokerError && notThere.includes(error.errno);
