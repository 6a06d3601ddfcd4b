import { asError, InputError, StateError, TimeoutError } from '../base/errors.js';
import { show } from '../base/options.js';
import { orAborted, settledWithin } from '../base/wait.js';
import { checkCount, checkOffset } from '../client/inputs.js';
import type { Bounds, Cluster } from '../cluster/cluster.js';
import type { TopicInfo } from '../cluster/metadata.js';
import { Message, originOf } from '../records/index.js';
import type { AutoCommit } from './auto-commit.js';
import { type CommitTarget, Committer } from './committer.js';
import { Fetcher, type FetcherSettings } from './fetcher.js';
import { HandOut } from './hand-out.js';
import { Loop, type LoopHost } from './loop.js';
import { MessageBatch } from './message-batch.js';
import type { Lease, Partition } from './partition.js';
import { Seat } from './seat.js';

/**
 * Who says that a message is done. `'loop'`: asking for more means that what came before is done. `'explicit'`: only marks do, which is
 * what work needs that is handed on to queues or read ahead of.
 */
export type Marking = 'loop' | 'explicit';

export interface CoreSettings extends FetcherSettings {
  readonly marking: Marking;
  readonly autoCommit: AutoCommit | undefined;
}

/** What the kinds of consumers decide for themselves. */
export interface CoreHost {
  /** Finds the partitions and their positions; called once, and again after a failure. */
  prepare(): Promise<void>;
  /** The offset asked for is not in the log. */
  outOfRange(partition: Partition, requestedOffset: number): void;
  /** Metadata was looked at: partitions may have appeared. */
  looked(topics: ReadonlyMap<string, TopicInfo>): void;
  commitFailed(error: Error): void;
  /** Where offsets are stored; undefined without a group. */
  readonly target: CommitTarget | undefined;
}

/** How {@link ConsumerCore.getMessages} waits. */
export interface GetOptions {
  readonly block?: boolean | number | undefined;
  readonly timeoutMs?: number | null | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What can be marked: one message, several, or a whole batch. */
export type Markable = Message | MessageBatch | Iterable<Message>;

/**
 * What all consumers share: partitions that are fetched, handed out to one reader, marked and committed. It promises that nothing is
 * skipped silently, and that committed <= done <= position.
 */
export class ConsumerCore {
  readonly #cluster: Cluster;
  readonly #settings: CoreSettings;
  readonly #host: CoreHost;
  readonly #fetcher: Fetcher;
  readonly #committer: Committer | undefined;
  readonly #handOut: HandOut;
  readonly #seat: Seat;
  #partitions: readonly Partition[] = [];
  #ready: Promise<void> | undefined;
  #isReady = false;
  #closing: Promise<void> | undefined;

  constructor(cluster: Cluster, settings: CoreSettings, host: CoreHost) {
    const partitions = () => this.#partitions;
    this.#cluster = cluster;
    this.#settings = settings;
    this.#host = host;
    this.#seat = new Seat(cluster.clock);
    this.#fetcher = new Fetcher(cluster, settings, partitions, host);
    this.#handOut = new HandOut(cluster.clock, this.#fetcher, partitions);
    const { autoCommit } = settings;
    const { target } = host;
    const failed = (error: Error) => host.commitFailed(error);
    this.#committer = target === undefined ? undefined : new Committer({ clock: cluster.clock, target, autoCommit, partitions, failed });
  }

  get partitions(): readonly Partition[] {
    return this.#partitions;
  }

  /** The partitions that are read from now on. */
  assign(partitions: readonly Partition[]): void {
    this.#partitions = partitions;
    this.#handOut.reset();
  }

  /** Positions changed: fetch accordingly. */
  moved(): void {
    this.#handOut.reset();
    this.#fetcher.arrived.ring();
  }

