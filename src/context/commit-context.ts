import { linked } from '../base/abort.js';
import { asError, InputError, KafkaError, PartialError, StateError } from '../base/errors.js';
import { custom, duration, type Given, optional, resolve, show, signalOf, signalRules } from '../base/options.js';
import { checkOffset, checkPartition } from '../client/inputs.js';
import type { CommitResult } from '../client/offset-store.js';
import type { Bounds } from '../cluster/cluster.js';
import { beginSession, type Markable, MessageBatch, type Place, type Session } from '../consumer/index.js';
import { Producer } from '../producer/index.js';
import { Message } from '../records/index.js';
import { checkDecision, commitFailureRule } from './commit-failure.js';
import { ContextTransaction } from './context-transaction.js';

/** Exported for the README's table. */
export const contextRules = {
  /** Gives up, as the signal of {@link OffsetCommitContext.commit} does; where it is aborted already, no context begins. */
  ...signalRules,
  /**
   * Longest time in ms for a commit, all attempts together; with a `producer` also for beginning its transaction, and for aborting it in a
   * rollback. `null`: no limit.
   */
  commitTimeoutMs: duration(30_000, 1, true),
  /** So many ms are waited after a rollback, so that what fails at once is not tried in a tight loop. */
  rollbackBackoffMs: duration(0, 0),
  /**
   * What becomes of a commit that failed: `'rollback'` (default) puts the consumer back and throws, `'retry'` sends it again, `'keep'`
   * leaves the consumer at its marks: they count as done, and the next commit stores them. A function that throws rolls back too, and what
   * it threw is what {@link OffsetCommitContext.commit} rejects with.
   */
  onCommitFailure: commitFailureRule,
  /**
   * A producer with a `transactionalId`: what is sent by it while the context is open and the offsets of the context are committed as one,
   * or not at all. Readers with `isolation: 'read_committed'` see each result exactly once, whatever fails. Not together with another
   * `onCommitFailure` than `'rollback'`.
   */
  producer: optional(
    custom<Producer<never, never>, Producer<never, never> | undefined>(
      'a SimpleProducer or KeyedProducer with a transactionalId',
      undefined,
      given => (given instanceof Producer && given.transactionalId !== undefined ? given : undefined),
    ),
  ),
};

/** Options of a commit context. */
export type ContextOptions = Given<typeof contextRules>;

let untilEnded: (context: OffsetCommitContext) => Promise<unknown> | undefined;

/**
 * A batch of work that commits as one, or leaves the consumer exactly where it was. While it is open, reading marks nothing: what is done
 * is what {@link mark} was called for. {@link commit} stores, for each partition, what is marked without a hole, and puts the consumer
 * behind it: nothing unmarked is ever skipped. {@link rollback} puts it back to where the context began.
 *
 * With `await using` it is rolled back unless it was committed; {@link withOffsets} is the shorter way.
 *
 * A commit is one request; Kafka decides it for each partition by itself. Where it takes some and refuses others, those taken stand at
 * their marks, those refused where they began. With a `producer` it is all or nothing: what was sent, and every offset.
 */
