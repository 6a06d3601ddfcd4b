import { asKafkaError, type KafkaError, StateError, TimeoutError } from '../base/errors.js';
import { orAborted } from '../base/wait.js';
import type { Bounds, Cluster } from '../cluster/cluster.js';
import type { TopicInfo } from '../cluster/metadata.js';
import type { AutoCommit } from './auto-commit.js';
import { type CommitTarget, type Committed, Committer } from './committer.js';
import { Contexts } from './contexts.js';
import { Departures } from './departures.js';
import { Fetcher, type FetcherEvents, type FetcherSettings } from './fetcher.js';
import { type CallbackFailure, CallbackRunner, type GroupCallbacks } from './group-callbacks.js';
import { HandOut } from './hand-out.js';
import { heldOn } from './held-on.js';
import { type DroppedMarks, ImpliedMarks } from './implied-marks.js';
import { LastCommits, lastCommitMs } from './last-commits.js';
import { type Markable, type MarkedRange, rangeAt, rangesOf } from './marking.js';
import type { Misplacement } from './misplacement.js';
import { OffsetRefresh, refreshEveryMs } from './offset-refresh.js';
import type { Partition } from './partition.js';
import type { Asking } from './poll-watch.js';
import { Reading } from './reading.js';
import { Seat } from './seat.js';
import type { FindPartition, Session } from './session.js';
import { Shares } from './shares.js';

/**
 * Who says that a message is done. `'loop'`: asking for more means that what came before is done. `'explicit'`: only marks do, which is
 * what work needs that is handed on to queues or read ahead of.
 */
export type Marking = 'loop' | 'explicit';

export interface CoreSettings extends FetcherSettings {
  readonly marking: Marking;
  readonly autoCommit: AutoCommit | undefined;
  /** How long a loop waits for the next item, in ms. */
  readonly iterTimeoutMs: number;
  /** Then it ends, or fails with `TIDE_CONSUMER_TIMEOUT`. */
  readonly idle: 'ends' | 'throws';
  /** Told of partitions that come and go. */
  readonly callbacks?: GroupCallbacks | undefined;
  /** A read fails with `TIDE_NO_DATA` after so many fetches without records, and one more. */
  readonly emptyRetryLimit: number;
}

/** What the kinds of consumers decide for themselves. What they begin ends with `signal`. */
export interface CoreHost extends Pick<FetcherEvents, 'fetched'> {
  /** Finds the partitions and their positions; called once, and again after a failure. */
  prepare(signal: AbortSignal): Promise<void>;
  /** The offset a partition stands at means nothing. Never rejects. */
  outOfRange(partition: Partition, what: Misplacement, signal: AbortSignal): Promise<void>;
  /** Metadata was looked at: partitions may have appeared. Never rejects. */
  looked(topics: ReadonlyMap<string, TopicInfo>, signal: AbortSignal): Promise<void> | undefined;
  commitFailed(error: Error): void;
  callbackFailed(failure: CallbackFailure): void;
  committed(committed: Committed): void;
  /** The reader has asked for more, and what it had in hand is of a partition that is not read any more. */
  marksDropped(marks: DroppedMarks): void;
  /** Where offsets are stored; undefined without a group. */
  readonly target: CommitTarget | undefined;
}

