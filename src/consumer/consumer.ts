import { asError, StateError, TimeoutError } from '../base/errors.js';
import { TypedEvents } from '../base/events.js';
import type { Logger } from '../base/log.js';
import { resolve, signalOf } from '../base/options.js';
import { limited } from '../base/wait.js';
import { type ClientCore, coreOf, type KafkaClient } from '../client/client.js';
import { Closing } from '../client/closing.js';
import { checkOffset, checkTime } from '../client/inputs.js';
import type { OffsetSpec } from '../client/list-offsets.js';
import { OffsetStore } from '../client/offset-store.js';
import { type CallOptions, callRules, type WaitOptions } from '../client/wait-options.js';
import type { Message } from '../records/index.js';
import type { GetOptions } from './collect.js';
import { traceEvent, traceFetch } from './consumer-channels.js';
import type { ConsumerEvents } from './consumer-events.js';
import { logEvents } from './consumer-log.js';
import { ConsumerCore, type CoreSettings } from './core.js';
import { lastCommitMs } from './last-commits.js';
import { isMarkable, type Markable } from './marking.js';
import type { MessageBatch } from './message-batch.js';
import { Moving, type StoredOffsets } from './moving.js';
import { type OffsetsName, offsetsNamed, offsetsOf, type PartitionOffsets } from './partition-offsets.js';
import type { PartitionSource, SourceKit } from './partition-source.js';
import { Placing, type PlacingSettings } from './placing.js';
import { checkWhence, type Whence } from './seek-targets.js';
import { offerSessions } from './session.js';
import type { Shares } from './shares.js';
import { sourceTarget } from './source-target.js';
import type { PlaceToRead } from './subscription.js';

/** What every consumer is told. */
export interface ConsumerSettings extends CoreSettings, PlacingSettings {
  readonly groupId: string | undefined;
  readonly logger: Logger | undefined;
}

/**
 * What all consumers offer, over partitions that each kind gets in its own way. `At` is how a partition is named: by its number where there is
 * but one topic, else with its topic.
 */
export abstract class Consumer<At, K = Buffer, V = Buffer> extends TypedEvents<ConsumerEvents> implements AsyncIterable<Message<K, V>> {
  readonly #settings: ConsumerSettings;
  readonly #client: ClientCore;
  readonly #core: ConsumerCore;
  readonly #store: OffsetStore | undefined;
  readonly #placing: Placing;
  readonly #source: PartitionSource<At>;
  readonly #moving: Moving<At>;
  readonly #release: () => void;
  readonly #closing = new Closing();