export class OffsetCommitContext {
  static {
    untilEnded = context => (context.#state === 'open' ? undefined : context.#state === 'ending' ? context.#committing : Promise.resolve());
  }

  readonly #session: Session;
  readonly #settings: Settings;
  readonly #transaction: ContextTransaction | undefined;
  #state: 'open' | 'ending' | 'committed' | 'rolled back' = 'open';
  #ended: Ended | undefined;
  #committing: Promise<boolean> | undefined;
  /** The commit under way; never rejects. */
  #ending: Promise<void> | undefined;

  /**
   * Begins a context. What the consumer handed out before counts as done, as when more is asked for.
   * @param consumer One with a `groupId` and `autoCommit: false`.
   * @throws KafkaError `TIDE_STATE` while a loop is open, a call is pending or another context is open, with automatic commits, without a
   * group, and with `marking: 'explicit'` while marks are awaited; `TIDE_INPUT` for what is no consumer; `TIDE_OPTION`; `TIDE_CLOSED`; the
   * signal's reason when aborted.
   */
  static begin(consumer: object, options?: ContextOptions & { readonly producer?: undefined }): OffsetCommitContext;
  /**
   * Begins a context and a transaction of its `producer`. That ends what was left of other transactions of the same `transactionalId`:
   * where one of them has stored offsets since they were read here, reading goes on behind those.
   * @throws KafkaError also as {@link Producer.begin}; why the stored offsets could not be had.
   */
  static begin(consumer: object, options: ContextOptions & { readonly producer: Producer<never, never> }): Promise<OffsetCommitContext>;
  static begin(consumer: object, options?: ContextOptions): OffsetCommitContext | Promise<OffsetCommitContext>;
  static begin(consumer: object, options?: ContextOptions): OffsetCommitContext | Promise<OffsetCommitContext> {
    const settings = settingsOf(options);
    const { producer, signal } = settings;
    signal?.throwIfAborted();
    if (producer === undefined) return new OffsetCommitContext(sessionOf(consumer), settings, undefined);
    return OffsetCommitContext.#beginWith(producer, consumer, settings);
  }

  static async #beginWith(producer: Producer<never, never>, consumer: object, settings: Settings): Promise<OffsetCommitContext> {
    const transaction = new ContextTransaction(producer);
    const session = sessionFor(transaction, consumer);
    const context = new OffsetCommitContext(session, settings, transaction);
    const bounds = context.#bounds(settings.signal);
    session.stop('begin() of a context');
    try {
      await transaction.begin(bounds);
      await session.settle(transaction.producer, bounds);
    } catch (error) {
      context.#end('rolled back', { keeps: () => true, unsure: false, failed: false });
      await context.#abort(settings.signal);
      throw error;
    }
    session.resume();
    return context;
  }

  private constructor(session: Session, settings: Settings, transaction: ContextTransaction | undefined) {
    this.#session = session;
    this.#settings = settings;
    this.#transaction = transaction;
  }

  /** How often this start was tried, this time included: 2 and more after a rollback to the same places. */
  get attempt(): number {
    return this.#session.attempt;
  }

  /** How many messages were marked. */
  get marked(): number {
    return this.#ended?.marked ?? this.#session.markedCount;
  }

  /**
   * The offset behind what is marked without a hole; undefined when the first message that was handed out is not marked.
   * @param partition A partition, with its topic where the consumer reads several.
   * @throws KafkaError `TIDE_INPUT` for what is no partition, `TIDE_NOT_OWNED`, `TIDE_PARTITION_LOST`.
   */
  highWaterMark(partition: number | Place): number | undefined {
    const what = 'highWaterMark()';
    const place = typeof partition === 'number' ? { partition } : partition;
    if (!isPlace(place)) throw new InputError(`${what}: expected a partition, or { topic, partition }, got ${show(partition)}`);
    checkPartition(place.partition, what);
    if (this.#session.isUnread) return undefined;
    const found = this.#session.partition(place, what);
    return this.#ended === undefined
      ? this.#session.highWaterMark(found)
      : this.#ended.touched.find(({ partition: each }) => each === found)?.highWaterMark;
  }

  /**
   * These messages are done, if the context commits. Marks may come in any order; only what has no hole before it is stored.
   * @throws KafkaError `TIDE_STALE` for what was handed out before the context or has been taken back, `TIDE_PARTITION_LOST` where the
   * topic was created again without the partition, `TIDE_NOT_OWNED` for what another consumer handed out, `TIDE_INPUT` for an offset that
   * was not handed out, `TIDE_STATE` after the end. Nothing is marked then.
   */
  mark(messages: Markable): void;
  mark(partition: number | Place, offset: number): void;
  mark(what: Markable | number | Place, offset?: number): void {
    this.#mark(what, offset, false, 'mark()');
  }

  /** As {@link mark}, and everything handed out before it in the same partition is done too. */
  markUpTo(message: Message<unknown, unknown> | MessageBatch<unknown, unknown>): void;
  markUpTo(partition: number | Place, offset: number): void;
  markUpTo(what: Markable | number | Place, offset?: number): void {
    this.#mark(what, offset, true, 'markUpTo()');
  }

  /**
   * Stores what is marked without a hole, with a `producer` in one transaction with what it sent, and puts every partition that was read
   * from behind it, or back to where it began when nothing of it is marked. True: Kafka has stored it; false: there was nothing to store.
   * @param options.signal Gives up: it is rolled back, and `onCommitFailure` is not asked.
   * @throws KafkaError why it was not stored; everything was rolled back then. {@link PartialError} when some partitions were: those stand
   * at their marks. With `persistence: 'maybe'` nobody knows; the next commit states what is true. `TIDE_STATE` while a loop is open, and
   * after the end, `TIDE_OPTION`: nothing has changed then; `TIDE_CLOSED`, when the consumer was closed meanwhile.
   */
  async commit(options?: { readonly signal?: AbortSignal | undefined }): Promise<boolean> {
    const what = 'commit() of a context';
    const given = options === undefined ? undefined : signalOf(what, options);
    this.#assertOpen(what);
    const own = this.#settings.signal;
    const aborted = given?.aborted ? given : own?.aborted ? own : undefined;
    if (aborted !== undefined) {
      await this.#rollback(aborted);
      throw aborted.reason;
    }
    this.#session.stop(what);
    this.#state = 'ending';
    const { signal, unlink } = either(given, own);
    const committed = this.#commit(signal).finally(unlink);
    this.#committing = committed;
    this.#ending = committed.then(ignored, ignored);
    return committed;
  }

  async #commit(signal: AbortSignal | undefined): Promise<boolean> {
    for (let failures = 1; ; failures++) {
      try {
        const stored = await this.#store(this.#bounds(signal));
        this.#end('committed', { keeps: () => true, unsure: false, failed: false });
        return stored;
      } catch (thrown) {
        const error = asError(thrown);
        const isGivenUp = signal?.aborted || this.#session.isClosed;
        const decision = isGivenUp ? 'rollback' : await this.#decide(error, failures);
        if (decision === 'retry') {
          await this.#session.pause(this.#session.backoffMs(failures), signal);
          continue;
        }
        if (decision === 'keep') {
          this.#end('committed', { keeps: () => true, unsure: true, failed: false });
          return false;
        }
        this.#rollBackAfter(error);
        await this.#abort(signal);
        await this.#backOff();
        throw thrown;
      }
    }
  }