const noCallbacks: GroupCallbacks = { onAssign: undefined, onRevoke: undefined, onLost: undefined };

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
  readonly #lastCommits: LastCommits | undefined;
  readonly #refresh: OffsetRefresh | undefined;
  readonly #handOut: HandOut;
  readonly #seat: Seat;
  readonly #implied: ImpliedMarks;
  readonly callbacks: CallbackRunner;
  #partitions: readonly Partition[] = [];
  /** Under way or done; undefined before, and after a failure. */
  #preparing: Promise<void> | undefined;
  #isPrepared = false;
  #closing: Promise<void> | undefined;
  #shares: Shares | undefined;
  #isStarted = false;
  readonly #contexts: Contexts;
  /** The loops and calls that hand out. */
  readonly reading: Reading;
  /** How partitions go to others. */
  readonly departures: Departures;

  constructor(cluster: Cluster, settings: CoreSettings, host: CoreHost) {
    const partitions = () => this.#partitions;
    const { clock } = cluster;
    const { autoCommit } = settings;
    const { target } = host;
    this.#cluster = cluster;
    this.#settings = settings;
    this.#host = host;
    this.#seat = new Seat(clock);
    this.#implied = new ImpliedMarks(partitions, {
      counted: messages => this.#counted(messages),
      dropped: marks => host.marksDropped(marks),
    });
    this.#fetcher = new Fetcher(cluster, settings, partitions, host);
    this.#handOut = new HandOut(clock, this.#fetcher, partitions);
    this.callbacks = new CallbackRunner(settings.callbacks ?? noCallbacks, failure => {
      host.callbackFailed(failure);
      this.#handOut.failure ??= failure.error;
      this.moved();
    });
    const { signal } = this.#fetcher;
    const failed = (error: Error) => {
      host.commitFailed(error);
      if (!signal.aborted) cluster.passing(asKafkaError(error), 0); // tried again when it is time for the next
    };
    if (target !== undefined) {
      const committer = new Committer({ clock, target, autoCommit, partitions, failed, committed: host.committed, signal });
      const inTurn = (work: () => Promise<void>) => committer.inTurn(work);
      this.#committer = committer;
      this.#lastCommits = new LastCommits({ cluster, committer, autoCommit, signal });
      this.#refresh = new OffsetRefresh({ clock, target, everyMs: refreshEveryMs, partitions, inTurn, failed, signal });
    }
    this.#contexts = new Contexts({
      cluster,
      settings,
      seat: this.#seat,
      committer: this.#committer,
      owner: this,
      partitions,
      markHandedOut: () => this.#markHandedOut(),
      markRanges: ranges => this.#markRanges(ranges),
      ended: hasMoved => {
        if (hasMoved) this.moved();
        this.#seat.released();
      },
    });
    this.departures = new Departures({
      ...{ cluster, partitions, seat: this.#seat, lastCommits: this.#lastCommits },
      session: () => this.#contexts.current,
      takeFromReader: (some, why) => {
        this.reading.withdraw(some);
        if (this.#impliesMarks) this.#implied.gone(some, why);
      },
      assign: left => this.assign(left),
      moved: () => this.moved(),
    });
    this.reading = new Reading({
      ...{ cluster, settings, partitions },
      ...{ seat: this.#seat, handOut: this.#handOut, fetcher: this.#fetcher, callbacks: this.callbacks },
      session: () => this.#contexts.current,
      isPrepared: () => this.#isPrepared,
      prepare: (what, asking) => this.prepare(what, asking),
      assertPlaced: some => this.assertPlaced(some),
      markHandedOut: only => this.#markHandedOut(only),
      putBack: () => this.#putBack(),
      moved: () => this.moved(),
    });
  }

  get partitions(): readonly Partition[] {
    return this.#partitions;
  }

  /** The partitions that are read from now on. */
  assign(partitions: readonly Partition[]): void {
    this.#partitions = partitions;
    this.departures.read(partitions);
    this.#contexts.current?.appeared(partitions);
    this.moved();
  }

  /** The next read prepares anew; it is told of `error` first, if there is one. */
  unprepare(error?: KafkaError): void {
    this.#handOut.failure = error;
    this.#preparing = undefined;
    this.#isPrepared = false;
    this.moved();
  }

  /** How often the reader has asked for more, and whether it waits for that now. */
  get asking(): Asking {
    const { count, waits } = this.reading.asking;
    return { count, waits: waits || this.#shares?.isOpen === true };
  }

  /** Positions changed: fetch, and hand out, accordingly. */
  moved(): void {
    this.#handOut.reset();
    this.#fetcher.arrived.ring();
  }

  /** @throws KafkaError `TIDE_CLOSED` once the consumer is being closed. */
  assertOpen(what: string): void {
    this.#seat.assertOpen(what);
  }

  /** @throws KafkaError `TIDE_CLOSED` once nothing can be said of what was handed out any more. */
  assertNotClosed(what: string): void {
    this.#seat.assertNotClosed(what);
  }

  /** @throws KafkaError why these partitions have no position, when one of them has none. */
  assertPlaced(partitions: readonly Partition[]): void {
    const lost = partitions.find(({ placed, failure }) => !placed && failure !== undefined);
    if (lost?.failure !== undefined) throw lost.failure;
  }

  /** Whether a commit context holds the consumer. */
  get inContext(): boolean {
    return this.#contexts.current !== undefined;
  }

  /** @throws KafkaError `TIDE_STATE` while a commit context holds the consumer. */
  assertNoContext(what: string): void {
    this.#contexts.assertNone(what);
  }

  /** As {@link assertNoContext}, and while shares are worked on. */
  assertUnheld(what: string): void {
    this.#contexts.assertNone(what);
    if (this.#shares?.isOpen)
      throw new StateError('TIDE_STATE', `${what}: run() decides what is handed out and what is done; end it first`);
  }

  /** See {@link Contexts.begin}. */
  beginSession(what: string, find: FindPartition): Session {
    return this.#contexts.begin(what, find);
  }

  /** Takes the reader's place for work on shares, see {@link Shares}. @throws KafkaError `TIDE_STATE`, `TIDE_CLOSED`. */
  openShares(what: string): Shares {
    this.#shares = new Shares(
      {
        seat: this.#seat,
        handOut: this.#handOut,
        fetcher: this.#fetcher,
        partitions: () => this.#partitions,
        prepare: (asking, signal) => this.prepare(asking, signal),
        markHandedOut: () => this.#markHandedOut(),
        advanced: (partition, from, messages) => {
          this.#contexts.current?.advanced(partition, from, messages);
          this.#counted(messages);
        },
        putBack: () => this.#putBack(),
        moved: () => this.moved(),
      },
      what,
    );
    return this.#shares;
  }

  /** Partitions are known after this, and positions where there are any; a failure is thrown, and tried again at the next call. */
  async prepare(what: string, signal?: AbortSignal): Promise<void> {
    this.#seat.assertOpen(what);
    while (!this.#isPrepared) {
      this.callbacks.assertOutside(what);
      this.#handOut.tell();
      this.#preparing ??= this.#begin();
      await orAborted(this.#preparing, signal);
      this.#seat.assertOpen(what);
    }
  }

  /** Prepares once. What {@link unprepare} has overtaken meanwhile prepares nothing: its source may be gone. */
  #begin(): Promise<void> {
    const preparing: Promise<void> = this.#host.prepare(this.#fetcher.signal).then(
      () => {
        if (this.#preparing !== preparing) return;
        this.#isPrepared = true;
        this.#fetcher.start();
        if (this.#isStarted) return;
        this.#isStarted = true;
        this.#committer?.start();
        if (!this.#seat.closing) this.#refresh?.start();
      },
      (error: unknown) => {
        if (this.#preparing !== preparing) return;
        this.#preparing = undefined;
        throw error;
      },
    );
    return preparing;
  }

  /** What was handed out and is not done will be handed out again. */
  rewind(): void {
    this.#seat.assertNotClosed('rewind()');
    this.#putBack();
  }

  /** These messages are done; with `upTo` also everything handed out before them in their partitions. */
  mark(given: Markable, upTo: boolean, what = upTo ? 'markUpTo()' : 'mark()'): void {
    this.#seat.assertNotClosed(what);
    const session = this.#contexts.current;
    if (session === undefined) this.#markRanges(rangesOf(given, upTo, this, what));
    else session.mark(given, upTo, what);
  }

  /** As {@link mark}, by offset. */
  markOffset(partition: Partition, offset: number, upTo: boolean, what: string): void {
    this.#seat.assertNotClosed(what);
    this.#markRanges([rangeAt(partition, offset, upTo, what)]);
  }

  /** Commits `done` of every partition. @throws KafkaError `TIDE_STATE` without a group. */
  async commit(bounds: Bounds): Promise<boolean> {
    this.#seat.assertNotClosed('commit()');
    if (this.#committer === undefined)
      throw new StateError('TIDE_STATE', 'commit(): there is nowhere to commit to; give the consumer a groupId');
    bounds.signal?.throwIfAborted();
    if (!this.#isStarted) return false;
    return this.#committer.commit(bounds);
  }

  /** Resolves when no commit is under way of those that were begun by now. */
  async commitsSettled(): Promise<void> {
    await this.#committer?.settled();
  }

  /** Stores, where commits are automatic, the positions that the policy chose: else a crash under `'latest'` would skip what comes meanwhile. */
  async storePlaces(partitions: readonly Partition[]): Promise<void> {
    if (this.#settings.autoCommit !== undefined && partitions.length > 0) await this.#committer?.commitOnly(partitions);
  }

  /**
   * Stops handing out, waits up to `timeoutMs` for who holds records, commits what is done if that is automatic, and stops fetching.
   * @throws KafkaError `TIDE_TIMEOUT` when somebody held on for too long, and why the last commit failed is its cause; else why that failed.
   * Everything is stopped all the same.
   */
  close(timeoutMs: number): Promise<void> {
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  async #close(timeoutMs: number): Promise<void> {
    const deadline = this.#cluster.deadline(timeoutMs);
    const { marking } = this.#settings;
    const waitsForMarks = () =>
      this.inContext || (marking === 'explicit' && this.#partitions.some(({ outstanding }) => !outstanding.empty));
    const waited = this.#seat.close(timeoutMs, waitsForMarks);
    this.#fetcher.arrived.ring();
    const holder = (await waited) ? undefined : this.#shares?.isOpen ? 'run' : this.inContext ? 'context' : 'reader';
    const refreshed = this.#refresh?.stop();
    const commitFailure = await this.#lastCommit(Math.max(lastCommitMs, deadline.remainingMs()));
    await this.#fetcher.stop();
    await refreshed;
    await this.#preparing?.catch(() => {});
    if (holder !== undefined) throw new TimeoutError(heldOn(holder, timeoutMs), { cause: commitFailure });
    if (commitFailure !== undefined) throw commitFailure;
  }

  /**
   * Before partitions are found for the first time there is nothing to commit, and nothing may begin after this. What is being given up when it
   * closes, because something else is to be read or nobody asks for more, has what is done of it stored too.
   */
  async #lastCommit(timeoutMs: number): Promise<Error | undefined> {
    if (this.#isStarted) return this.#lastCommits?.ofAll(timeoutMs);
    void this.#committer?.stop();
    return undefined;
  }

  /** The reader asks for more: with `marking: 'loop'` what it was given is done. `only`: everything it was given is of this partition. */
  #markHandedOut(only?: Partition): void {
    if (this.#impliesMarks) this.#implied.asked(only);
  }

  get #impliesMarks(): boolean {
    return this.#settings.marking === 'loop' && !this.inContext;
  }

  #counted(messages: number): void {
    if (messages > 0) this.#committer?.count(messages);
  }

  #putBack(): void {
    this.#implied.takenBack();
    for (const partition of this.#partitions) partition.putBack();
    this.moved();
    this.#seat.released();
  }

  #markRanges(ranges: readonly MarkedRange[]): number {
    let count = 0;
    for (const { partition, from, to } of ranges) count += partition.outstanding.mark(from, to);
    this.#counted(count);
    this.#seat.released();
    return count;
  }
}