  /** @param make Makes what knows the partitions. */
  protected constructor(client: KafkaClient, settings: ConsumerSettings, make: (kit: SourceKit) => PartitionSource<At>) {
    super();
    this.#settings = settings;
    this.#client = coreOf(client);
    const log = this.#client.logFor(settings.logger);
    if (log !== undefined) logEvents(log, settings.groupId, this);
    this.#store = settings.groupId === undefined ? undefined : new OffsetStore(this.#client);
    this.#placing = new Placing(this.#client, settings);
    this.#core = new ConsumerCore(this.#client.cluster, settings, {
      prepare: signal => this.#source.prepare(signal),
      outOfRange: (partition, what, signal) => this.#source.outOfRange(partition, what, signal),
      looked: (topics, signal) => this.#source.looked(topics, signal),
      commitFailed: error => this.emit('commitFailed', { error }),
      callbackFailed: failure => this.emit('callbackFailed', failure),
      marksDropped: marks => this.emit('marksDropped', marks),
      committed: committed => this.emit('committed', committed),
      fetched: (brokerId, durationMs, asked) => traceFetch(settings.groupId, brokerId, durationMs, asked),
      target: settings.groupId === undefined ? undefined : sourceTarget(() => this.#source.target),
    });
    this.#source = make({
      client: this.#client,
      core: this.#core,
      store: this.#store,
      placing: this.#placing,
      emit: (event, detail) => this.emit(event, detail),
    });
    this.#moving = new Moving({
      ...{ core: this.#core, placing: this.#placing, source: this.#source },
      stored: what => this.#stored(what),
    });
    this.#release = this.#client.adopt({ close: options => this.#closed(options) });
    offerSessions(this, what => this.#core.beginSession(what, (place, asking) => this.#source.findFor(place, asking)));
  }

  protected override emit<E extends keyof ConsumerEvents & string>(event: E, detail: ConsumerEvents[E]): void {
    traceEvent(event, this.#settings.groupId, detail);
    super.emit(event, detail);
  }

  /** @throws KafkaError `TIDE_CLOSED`; `TIDE_STATE` in a commit context. */
  protected assertChangeable(what: string): void {
    this.#core.assertOpen(what);
    this.#core.assertUnheld(what);
  }

  /** Takes the reader's place for work on shares. @throws KafkaError `TIDE_STATE` when somebody else reads, `TIDE_CLOSED`. */
  protected openShares(what: string, within: 'anything' | 'no context' = 'no context'): Shares {
    if (within === 'no context') this.#core.assertNoContext(what);
    return this.#core.openShares(what);
  }

  protected get isClosing(): boolean {
    return this.#closing.begun;
  }

  /** Commits what is done, where commits are automatic and the consumer is open. */
  protected async commitIfAutomatic(): Promise<void> {
    if (this.#settings.autoCommit !== undefined && !this.#closing.begun) await this.#core.commit({});
  }

  /** Every partition that is read now, and where it stands. */
  offsets(): readonly PartitionOffsets[];
  /**
   * One of these numbers of every partition, as `setTopicPartitions` would take it.
   * @param which Its name, or what kafka-python calls it: `'fetch'`, `'task_done'`, `'commit'`, `'highwater'`. All count the next offset.
   * @throws KafkaError `TIDE_INPUT` for any other name.
   */
  offsets(which: OffsetsName): readonly PlaceToRead[];
  offsets(which?: OffsetsName): readonly PartitionOffsets[] | readonly PlaceToRead[] {
    const { partitions } = this.#core;
    return which === undefined ? offsetsOf(partitions) : offsetsNamed(which, partitions);
  }

  /** Every partition that is read now, with its position; undefined where that is not known yet. */
  protected positions(): readonly { readonly topic: string; readonly partition: number; readonly position: number | undefined }[] {
    return this.#core.partitions.map(({ topic, partition, placed, position }) => ({
      topic,
      partition,
      position: placed ? position : undefined,
    }));
  }

  /** As {@link messages} without a signal: `for await (const message of consumer)`. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message<K, V>> {
    return this.messages();
  }

  /**
   * The messages one by one, endlessly. A message is done when the loop asks for the next. Leaving by `break`, `return` or an exception
   * leaves the current one not done: it is handed out again by the next loop. Leaving never closes the consumer.
   * @param options.signal Ends the loop quietly at its next ask; the item before is done.
   * @throws KafkaError `TIDE_OPTION`; from the loop: `TIDE_STATE` when somebody else reads; why the partitions, their offsets or records could not
   * be had.
   */
  messages(options: { readonly signal?: AbortSignal | undefined } = {}): AsyncIterableIterator<Message<K, V>> {
    return this.#core.reading.messages(signalOf('messages()', options)) as AsyncIterableIterator<Message<K, V>>;
  }

  /** As {@link messages}, batch by batch, as they were stored: the fast way. A batch is done when the loop asks for the next. */
  batches(options: { readonly signal?: AbortSignal | undefined } = {}): AsyncIterableIterator<MessageBatch<K, V>> {
    return this.#core.reading.batches(signalOf('batches()', options)) as AsyncIterableIterator<MessageBatch<K, V>>;
  }

  /**
   * Up to `count` messages, perhaps none. With `marking: 'loop'` the call says that what the call before it returned is done.
   * @param options.block `true` waits until there are `count`, a number until there are that many, `false` not at all: it gives what is
   * there, after one fetch that does not wait if nothing is. Default true.
   * @param options.timeoutMs Longest wait for messages in ms; short or empty is no error. `null` waits for ever. Default 100. To find the
   * partitions, which only the first call does, takes what the client's own limits allow.
   * @throws KafkaError as {@link messages}; the signal's reason when aborted. What the call had collected is handed out again. What cannot be
   * deserialised is thrown by the call that meets it first: what comes before it is given.
   */
  getMessages(count = 1, options: GetOptions = {}): Promise<Message<K, V>[]> {
    return this.#core.reading.getMessages(count, options) as Promise<Message<K, V>[]>;
  }

  /** One message, or undefined when none came in time: {@link getMessages} with a count of one. */
  async getMessage(options: GetOptions = {}): Promise<Message<K, V> | undefined> {
    const [message] = await this.getMessages(1, options);
    return message;
  }

  /**
   * What `getMessages` gave, or a loop has in hand, and is not done, is handed out again.
   * @throws KafkaError `TIDE_CLOSED`.
   */
  rewind(): void {
    this.#core.assertUnheld('rewind()');
    this.#core.rewind();
  }

  /**
   * These messages are done, whatever the loop thinks. Marks may come in any order; what is committed is the part without holes.
   * @throws KafkaError `TIDE_STALE` for what was taken back, `TIDE_PARTITION_LOST` where the topic was created again without the partition,
   * `TIDE_NOT_OWNED` for what another consumer handed out, `TIDE_INPUT` for an offset that was never handed out, `TIDE_CLOSED`. Nothing is marked then.
   */
  mark(messages: Markable): void;
  mark(partition: At, offset: number): void;
  mark(what: Markable | At, offset?: number): void {
    this.#mark(what, offset, false);
  }

  /** As {@link mark}, and everything handed out before it in the same partition is done too. */
  markUpTo(message: Message<unknown, unknown> | MessageBatch<unknown, unknown>): void;
  markUpTo(partition: At, offset: number): void;
  markUpTo(what: Markable | At, offset?: number): void {
    this.#mark(what, offset, true);
  }

  /** The old name of {@link mark}. */
  taskDone(message: Message<unknown, unknown>): void {
    this.#mark(message, undefined, false, 'taskDone()');
  }

  /**
   * Stores what is done; with messages given, marks exactly those first. True: Kafka has stored it; false: there was nothing new.
   * @throws KafkaError why it was not stored, `PartialError` when some partitions were; `TIDE_GROUP_IN_USE` when the group has live members;
   * `TIDE_STATE` without a `groupId`; `TIDE_TIMEOUT`, with `persistence: 'maybe'` where it was sent; `TIDE_OPTION`: nothing is marked then.
   */
  async commit(messages?: Markable, options: CallOptions = {}): Promise<boolean> {
    const what = 'commit()';
    const { signal, timeoutMs } = resolve(what, callRules, options);
    if (messages === undefined) this.#core.assertNoContext(what);
    else this.#core.assertUnheld(what);
    if (messages !== undefined) this.#core.mark(messages, false, what);
    const deadline = timeoutMs === Number.POSITIVE_INFINITY ? undefined : this.#client.cluster.deadline(timeoutMs);
    return this.#core.commit({ signal, deadline });
  }

  /**
   * Moves to another offset; done and position stand there, and the next commit stores it, even if it is lower.
   * An offset without a whence is looked at by the next read: `autoOffsetReset` answers one that is outside the log, and `outOfRange` tells.
   * @param whence Undefined: `offset` itself. 0: counted from the log's start, 1: from the position, 2: from the log's end.
   * @param partition Undefined: every partition. With whence 0 or 2 `offset` is then divided over them, the remainder going to the first.
   * @throws KafkaError `TIDE_INPUT` for a whence that is none, or, with one, a result outside the log; `TIDE_STATE` in a commit context; `TIDE_NOT_OWNED`;
   * `TIDE_PARTITION_LOST` when it went to another member meanwhile, also if it is back; `TIDE_OPTION`; `TIDE_TIMEOUT`; why the ends of the log could not be had; the signal's reason when aborted. No partition is moved then.
   */
  async seek(offset: number, whence?: Whence, partition?: At, options: CallOptions = {}): Promise<void> {
    const what = 'seek()';
    if (whence === undefined) checkOffset(offset, what);
    else checkWhence(offset, whence, what);
    if (partition !== undefined) this.#source.check(partition, what);
    return this.#within(what, options, bounds => this.#moving.seek(offset, whence, partition, what, bounds));
  }

  /**
   * Moves to the first offset that each of these partitions has, or of all. Done and position stand there.
   * @throws KafkaError as {@link seek}.
   */
  seekToBeginning(partitions?: readonly At[], options: CallOptions = {}): Promise<void> {
    return this.#seekTo('earliest', partitions, 'seekToBeginning()', options);
  }

  /** As {@link seekToBeginning}, to the end: the next message is one that comes after this. */
  seekToEnd(partitions?: readonly At[], options: CallOptions = {}): Promise<void> {
    return this.#seekTo('latest', partitions, 'seekToEnd()', options);
  }

  /**
   * As {@link seekToBeginning}, to the first message with this timestamp or a later one; to the end where there is none.
   * @param timestampMs Ms since 1970.
   */
  async seekToTime(timestampMs: number, partitions?: readonly At[], options: CallOptions = {}): Promise<void> {
    checkTime(timestampMs, 'seekToTime()');
    return this.#seekTo({ timestampMs }, partitions, 'seekToTime()', options);
  }

  /**
   * Moves a partition to where `autoOffsetReset` says, and gives that offset. Done and position stand there.
   * @throws KafkaError `TIDE_STATE` with the policy `'none'`, and in a commit context; else as {@link seek}.
   */
  async resetPartitionOffset(partition: At, options: CallOptions = {}): Promise<number> {
    const what = 'resetPartitionOffset()';
    this.#source.check(partition, what);
    return this.#within(what, options, bounds => this.#moving.reset(partition, what, bounds));
  }

  /**
   * Goes to the offsets that are stored for the group: position and done stand there, and what was fetched ahead is dropped. Partitions without
   * one stay where they are.
   * @throws KafkaError `TIDE_STATE` without a `groupId` and in a commit context; else as {@link seek}. Nothing is moved then.
   */
  async fetchLastKnownOffsets(partitions?: readonly At[], options: CallOptions = {}): Promise<void> {
    const what = 'fetchLastKnownOffsets()';
    this.#moving.check(partitions, what);
    return this.#within(what, options, bounds => this.#moving.toStored(partitions, what, bounds));
  }

  /**
   * How many messages wait in these partitions, or in all: from the position to the end of the log. Gaps are counted as messages.
   * @throws KafkaError as {@link seek}.
   */
  async pending(partitions?: readonly At[], options: CallOptions = {}): Promise<number> {
    const what = 'pending()';
    this.#moving.check(partitions, what);
    return this.#within(what, options, async bounds => {
      await this.#core.prepare(what, bounds.signal);
      const asked = this.#moving.chosen(partitions, what);
      this.#core.assertPlaced(asked);
      const ends = await this.#placing.list(asked, 'latest', bounds);
      return asked.reduce((sum, { position }, i) => sum + Math.max(0, (ends[i] ?? 0) - position), 0);
    });
  }

  /**
   * No messages of these partitions, or of all, are handed out or fetched until {@link resume}.
   * @throws KafkaError `TIDE_STATE` for all before the first read; `TIDE_NOT_OWNED`; `TIDE_INPUT`; `TIDE_CLOSED`. Nothing is changed then.
   */
  pause(partitions?: readonly At[]): void {
    this.#setPaused(partitions, true, 'pause()');
  }

  /** Undoes {@link pause}. Throws as that. */
  resume(partitions?: readonly At[]): void {
    this.#setPaused(partitions, false, 'resume()');
  }

  /** The next offset to hand out; undefined before the first read has found it. */
  position(partition: At): number | undefined {
    const { topic, partition: id } = this.#source.check(partition, 'position()');
    const found = this.#core.partitions.find(known => known.topic === topic && known.partition === id);
    return found?.placed ? found.position : undefined;
  }

  /**
   * The offset Kafka has stored for the group; undefined when there is none.
   * @throws KafkaError `TIDE_STATE` without a `groupId`; else as {@link seek}.
   */
  async committed(partition: At, options: CallOptions = {}): Promise<number | undefined> {
    const what = 'committed()';
    const place = this.#source.check(partition, what);
    return this.#within(what, options, async bounds => {
      this.#core.assertOpen(what);
      const [found] = await this.#stored(what)([place], bounds);
      return found?.offset;
    });
  }

  /**
   * Ends reading: waits for the body that holds a message, commits what is done if that is automatic, and lets go of everything.
   * Calling it again gives the same promise; every other call rejects with `TIDE_CLOSED`.
   * @param options.timeoutMs Longest wait in ms. Default 30,000. `null`: no limit.
   * @throws KafkaError `TIDE_TIMEOUT` when a body or a context held on, with why the last commit failed as its cause; else why that failed. Everything
   * is closed all the same. `TIDE_OPTION`: it is not. `TIDE_STATE` inside of `onAssign`, `onRevoke` or `onLost`, where waiting would be for itself: it is
   * closed as soon as that has come to its end. What a callback threw that is called last.
   */
  close(options: WaitOptions = {}): Promise<void> {
    const name = this.#core.callbacks.inside;
    const closed = this.#closed(options);
    if (name === undefined || !this.#closing.begun) return closed;
    const text = `close(): awaited inside ${name} it would wait for itself; the consumer is closed when ${name} has come to its end: do not await it there`;
    const refused = Promise.reject<void>(new StateError('TIDE_STATE', text));
    for (const each of [refused, closed]) each.catch(() => {}); // whether or not somebody waits for it
    return refused;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #seekTo(at: OffsetSpec, partitions: readonly At[] | undefined, what: string, options: CallOptions): Promise<void> {
    this.#moving.check(partitions, what);
    return this.#within(what, options, bounds => this.#moving.seekTo(at, partitions, what, bounds));
  }

  #closed(options: WaitOptions | undefined): Promise<void> {
    return this.#closing.once(options ?? {}, timeoutMs => this.#close(timeoutMs));
  }

  /** What a kind of consumer has beside the rest comes to its end; for what is not done yet there is so much time. Never rejects. */
  protected async ended(_timeoutMs: number): Promise<void> {}

  async #close(timeoutMs: number): Promise<void> {
    const deadline = this.#client.cluster.deadline(timeoutMs);
    const failure = await this.#core.close(timeoutMs).then(() => undefined, asError);
    const later = await this.#source.close(Math.max(lastCommitMs, deadline.remainingMs())).then(() => undefined, asError);
    await this.ended(Math.max(lastCommitMs, deadline.remainingMs()));
    this.#release();
    if (failure !== undefined || later !== undefined) throw failure ?? later;
  }

  /** As the calls of this class do: `work` has to heed the signal it is given. @throws KafkaError `TIDE_CLOSED`. */
  protected within<T>(what: string, options: CallOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#within(what, options, ({ signal }) => {
      this.#core.assertOpen(what);
      return work(signal);
    });
  }

  /** Does `work`, which has to heed the signal it is given, within what the caller allows. */
  #within<T>(what: string, options: CallOptions, work: (bounds: { readonly signal: AbortSignal }) => Promise<T>): Promise<T> {
    const { signal, timeoutMs } = resolve(what, callRules, options);
    const late = () => new TimeoutError(`${what}: not done within ${timeoutMs} ms (timeoutMs)`, { retriable: true, persistence: 'no' });
    return limited(this.#client.cluster.clock, { ms: timeoutMs, signal, late }, stop => {
      stop.throwIfAborted();
      return work({ signal: stop });
    });
  }

  #mark(given: Markable | At, offset: number | undefined, upTo: boolean, what = upTo ? 'markUpTo()' : 'mark()'): void {
    this.#core.assertNotClosed(what);
    this.#core.assertUnheld(what);
    if (isMarkable(given, offset)) return this.#core.mark(given, upTo, what);
    checkOffset(offset, `${what} of a partition and an offset`);
    this.#core.markOffset(this.#source.find(given, what), offset, upTo, what);
  }

  #stored(what: string): StoredOffsets {
    const { groupId } = this.#settings;
    const store = this.#store;
    if (groupId !== undefined && store !== undefined) return (partitions, bounds) => store.fetch(groupId, partitions, bounds);
    throw new StateError('TIDE_STATE', `${what}: offsets are stored for a group; give the consumer a groupId`);
  }

  #setPaused(partitions: readonly At[] | undefined, paused: boolean, what: string): void {
    this.#core.assertNotClosed(what); // who works on what it holds while close waits may go on as before
    this.#moving.check(partitions, what);
    const chosen = this.#moving.chosen(partitions, what);
    if (partitions === undefined && chosen.length === 0)
      throw new StateError('TIDE_STATE', `${what}: the partitions are not known before the first read`);
    for (const partition of chosen) partition.paused = paused;
    this.#core.moved();
  }
}