  /** Partitions and positions are known after this; a failure is thrown, and tried again at the next call. */
  async prepare(what: string, signal?: AbortSignal): Promise<void> {
    this.#seat.assertOpen(what);
    if (this.#isReady) return;
    this.#ready ??= this.#host.prepare().then(
      () => {
        this.#isReady = true;
        this.#fetcher.start();
        this.#committer?.start();
      },
      (error: unknown) => {
        this.#ready = undefined;
        throw error;
      },
    );
    await orAborted(this.#ready, signal);
    this.#seat.assertOpen(what);
  }

  messages(signal: AbortSignal | undefined): Loop<Message> {
    const host = this.#loopHost(partition => partition.take());
    // The fast path: the next message of the batch at hand, without a look around.
    const next = (): Message | undefined => {
      if (this.#seat.closing) return undefined;
      const source = this.#handOut.ready;
      if (source === undefined || source.paused || !source.midBatch) return undefined;
      this.#markHandedOut(source);
      return source.takeCurrent();
    };
    return new Loop({ ...host, next }, 'messages()', signal);
  }

  batches(signal: AbortSignal | undefined): Loop<MessageBatch> {
    return new Loop(
      this.#loopHost(partition => partition.takeBatch()),
      'batches()',
      signal,
    );
  }

  /** Up to `count` messages; see the consumers' own description. */
  async getMessages(count: number, options: GetOptions): Promise<Message[]> {
    const what = 'getMessages()';
    checkCount(count, what);
    const { block = true, timeoutMs = 100, signal } = options;
    if (typeof block !== 'boolean') checkCount(block, `${what} block`, 0);
    signal?.throwIfAborted();
    const holder = { kind: 'call', what } as const;
    this.#seat.take(holder);
    try {
      this.#markHandedOut();
      await this.prepare(what, signal);
      return await this.#collect(count, block, timeoutMs ?? Number.POSITIVE_INFINITY, signal);
    } catch (error) {
      this.#putBack();
      throw error;
    } finally {
      this.#seat.free(holder);
    }
  }

  /** What was handed out and is not done will be handed out again. */
  rewind(): void {
    this.#seat.assertOpen('rewind()');
    for (const partition of this.#partitions) partition.putBack();
    this.moved();
  }

  /** These messages are done; with `upTo` also everything handed out before them in their partitions. */
  mark(given: Markable, upTo: boolean): void {
    const what = upTo ? 'markUpTo()' : 'mark()';
    this.#seat.assertOpen(what);
    const messages = given instanceof Message ? [given] : given instanceof MessageBatch ? ends(given) : [...checkMessages(given, what)];
    const leases = messages.map(message => this.#leaseOf(message, what));
    if (given instanceof MessageBatch) {
      const [lease] = leases;
      if (lease !== undefined) this.#markRange(lease.partition, upTo ? 0 : given.firstOffset, given.lastOffset);
      return;
    }
    for (const [i, { offset }] of messages.entries()) {
      const lease = leases[i];
      if (lease !== undefined) this.#markRange(lease.partition, upTo ? 0 : offset, offset);
    }
  }

  /** As {@link mark}, by offset. */
  markOffset(partition: Partition, offset: number, upTo: boolean): void {
    const what = `${upTo ? 'markUpTo' : 'mark'} ${partition.topic}/${partition.partition} offset ${String(offset)}`;
    this.#seat.assertOpen(what);
    checkOffset(offset, what);
    if (offset < partition.first || offset >= partition.position) {
      throw new InputError(
        `${what}: only offsets that were handed out can be marked, here from ${partition.first} to below ${partition.position}`,
      );
    }
    if (offset >= partition.done && !partition.outstanding.knows(offset)) throw new InputError(`${what}: there is no such message`);
    this.#markRange(partition, upTo ? 0 : offset, offset);
  }

  /** Commits `done` of every partition. @throws KafkaError `TIDE_STATE` without a group. */
  async commit(bounds: Bounds): Promise<boolean> {
    this.#seat.assertOpen('commit()');
    if (this.#committer === undefined)
      throw new StateError('TIDE_STATE', 'commit(): there is nowhere to commit to; give the consumer a groupId');
    if (!this.#isReady) return false;
    return this.#committer.commit(bounds);
  }

  /**
   * Stops handing out, waits up to `timeoutMs` for who holds records, commits what is done if that is automatic, and stops fetching.
   * @throws KafkaError `TIDE_TIMEOUT` when a body held its item for too long, or why the last commit failed; everything is stopped all the same.
   */
  close(timeoutMs: number): Promise<void> {
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  async #close(timeoutMs: number): Promise<void> {
    const { clock } = this.#cluster;
    const deadline = this.#cluster.deadline(timeoutMs);
    const { marking, autoCommit } = this.#settings;
    const waitsForMarks = () => marking === 'explicit' && this.#partitions.some(({ outstanding }) => !outstanding.empty);
    const waited = this.#seat.close(timeoutMs, waitsForMarks);
    this.#fetcher.arrived.ring();
    const inTime = await waited;
    let failure: Error | undefined;
    if (!inTime) {
      failure = new TimeoutError(
        `close(): a loop's body, or messages to be marked, held on for ${timeoutMs} ms (timeoutMs). What they hold is not done and comes again. ` +
          'If close() is awaited inside the body it waits for itself: break first, or do not await it there.',
      );
    }
    await this.#committer?.stop();
    if (autoCommit !== undefined && this.#isReady && this.#committer !== undefined) {
      const last = this.#committer.commit({ deadline });
      last.catch((error: unknown) => {
        failure ??= asError(error);
      });
      if (!(await settledWithin(clock, last, Math.max(1000, deadline.remainingMs())))) {
        failure ??= new TimeoutError(`close(): the last commit got no answer within ${timeoutMs} ms (timeoutMs)`, { persistence: 'maybe' });
      }
    }
    await this.#fetcher.stop();
    if (failure !== undefined) throw failure;
  }

  async #collect(count: number, block: boolean | number, timeoutMs: number, signal: AbortSignal | undefined): Promise<Message[]> {
    const take = (partition: Partition) => partition.take();
    const closing = () => this.#seat.closing;
    const wanted = block === true ? count : block === false ? 0 : Math.min(block, count);
    const deadline = this.#cluster.deadline(timeoutMs);
    const messages: Message[] = [];
    while (messages.length < count) {
      let message = this.#handOut.ready?.takeCurrent() ?? this.#handOut.take(take);
      if (message === undefined) {
        // Enough is there, or nobody wants to wait: one fetch that does not wait is all that is left to try.
        if (messages.length >= wanted && (wanted > 0 || messages.length > 0)) break;
        if (wanted === 0) await this.#fetcher.once();
        message = await this.#handOut.wait(take, wanted === 0 ? 0 : deadline.remainingMs(), signal, closing);
      }
      signal?.throwIfAborted();
      this.#seat.assertOpen('getMessages()');
      if (message === undefined) break;
      messages.push(message);
    }
    return messages;
  }

  #loopHost<T>(take: (partition: Partition) => T | undefined): LoopHost<T> {
    const closing = () => this.#seat.closing;
    return {
      open: holder => {
        this.#seat.take(holder);
        this.#markHandedOut();
      },
      ask: () => {
        this.#markHandedOut();
        this.#seat.bodyHolds(false);
      },
      next: () => undefined,
      wait: async signal => {
        if (!this.#isReady && !closing()) await this.prepare('a loop', signal);
        const item = await this.#handOut.wait(take, Number.POSITIVE_INFINITY, signal, closing);
        if (item !== undefined) this.#seat.bodyHolds(true);
        return item;
      },
      end: (holder, putBack) => {
        if (putBack) this.#putBack();
        this.#seat.free(holder);
      },
    };
  }

  /** The reader asks for more: with `marking: 'loop'` what it was given is done. `only`: everything it was given is of this partition. */
  #markHandedOut(only?: Partition): void {
    if (this.#settings.marking !== 'loop') return;
    if (only !== undefined) return this.#counted(only.outstanding.markAll());
    let count = 0;
    for (const partition of this.#partitions) count += partition.outstanding.markAll();
    this.#counted(count);
  }

  #counted(messages: number): void {
    if (messages > 0) this.#committer?.count(messages);
  }

  /** Leaving takes back what is not done; with `'explicit'` it may be in other hands, and stays there. */
  #putBack(): void {
    if (this.#settings.marking !== 'loop') return;
    for (const partition of this.#partitions) partition.putBack();
    this.moved();
  }

  #markRange(partition: Partition, from: number, to: number): void {
    this.#counted(partition.outstanding.mark(from, to));
    this.#seat.released();
  }

  #leaseOf(message: Message, what: string): Lease | undefined {
    const lease = originOf(message) as Lease | undefined;
    const context = { topic: message.topic, partition: message.partition, offset: message.offset };
    const where = `${what} ${message.topic}/${message.partition} offset ${message.offset}`;
    if (lease?.owner !== this) throw new StateError('TIDE_NOT_OWNED', `${where}: this consumer did not hand that message out`, { context });
    const { partition } = lease;
    if (lease.epoch === partition.epoch && message.offset < partition.done) return undefined; // done already
    if (lease === partition.lease) return lease;
    throw new StateError(
      'TIDE_STALE',
      `${where}: the message was taken back by a seek, a rewind, or by leaving its loop; its offset is handed out again`,
      {
        context,
      },
    );
  }
}

const ends = (batch: MessageBatch): Message[] => {
  const last = batch.at(batch.count - 1);
  return last === undefined ? [] : [last];
};

function checkMessages(given: unknown, what: string): Iterable<Message> {
  if (typeof given === 'object' && given !== null && Symbol.iterator in given) {
    const messages = [...(given as Iterable<unknown>)];
    if (messages.every(message => message instanceof Message)) return messages;
  }
  throw new InputError(`${what}: expected a message, a list of messages, a batch, or a partition and an offset, got ${show(given)}`);
}
