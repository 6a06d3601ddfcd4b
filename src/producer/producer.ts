import { InputError, type KafkaError, StateError, TimeoutError } from '../base/errors.js';
import { TypedEvents } from '../base/events.js';
import type { Log } from '../base/log.js';
import { resolve, show } from '../base/options.js';
import type { RetryPolicy } from '../base/retry.js';
import { orAborted, settledWithin } from '../base/wait.js';
import { type ClientCore, coreOf, type KafkaClient } from '../client/client.js';
import { Closing } from '../client/closing.js';
import { checkTopic } from '../client/inputs.js';
import type { GroupOffset } from '../client/offset-store.js';
import type { WaitOptions } from '../client/wait-options.js';
import type { Bounds } from '../cluster/cluster.js';
import { Accumulator, type CallBounds } from './accumulator.js';
import { ManyDelivery, SingleDelivery } from './delivery.js';
import { IdempotentIdentity, noIdentity } from './identity.js';
import { Intake } from './intake.js';
import { Line } from './line.js';
import type { ProducerSettings } from './options.js';
import type { Partitioner } from './partitioners.js';
import { logRejected } from './producer-log.js';
import { noRecord, type ProducerRecord, type RecordResult } from './record.js';
import { RecordChecks, unsent } from './record-checks.js';
import { boundRules, type RoomOptions, roomRules, type SendOptions } from './send-options.js';
import { Sender } from './sender.js';
import type { Serialized } from './serializers.js';
import { TopicGate } from './topic-gate.js';
import { type HeldTransactions, TransactionCalls } from './transaction-calls.js';
import type { TransactionGroup } from './transaction-group.js';
import { Transactions } from './transactions.js';

/** What a producer tells its listeners. */
export interface ProducerEvents {
  /** Records were given up, and their calls rejected. `partition` is -1 for those that never had one. */
  deliveryFailed: { readonly topic: string; readonly partition: number; readonly error: KafkaError; readonly count: number };
}

/** What makes one kind of producer different from another. */
export interface ProducerKind {
  settings(client: RetryPolicy): ProducerSettings;
  readonly partitioner: Partitioner;
  /** Whether the partitioner is asked once for each call and topic, or for each record. */
  readonly choosing: 'call' | 'record';
}

let hasEnded: (producer: Producer<never, never>) => boolean;
let holdTransactions: (producer: Producer<never, never>) => HeldTransactions;

/** What all producers have in common. Order is kept within each partition; every record is settled, one way or the other. */
export abstract class Producer<K = Serialized, V = Serialized> extends TypedEvents<ProducerEvents> {
  static {
    hasEnded = producer => producer.#transactions?.hasEnded === true;
    holdTransactions = producer => producer.#calls.hold();
  }

  readonly #name: string;
  readonly #core: ClientCore;
  readonly #log: Log | undefined;
  readonly #settings: ProducerSettings;
  readonly #accumulator: Accumulator;
  readonly #line: Line;
  readonly #transactions: Transactions | undefined;
  readonly #calls: TransactionCalls;
  readonly #gate: TopicGate;
  readonly #sender: Sender;
  readonly #release: () => void;
  readonly #intake: Intake<K, V>;
  readonly #closing = new Closing();

