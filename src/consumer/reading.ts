import { KafkaError, StateError } from '../base/errors.js';
import type { Cluster } from '../cluster/cluster.js';
import type { AnyMessage } from '../records/index.js';
import { collect, type GetOptions, type Source, wantedBy } from './collect.js';
import type { CoreSettings } from './core.js';
import { EmptyAnswers } from './empty-answers.js';
import type { Fetcher } from './fetcher.js';
import type { CallbackRunner } from './group-callbacks.js';
import type { HandOut } from './hand-out.js';
import { Loop, type LoopHost } from './loop.js';
import { leaseOf } from './marking.js';
import type { AnyBatch } from './message-batch.js';
import type { Partition } from './partition.js';
import type { Asking } from './poll-watch.js';
import type { Seat } from './seat.js';
import type { Session } from './session.js';

/** What reading needs of the core. */
export interface ReadingHost {
  readonly cluster: Cluster;
  readonly settings: Pick<CoreSettings, 'marking' | 'iterTimeoutMs' | 'idle' | 'emptyRetryLimit'>;
  readonly seat: Seat;
  readonly handOut: HandOut;
  readonly fetcher: Fetcher;
  readonly callbacks: CallbackRunner;
  partitions(): readonly Partition[];
  /** Of the context that holds the consumer. */
  session(): Session | undefined;
  isPrepared(): boolean;
  /** Partitions are known after this. Throws why not. */
  prepare(what: string, signal: AbortSignal | undefined): Promise<void>;
  /** @throws KafkaError why these partitions have no position, when one of them has none. */
  assertPlaced(partitions: readonly Partition[]): void;
  /** The reader asks for more. `only`: everything it was given is of this partition. */
  markHandedOut(only?: Partition): void;
  putBack(): void;
  moved(): void;
}

/** The loops and calls by which one reader at a time is handed what was fetched. */
export class Reading {
  readonly #host: ReadingHost;
  readonly #seat: Seat;
  readonly #handOut: HandOut;
  #askCount = 0;
  #isAsking = false;
  /** What the call that is pending has so far. */
  #collected: AnyMessage[] = [];

  constructor(host: ReadingHost) {
    this.#host = host;
    this.#seat = host.seat;
    this.#handOut = host.handOut;
  }

  /** How often the reader has asked for more, and whether it waits for that now. */
  get asking(): Asking {
    return { count: this.#askCount, waits: this.#isAsking };
  }

  /** Partitions whose place is looked for beside reading hold nobody up, and tell by themselves. @throws KafkaError why another has none. */
  #assertReadable(): void {
    const waiting = this.#host.partitions().find(({ placed, placedLater, failure }) => !placed && !placedLater && failure !== undefined);
    if (waiting !== undefined) this.#host.assertPlaced([waiting]);
  }