  /**
   * Puts every partition that was read from back to where the context began; nothing is sent, and marks are forgotten. Calling it again, or
   * after {@link commit}, does nothing; a commit that is under way is waited for.
   */
  async rollback(): Promise<void> {
    await this.#rollback(this.#settings.signal);
  }

  async #rollback(signal: AbortSignal | undefined): Promise<void> {
    if (this.#state !== 'open') return this.#ending;
    this.#end('rolled back', { keeps: () => false, unsure: false, failed: true });
    await this.#abort(signal);
    await this.#backOff();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rollback();
  }

  #mark(what: Markable | number | Place, offset: number | undefined, upTo: boolean, name: string): void {
    this.#assertOpen(name);
    this.#session.assertNotClosed(name);
    if (typeof what === 'number' || (offset !== undefined && isPlace(what))) {
      checkOffset(offset, `${name} of a partition and an offset`);
      this.#session.markAt(typeof what === 'number' ? { partition: what } : what, offset, upTo, name);
    } else {
      this.#session.mark(what as Markable, upTo, name);
    }
  }

  /** Stores the offsets, and what was sent with them. */
  async #store(bounds: Bounds): Promise<boolean> {
    const transaction = this.#transaction;
    if (transaction === undefined) return this.#session.store(bounds);
    const stored = await this.#session.store(bounds, (group, offsets, bounded) => transaction.commitWith(group, offsets, bounded));
    if (!stored) await transaction.commit(bounds);
    return stored;
  }

  async #abort(signal: AbortSignal | undefined): Promise<void> {
    await this.#transaction?.abort(this.#bounds(signal));
  }

  async #backOff(): Promise<void> {
    const { rollbackBackoffMs, signal } = this.#settings;
    if (rollbackBackoffMs > 0) await this.#session.pause(rollbackBackoffMs, signal);
  }

  #bounds(signal: AbortSignal | undefined) {
    return { signal, ...this.#session.within(this.#settings.commitTimeoutMs) };
  }

  async #decide(error: Error, failures: number): Promise<'rollback' | 'retry' | 'keep'> {
    const { onCommitFailure } = this.#settings;
    if (typeof onCommitFailure === 'string') return onCommitFailure;
    const ending = this.#ending;
    this.#ending = undefined; // a rollback in there must not wait for what waits for it
    try {
      return checkDecision(await onCommitFailure(error, failures));
    } catch (thrown) {
      this.#rollBackAfter(error);
      await this.#backOff();
      throw thrown;
    } finally {
      this.#ending = ending;
    }
  }

  /** A commit failed: what Kafka has stored all the same stands at its marks. */
  #rollBackAfter(error: Error): void {
    const stored = storedIn(error);
    const unsure = !(error instanceof KafkaError) || error.persistence !== 'no';
    this.#end('rolled back', { keeps: ({ topic, partition }) => stored.has(`${topic}/${partition}`), unsure, failed: true });
  }

  #end(state: 'committed' | 'rolled back', end: Parameters<Session['end']>[0]): void {
    this.#state = state;
    this.#ended = { marked: this.#session.markedCount, touched: this.#session.end(end) };
  }

  #assertOpen(what: string): void {
    if (this.#state === 'open') return;
    throw new StateError('TIDE_STATE', `${what}: the context is ${this.#state === 'ending' ? 'being committed' : this.#state}`);
  }
}