  /** @param settings Made from the client's own. */
  protected constructor(name: string, client: KafkaClient, { settings, partitioner, choosing }: ProducerKind) {
    super();
    this.#name = name;
    this.#core = coreOf(client);
    const { cluster } = this.#core;
    this.#settings = settings(cluster.settings.retry);
    this.#log = this.#core.logFor(this.#settings.logger);
    const { idempotent, transaction, keySerializer, valueSerializer, deliveryTimeoutMs, maxRequestBytes } = this.#settings;
    this.#line = new Line(cluster.clock, deliveryTimeoutMs);
    this.#gate = new TopicGate(cluster, this.#settings.retry, deliveryTimeoutMs);
    if (transaction !== undefined) this.#transactions = new Transactions(this.#core, transaction);
    this.#calls = new TransactionCalls({ name, cluster, transactions: this.#transactions, assertOpen: () => this.#assertOpen() });
    const byItself = idempotent === false ? noIdentity : new IdempotentIdentity(cluster, idempotent === true);
    const identity = this.#transactions ?? byItself;
    this.#sender = new Sender(cluster, this.#settings, identity, this.#log, {
      rejected: ({ topic, partition, count }, error) => this.#rejected(topic, partition, error, count),
      settled: (lane, batch) => this.#accumulator.release(lane, batch),
      divided: (lane, batch, parts) => this.#accumulator.divide(lane, batch, parts),
    });
    let unhurried: (() => void) | undefined;
    this.#accumulator = new Accumulator(this.#settings, cluster.clock, partitioner, choosing, {
      opened: (lane, batch) => this.#sender.watch(lane, batch),
      filled: lane => this.#sender.wake(lane),
      refused: (topic, partition, error, count) => this.#rejected(topic, partition, error, count),
      crowded: () => {
        unhurried = this.#sender.push(); // what waits for company keeps the room that others wait for
      },
      eased: () => unhurried?.(),
    });
    this.#intake = new Intake({
      clock: cluster.clock,
      checks: new RecordChecks(partitioner.needsKey === true, maxRequestBytes),
      serializers: keySerializer === undefined && valueSerializer === undefined ? undefined : this.#settings,
      line: this.#line,
      gate: this.#gate,
      accumulator: this.#accumulator,
      deliveryTimeoutMs,
      membership: what => this.#transactions?.membership(what),
      rejected: (topic, partition, error, count) => this.#rejected(topic, partition, error, count),
    });
    this.#transactions?.attach({
      settle: bounds => this.#settle(bounds),
      abandon: (error, bounds) => this.#abandon(error, bounds),
      renumber: () => {
        for (const lane of this.#accumulator.lanes()) lane.numbering.begin(undefined);
      },
      proceed: lane => this.#sender.proceed(lane),
      refuse: (lane, error) => this.#sender.refuse(lane, error),
    });
    this.#release = this.#core.adopt(this, 'second');
  }

  /**
   * Sends a record, and gives where it was stored. It waits while the producer holds as much as it may: await it, or what you send next
   * waits in your own memory.
   * @throws KafkaError `TIDE_INPUT`, `TIDE_KEY_REQUIRED`, `TIDE_TOO_LARGE` before anything is sent; `TIDE_BUFFER_FULL` when there was no room
   * within `timeoutMs`; a broker's refusal; `TIDE_TIMEOUT` after `deliveryTimeoutMs`; each with `persistence`, which is `'maybe'` when the
   * record may be stored all the same. `TIDE_CLOSED`; the signal's reason.
   */
  send(record: ProducerRecord<K, V>, options?: RoomOptions): Promise<RecordResult> {
    try {
      this.#assertSendable('send');
      if (typeof record !== 'object') throw noRecord(record, 'send'); // before its options, which may be what is else wrong
      const bounds = this.#boundsOf('send', options);
      if (bounds.signal?.aborted) return this.#partOfTransaction(Promise.reject(bounds.signal.reason));
      const delivery = new SingleDelivery();
      this.#intake.one(record, delivery, bounds);
      return this.#partOfTransaction(orAborted(delivery.promise, bounds.signal));
    } catch (error) {
      return this.#partOfTransaction(Promise.reject(unsent(error)));
    }
  }

  /**
   * Sends records, and gives where each was stored, in their order. One that fails does not affect the others.
   * @throws KafkaError {@link PartialError} when records failed, for reasons as {@link send} names them: its `results` hold a
   * {@link RecordResult} or an error for each, its `code` is that of the first. `TIDE_INPUT` for what is no list; `TIDE_CLOSED`; the
   * signal's reason.
   */
  sendMany(records: readonly ProducerRecord<K, V>[], options?: RoomOptions): Promise<readonly RecordResult[]> {
    try {
      this.#assertSendable('sendMany');
      const bounds = this.#boundsOf('sendMany', options);
      if (bounds.signal?.aborted) return this.#partOfTransaction(Promise.reject(bounds.signal.reason));
      if (!Array.isArray(records)) throw new InputError(`sendMany: expected an array of records, got ${show(records)}`);
      const delivery = new ManyDelivery(records.length, 'sendMany');
      this.#intake.many(records, delivery, bounds);
      return this.#partOfTransaction(orAborted(delivery.promise, bounds.signal));
    } catch (error) {
      return this.#partOfTransaction(Promise.reject(unsent(error)));
    }
  }

  /**
   * Begins a transaction: what is sent until {@link commit} or {@link abort} is seen by readers as a whole or not at all. The first one ends
   * what another producer with the same `transactionalId` left open, and fences it.
   * While a commit context has the producer, beginning, committing and aborting are the context's, and `TIDE_STATE` here.
   * What an abort or a commit that did not come to its end has left is aborted first, and an abort that is under way is waited for.
   * @param options.timeoutMs Longest wait in ms, for that too. Default 30,000. `null`: no limit.
   * @param options.signal Ends the call with its reason: no transaction is open then.
   * @throws KafkaError `TIDE_STATE` without a `transactionalId` and while a transaction is open; `TIDE_FENCED` when another producer has the
   * transactional id now; `TIDE_UNSUPPORTED` with brokers before 0.11; why the coordinator could not be asked; `TIDE_CLOSED`; the signal's reason.
   * @see KIP-98
   */
  begin(options?: WaitOptions & SendOptions): Promise<void> {
    return this.#calls.begin(options);
  }

  /**
   * Commits the transaction, once everything given to it is stored, awaited or not. A call that rejects, whatever the reason, lets nothing be
   * committed.
   * @param options.timeoutMs Longest wait in ms. Default 30,000. `null`: no limit.
   * @param options.signal Ends the call with its reason. Where {@link inTransaction} is false then, the commit was asked for, and nobody knows
   * whether it is committed: calling it again asks again.
   * @throws KafkaError `TIDE_STATE` without an open transaction, and when something of it was not stored: then {@link abort} is what is left;
   * `TIDE_FENCED`; `TIDE_TIMEOUT` while records are not settled: it is still open. With `persistence: 'maybe'` nobody knows whether it is
   * committed: calling it again asks again.
   */
  commit(options?: WaitOptions & SendOptions): Promise<void> {
    return this.#calls.commit(options);
  }

  /**
   * Aborts the transaction: readers with `isolation: 'read_committed'` never see what was sent in it. What is not on its way yet is rejected
   * with `TIDE_STATE`, `persistence: 'no'`; what is on its way is waited for.
   * @param options.timeoutMs Longest wait in ms. Default 30,000. `null`: no limit.
   * @param options.signal Ends the call with its reason: as with `persistence: 'maybe'`.
   * @throws KafkaError `TIDE_STATE` without an open transaction; `TIDE_FENCED`. With `persistence: 'maybe'` nobody knows: calling it again asks
   * again, {@link begin} ends it before the next one, and the cluster aborts it after `transactionTimeoutMs` in any case.
   */
  abort(options?: WaitOptions & SendOptions): Promise<void> {
    return this.#calls.abort(options);
  }

  /**
   * Stores offsets of a consumer group as part of the transaction: they count if it is committed.
   * @param group The group's id; with its member where the consumer is one, so that a member that is gone is refused (KIP-447). Without a
   * member nobody checks that the group is empty: what another consumer stores may be overwritten.
   * @param offsets The offset that is to be read next in each partition.
   * @param options.timeoutMs Longest wait in ms. Default 30,000. `null`: no limit.
   * @param options.signal Ends the call with its reason.
   * @throws KafkaError `TIDE_STATE` without an open transaction, `TIDE_INPUT`, `TIDE_FENCED`; `TIDE_UNSUPPORTED` for a member with brokers
   * before 2.5, which cannot check it; Kafka's own refusal, `TIDE_TIMEOUT`, `TIDE_CLOSED`. Once it was asked for, the transaction can only be
   * aborted then, and so `persistence` is `'no'`.
   */
  sendOffsets(group: string | TransactionGroup, offsets: readonly GroupOffset[], options?: WaitOptions & SendOptions): Promise<void> {
    return this.#calls.sendOffsets(group, offsets, options);
  }

  /** The id its transactions go by; undefined when it has none. */
  get transactionalId(): string | undefined {
    return this.#transactions?.transactionalId;
  }

  /** Whether a transaction is open. */
  get inTransaction(): boolean {
    const state = this.#transactions?.state;
    return state === 'open' || state === 'failed';
  }

  /**
   * Waits until every record given to this producer so far is settled. A record that fails rejects its own call, not this one.
   * @param options.timeoutMs Longest wait in ms. Default 30,000. 0: look and tell. `null`: no limit.
   * @throws KafkaError `TIDE_TIMEOUT` when records are still unsettled; they stay queued. `TIDE_CLOSED`; the signal's reason.
   */
  async flush(options?: WaitOptions & SendOptions): Promise<void> {
    this.#assertOpen();
    const { timeoutMs, signal } = resolve('flush', boundRules, options);
    if (await this.#settledWithin(timeoutMs, signal)) return;
    const leftCount = this.#leftCount();
    throw new TimeoutError(`${this.#name} flush: ${leftCount} records are not settled after ${timeoutMs} ms; they stay queued`, {
      context: { leftCount },
    });
  }

  /**
   * Waits until every record is settled, then lets go of the client. What is not settled in time is rejected with `TIDE_CLOSED`. A commit or an
   * abort that is under way is waited for too, and a transaction that is open is aborted, as far as time allows: it would hold up those who read.
   * Calling it again gives the same promise; every other call afterwards rejects with `TIDE_CLOSED`.
   * @param options.timeoutMs Longest wait in ms. Default 30,000. `null`: no limit.
   * @throws KafkaError `TIDE_TIMEOUT` saying how many records were given up; the producer is closed all the same.
   */
  close(options: WaitOptions = {}): Promise<void> {
    return this.#closing.once(options, timeoutMs => this.#close(timeoutMs));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Sends values with one key to one partition, and gives where each was stored. */
  protected sendValues(topic: string, key: K | null, values: readonly (V | null)[], signature: string): Promise<readonly RecordResult[]> {
    try {
      this.#assertSendable('sendMessages');
      checkTopic(topic, 'sendMessages');
      if (values.length === 0) throw new InputError(`sendMessages: no value was given, where at least one is expected: ${signature}`);
      const delivery = new ManyDelivery(values.length, 'sendMessages');
      this.#intake.values(topic, key, values, delivery);
      return this.#partOfTransaction(delivery.promise);
    } catch (error) {
      return this.#partOfTransaction(Promise.reject(unsent(error)));
    }
  }

  /** A call that gives records. */
  #partOfTransaction<T>(call: Promise<T>): Promise<T> {
    return this.#transactions?.part(call) ?? call;
  }

  #boundsOf(what: string, options: RoomOptions | undefined): CallBounds {
    if (options === undefined) return this.#intake.noBounds;
    const { deliveryTimeoutMs } = this.#settings;
    const { timeoutMs = deliveryTimeoutMs, signal } = resolve(what, roomRules, options);
    return { timeoutMs: Math.min(timeoutMs, deliveryTimeoutMs), signal };
  }

  /** Resolves when everything given so far is settled, as a commit needs it. */
  async #settle({ signal, deadline }: Bounds): Promise<void> {
    const timeoutMs = deadline?.remainingMs() ?? Number.POSITIVE_INFINITY;
    if (await this.#settledWithin(timeoutMs, signal)) return;
    const leftCount = this.#leftCount();
    throw new TimeoutError(`${this.#name} commit: ${leftCount} records are not settled in time; the transaction is still open`, {
      persistence: 'no',
      context: { leftCount },
    });
  }

  /** Rejects what is not on its way, and waits for the rest. */
  async #abandon(error: KafkaError, { signal, deadline }: Bounds): Promise<void> {
    this.#line.refuseAll(error);
    this.#gate.refuseAll(error);
    this.#accumulator.close(error);
    const abandoned = this.#sender.abandon(error);
    const { clock } = this.#core.cluster;
    if (await orAborted(settledWithin(clock, abandoned, deadline?.remainingMs() ?? Number.POSITIVE_INFINITY), signal)) return;
    throw new TimeoutError(`${this.#name} abort: requests on their way have not come back in time`, { persistence: 'maybe' });
  }

  /** @throws KafkaError unless records can be given to it. */
  #assertSendable(what: string): void {
    this.#assertOpen();
    this.#transactions?.assertOpen(what);
  }

  #rejected(topic: string, partition: number, error: KafkaError, count: number): void {
    if (this.#log !== undefined) logRejected(this.#log, { topic, partition, count }, error);
    this.#transactions?.failed(error);
    this.emit('deliveryFailed', { topic, partition, error, count });
  }

  async #settledWithin(timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    const pushed = this.#sender.push();
    try {
      const calls = [...this.#line.waiting(), ...this.#gate.waiting().map(({ settled }) => settled)];
      const parked = this.#accumulator.waiting().map(({ delivery }) => delivery.promise);
      const batches = this.#sender.unsettled().map(batch => batch.whenSettled());
      const all = Promise.allSettled([...calls, ...new Set(parked), ...batches]);
      return await orAborted(settledWithin(this.#core.cluster.clock, all, timeoutMs), signal);
    } finally {
      pushed();
    }
  }

  #leftCount(): number {
    const waiting = this.#line.count + this.#accumulator.waiting().length;
    return [...this.#gate.waiting(), ...this.#sender.unsettled()].reduce((sum, { count }) => sum + count, waiting);
  }

  async #close(timeoutMs: number): Promise<void> {
    const deadline = this.#core.cluster.deadline(timeoutMs);
    const drained = await this.#settledWithin(timeoutMs);
    const leftCount = this.#leftCount();
    if (drained) await this.#transactions?.finish({ deadline });
    const given = this.#closed(drained ? 'it was closed' : `it was closed before they were delivered (timeoutMs ${timeoutMs})`);
    this.#line.refuseAll(given);
    this.#gate.close(given);
    this.#accumulator.close(given);
    this.#sender.close(given);
    this.#transactions?.close(given);
    this.#release();
    if (leftCount === 0) return;
    throw new TimeoutError(`${this.#name} close: ${leftCount} records were not delivered within ${timeoutMs} ms, and were given up`, {
      persistence: 'maybe',
      context: { leftCount },
    });
  }

  #assertOpen(): void {
    if (this.#closing.begun) throw this.#closed('it is closed');
  }

  #closed(why: string): StateError {
    return new StateError('TIDE_CLOSED', `${this.#name}: ${why}`, { persistence: 'no' });
  }
}

/** Whether its last transaction is committed or aborted, for certain, and no other has begun. */
/** Lets somebody have the transactions of a producer. @throws KafkaError `TIDE_STATE` while somebody has them. */
export { hasEnded, holdTransactions };