  messages(signal: AbortSignal | undefined): Loop<AnyMessage> {
    const host = this.#loopHost(partition => partition.take());
    // The fast path: the next message of the batch at hand, without a look around.
    const next = (): AnyMessage | undefined => {
      if (this.#seat.closing) return undefined;
      const source = this.#handOut.ready;
      if (source === undefined) return undefined;
      this.#askCount += 1;
      this.#host.markHandedOut(source);
      return source.takeCurrent();
    };
    return new Loop({ ...host, next }, 'messages()', signal);
  }

  batches(signal: AbortSignal | undefined): Loop<AnyBatch> {
    return new Loop(
      this.#loopHost(partition => partition.takeBatch()),
      'batches()',
      signal,
    );
  }

  /** Up to `count` messages; see the consumers' own description. */
  async getMessages(count: number, options: GetOptions): Promise<AnyMessage[]> {
    const what = 'getMessages()';
    const wanted = wantedBy(count, options, what);
    this.#host.callbacks.assertOutside(what);
    const { signal } = wanted;
    signal?.throwIfAborted();
    const holder = { kind: 'call', what } as const;
    const messages: AnyMessage[] = [];
    const session = this.#host.session();
    this.#seat.take(holder);
    this.#collected = messages;
    this.#askCount += 1;
    this.#isAsking = true;
    try {
      this.#host.markHandedOut();
      this.#seat.released();
      const isOver = () => this.#host.session() !== session || session?.isBroken === true;
      let { timeoutMs } = wanted;
      do {
        await this.#host.prepare(what, signal);
        session?.assertWhole();
        this.#assertReadable();
        const deadline = this.#host.cluster.deadline(timeoutMs);
        await collect(messages, { ...wanted, timeoutMs }, this.#source(what, isOver), what);
        timeoutMs = deadline.remainingMs();
        // What it has waited for was replaced: it waits for what is read now.
      } while (messages.length === 0 && wanted.waitFor > 0 && timeoutMs > 0 && !this.#host.isPrepared());
      session?.assertWhole();
      // What it gave would count as done with the next call, and nobody is there to do it.
      if (isOver()) throw new StateError('TIDE_STATE', `${what}: the commit context it was called in has ended`);
      return messages;
    } catch (error) {
      this.#handBack(messages);
      throw error;
    } finally {
      this.#isAsking = false;
      this.#collected = [];
      this.#seat.free(holder);
    }
  }

  /** Nobody reads these any more: what a call that is pending has of them it does not give. */
  withdraw(partitions: readonly Partition[]): void {
    const messages = this.#collected;
    const isOfThese = (message: AnyMessage) => partitions.some(partition => leaseOf(message)?.partition === partition);
    const withdrawn = messages.filter(isOfThese);
    if (withdrawn.length === 0) return;
    const kept = messages.filter(message => !isOfThese(message));
    messages.length = 0;
    for (const message of kept) messages.push(message);
    this.#handBack(withdrawn);
  }

  #source(what: string, isOver: () => boolean): Source {
    return {
      handOut: this.#handOut,
      empty: this.#emptyAnswers(),
      partitions: () => this.#host.partitions(),
      deadline: timeoutMs => this.#host.cluster.deadline(timeoutMs),
      fetchOnce: () => this.#host.fetcher.once(),
      isClosing: () => this.#seat.closing,
      isOver,
      isReplaced: () => !this.#host.isPrepared(),
      isHurried: this.#isHurried,
      assertOpen: () => this.#seat.assertOpen(what),
    };
  }

  /** A partition that was read from in a commit context is to go to another member: the context is to come to its end. */
  readonly #isHurried = (): boolean => this.#host.session()?.isAwaited === true;

  #emptyAnswers(): EmptyAnswers {
    return new EmptyAnswers(this.#host.settings.emptyRetryLimit, () => this.#host.partitions());
  }

  #loopHost<T>(take: (partition: Partition) => T | undefined): LoopHost<T> {
    return {
      open: holder => {
        this.#host.callbacks.assertOutside(holder.what);
        this.#seat.take(holder);
        this.#host.markHandedOut();
      },
      ask: () => {
        this.#host.markHandedOut();
        this.#seat.bodyHolds(false);
      },
      next: () => undefined,
      wait: async (signal, left, taken) => {
        this.#askCount += 1;
        this.#isAsking = true;
        try {
          return await this.#next(take, signal, left, taken);
        } finally {
          this.#isAsking = false;
        }
      },
      end: (holder, putBack) => {
        // With `'explicit'` what is not done may be in other hands, and stays there.
        if (putBack && this.#host.settings.marking === 'loop' && this.#host.session() === undefined) this.#host.putBack();
        else this.#host.moved();
        this.#seat.free(holder);
      },
    };
  }

  /** The next item of a loop, see {@link LoopHost.wait}. */
  async #next<T>(
    take: (partition: Partition) => T | undefined,
    signal: AbortSignal | undefined,
    left: () => boolean,
    taken: () => void,
  ): Promise<T | undefined> {
    const closing = () => this.#seat.closing;
    const takeAndHold = (partition: Partition) => {
      const item = take(partition);
      if (item !== undefined) {
        this.#seat.bodyHolds(true);
        taken();
      }
      return item;
    };
    const empty = this.#emptyAnswers();
    const isBroken = () => this.#host.session()?.isBroken === true;
    const isReplaced = () => !this.#host.isPrepared();
    const stopped = () => closing() || left() || empty.tooMany || isBroken() || isReplaced();
    let item: T | undefined;
    do {
      try {
        if (isReplaced() && !closing()) await this.#host.prepare('a loop', signal);
      } catch (error) {
        if (closing() || signal?.aborted) return undefined;
        throw error;
      }
      this.#host.session()?.assertWhole();
      this.#assertReadable();
      item = await this.#handOut.wait(takeAndHold, this.#host.settings.iterTimeoutMs, signal, stopped, this.#isHurried);
      if (item !== undefined || closing() || left() || signal?.aborted) return item;
      // What it has waited for was replaced: it waits for what is read now.
    } while (isReplaced());
    this.#host.session()?.assertWhole();
    if (this.#isHurried()) return undefined;
    empty.check('a loop');
    if (this.#host.settings.idle === 'throws') throw nothingCame(this.#host.settings.iterTimeoutMs);
    return undefined;
  }

  /** These were taken for somebody who never got them. */
  #handBack(messages: readonly AnyMessage[]): void {
    const firsts = new Map<Partition, number>();
    for (const message of messages) {
      const lease = leaseOf(message);
      if (lease === undefined || lease !== lease.partition.lease || firsts.has(lease.partition)) continue;
      firsts.set(lease.partition, message.offset);
    }
    for (const [partition, offset] of firsts) partition.handBack(offset);
    this.#host.moved();
    this.#seat.released();
  }
}

/** For a read that has waited for so long. */
export const nothingCame = (timeoutMs: number): KafkaError =>
  new KafkaError('TIDE_CONSUMER_TIMEOUT', `nothing came within ${timeoutMs} ms (consumerTimeoutMs); reading on is fine`, {
    retriable: true,
  });