/** What stays readable after the end. */
interface Ended {
  readonly marked: number;
  readonly touched: ReturnType<Session['end']>;
}

/**
 * Runs `work` in a context: what it marked is committed when it returns, and the consumer is put back to where it was when it throws. With
 * a `producer`, what `work` sent by it is committed or aborted with that. A context that `work` has committed or rolled back by itself
 * stays so.
 * @returns What `work` gave.
 * @throws what `work` threw; `TIDE_INPUT` where it is no function; else as {@link OffsetCommitContext.begin} and {@link
 * OffsetCommitContext.commit}.
 */
export async function withOffsets<T>(
  consumer: object,
  work: (context: OffsetCommitContext) => T | Promise<T>,
  options?: ContextOptions,
): Promise<T> {
  if (typeof work !== 'function') throw new InputError(`withOffsets: expected a function that does the work, got ${show(work)}`);
  const begun = OffsetCommitContext.begin(consumer, options);
  const context = begun instanceof OffsetCommitContext ? begun : await begun;
  let result: T;
  try {
    result = await work(context);
  } catch (error) {
    await context.rollback();
    throw error;
  }
  try {
    await (untilEnded(context) ?? context.commit());
  } catch (error) {
    await context.rollback(); // where it could not even begin to commit: a read was left pending
    throw error;
  }
  return result;
}

/** A message has a partition too: given with a number, as by `forEach`, it is a message all the same. */
const isPlace = (what: unknown): what is Place =>
  typeof what === 'object' && what !== null && 'partition' in what && !(what instanceof Message) && !(what instanceof MessageBatch);

const ignored = (): void => {};

/** Aborted when one of them is. Mostly there is none, and a context is not to cost more for it. */
const either = (
  one: AbortSignal | undefined,
  other: AbortSignal | undefined,
): { readonly signal: AbortSignal | undefined; unlink(): void } =>
  one === undefined || other === undefined ? { signal: one ?? other, unlink: ignored } : linked(one, other);

const noOptions = resolve('OffsetCommitContext', contextRules, {});

type Settings = typeof noOptions;

/** @throws KafkaError `TIDE_OPTION`. */
function settingsOf(options: ContextOptions | undefined): Settings {
  if (options === undefined) return noOptions;
  const settings = resolve('OffsetCommitContext', contextRules, options);
  if (settings.producer !== undefined && settings.onCommitFailure !== 'rollback') {
    throw new InputError(
      'OffsetCommitContext: onCommitFailure must be "rollback" with a producer: what is left of a transaction that failed is to abort it',
      { code: 'TIDE_OPTION' },
    );
  }
  return settings;
}

/** As {@link sessionOf}, for a context with a producer: which is anybody's again where there is none. */
function sessionFor(transaction: ContextTransaction, consumer: object): Session {
  try {
    return sessionOf(consumer);
  } catch (error) {
    transaction.release();
    throw error;
  }
}

/** @throws KafkaError `TIDE_INPUT` for what is no consumer; else as {@link OffsetCommitContext.begin}. */
function sessionOf(consumer: object): Session {
  const session = typeof consumer === 'object' && consumer !== null ? beginSession(consumer, 'OffsetCommitContext') : undefined;
  if (session === undefined) throw new InputError(`OffsetCommitContext: expected a consumer, got ${show(consumer)}`);
  return session;
}

/** The partitions Kafka stored although the commit failed. */
function storedIn(error: Error): ReadonlySet<string> {
  const results = error instanceof PartialError ? (error as PartialError<CommitResult>).results : [];
  return new Set(results.flatMap(({ topic, partition, error: refused }) => (refused === undefined ? [`${topic}/${partition}`] : [])));
}
