import { linked } from '../base/abort.js';
import type { Clock, Deadline, Timer } from '../base/clock.js';
import { asError, PartialError, StateError, TimeoutError } from '../base/errors.js';
import { limited, orAborted } from '../base/wait.js';
import type { CommitResult, GroupOffset } from '../client/offset-store.js';
import type { Bounds } from '../cluster/cluster.js';
import type { ForPartition } from '../cluster/scatter.js';
import type { TransactionGroup } from '../producer/index.js';
import type { AutoCommit } from './auto-commit.js';
import type { Partition } from './partition.js';
import type { StoredOffset, StoreVia } from './session.js';

/** Where offsets are stored: a group's standing. */
export interface CommitTarget {
  commit(offsets: readonly GroupOffset[], bounds: Bounds): Promise<void>;
  /** What is stored for each; undefined where nothing is. */
  fetch(partitions: readonly ForPartition[], bounds: Bounds): Promise<readonly (GroupOffset | undefined)[]>;
  /** Whether the group's offsets are forgotten by time alone, also while this consumer is there. */
  forgets(bounds: Bounds): Promise<boolean>;
  /**
   * In whose name a transaction may store these offsets.
   * @throws KafkaError `TIDE_GROUP_IN_USE`; why that could not be found out; that one of the topics is not there any more.
   */
  forTransaction(offsets: readonly GroupOffset[], bounds: Bounds): Promise<TransactionGroup>;
  /** What it comes to that a transaction could not store offsets in that name. */
  refusedTransaction(error: unknown, group: TransactionGroup): unknown;
}

/** Offsets that Kafka has stored. */
export interface Committed {
  /** The next offset to read of each partition. */
  readonly offsets: readonly GroupOffset[];
  /** From asking to the answer, in ms. */
  readonly durationMs: number;
}

export interface CommitterSettings {
  readonly clock: Clock;
  readonly target: CommitTarget;
  /** Undefined: only when asked. */
  readonly autoCommit: AutoCommit | undefined;
  readonly partitions: () => readonly Partition[];
  /** An automatic commit failed; the next trigger tries again. */
  readonly failed: (error: Error) => void;
  /** Told of what was stored, whoever asked for it. */
  readonly committed: (committed: Committed) => void;
  /** Ends what is under way when nobody waits for it any more. */
  readonly signal: AbortSignal;
}

/**
 * Commits `done` of every partition, and nothing else; one commit at a time. Who asks while one is on its way shares the next.
 */
export class Committer {
  readonly #settings: CommitterSettings;
  /** What was begun and has not ended, all together; undefined when there is nothing. */
  #running: Promise<unknown> | undefined;
  #waiting: Promise<boolean> | undefined;
  #doneCount = 0;
  #timer: Timer | undefined;
  /** An automatic commit is under way. */
  #automatic = false;
  #stopped = false;

  constructor(settings: CommitterSettings) {
    this.#settings = settings;
  }

  /** Starts the clock of the automatic commits. */
  start(): void {
    this.#reset();
  }

  /** So many more messages are done. */
  count(messages: number): void {
    this.#doneCount += messages;
    const { autoCommit } = this.#settings;
    if (autoCommit !== undefined && this.#doneCount >= autoCommit.everyN) this.#auto();
  }

  /**
   * Commits what is done now. Resolves true when Kafka has stored something, false when there was nothing new.
   * @throws KafkaError why it was not stored, with a result for each partition where some were; the signal's reason when aborted.
   */
  commit(bounds: Bounds = {}): Promise<boolean> {
    const shared = bounds.signal === undefined && bounds.deadline === undefined;
    if (shared && this.#waiting !== undefined) return this.#waiting;
    const next = this.#next(() => {
      if (this.#waiting === next) this.#waiting = undefined;
      this.#reset();
      return this.#commit(this.#settings.partitions(), bounds);
    }, bounds);
    if (shared) this.#waiting = next;
    return next;
  }

  /** Commits where these partitions stand, and nothing else; a partition that has been moved when its turn comes is left out. Throws as {@link commit}. */
  commitOnly(partitions: readonly Partition[], bounds: Bounds = {}): Promise<boolean> {
    const epochs = new Map(partitions.map(partition => [partition, partition.epoch]));
    const unmoved = () => partitions.filter(partition => partition.epoch === epochs.get(partition));
    return this.#next(() => this.#commit(unmoved(), bounds), bounds);
  }

  /** Commits these offsets, whatever counts as done. Throws as {@link commit}, or as `via`. */
  commitAt(offsets: readonly StoredOffset[], bounds: Bounds, via?: StoreVia): Promise<boolean> {
    return this.#next(() => this.#store(offsets, bounds, via), bounds);
  }

  /** What is stored for each; undefined where nothing is. */
  stored(partitions: readonly Partition[], bounds: Bounds): Promise<readonly (GroupOffset | undefined)[]> {
    return this.#settings.target.fetch(partitions, bounds);
  }

  /** Runs `work`, which commits by itself, when no commit is under way: none begins before it has ended. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#next(work, {});
  }

  /** Resolves when none runs of those that were begun by now. */
  async settled(): Promise<void> {
    await this.#running;
  }

  /** No automatic commit from now on; resolves when none runs. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  /** Runs `work` after everything that was begun before, or not at all when that takes too long. */
  #next<T>(work: () => Promise<T>, { signal, deadline }: Bounds): Promise<T> {
    const before = this.#running;
    const next = this.#turn(before, signal, deadline).then(work);
    const running = next.then(ignored, ignored).then(() => before); // who gave up its turn does not let others pass
    this.#running = running;
    void running.then(() => {
      if (this.#running === running) this.#running = undefined;
    });
    return orAborted(next, signal);
  }

  /** Resolves when `before` has. Mostly there is nothing to wait for, and then neither timer nor listener is worth their cost. */
  async #turn(before: Promise<unknown> | undefined, signal: AbortSignal | undefined, deadline: Deadline | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (before === undefined) return;
    const ms = deadline?.remainingMs() ?? Number.POSITIVE_INFINITY;
    await limited(this.#settings.clock, { ms, signal, late: waitedInVain }, stop => orAborted(before, stop));
  }

  async #commit(partitions: readonly Partition[], bounds: Bounds): Promise<boolean> {
    const due = partitions
      .filter(({ placed, gone }) => placed && gone === undefined) // the group does not know whose it is: it would store what another has passed
      .map(partition => ({ partition, offset: Math.min(partition.done, partition.keepFrom) }))
      .filter(({ partition: { committed, unsure }, offset }) => unsure || offset !== committed);
    return due.length === 0 ? false : this.#store(due, bounds);
  }

  async #store(due: readonly StoredOffset[], bounds: Bounds, via?: StoreVia): Promise<boolean> {
    const offsets = due.map(({ partition: { topic, partition, topicId, epochs }, offset }) => {
      return { topic, partition, topicId, offset, leaderEpoch: epochs.before(offset) };
    });
    const { target, signal, clock, committed } = this.#settings;
    const startedAt = clock.now();
    const doubts = due.map(({ partition }) => partition.doubts);
    const stored = (i: number): void => {
      const entry = due[i];
      if (entry === undefined) return;
      entry.partition.committed = entry.offset;
      if (entry.partition.doubts === doubts[i]) entry.partition.unsure = false; // else it was rolled back meanwhile, and that is to be stated
    };
    const both = linked(bounds.signal, signal);
    try {
      const bounded = { ...bounds, signal: both.signal };
      assertRead(due); // it has had to wait for its turn
      if (via === undefined) await target.commit(offsets, bounded);
      else {
        const group = await target.forTransaction(offsets, bounded);
        assertRead(due); // the group may have been divided anew meanwhile
        await via(group, offsets, bounded).catch((error: unknown) => {
          throw target.refusedTransaction(error, group);
        });
      }
    } catch (error) {
      // Stored or not: only another commit makes sure, except where the answer said so.
      for (const { partition } of due) partition.committed = undefined;
      if (error instanceof PartialError) {
        for (const [i, result] of (error as PartialError<CommitResult>).results.entries()) {
          if (result.error === undefined) stored(i);
        }
        const taken = (error as PartialError<CommitResult>).results.flatMap((result, i) =>
          result.error === undefined ? (offsets[i] ?? []) : [],
        );
        if (taken.length > 0) committed({ offsets: taken, durationMs: clock.now() - startedAt });
      }
      throw error;
    } finally {
      both.unlink();
    }
    for (const i of due.keys()) stored(i);
    committed({ offsets, durationMs: clock.now() - startedAt });
    return true;
  }

  #auto(): void {
    if (this.#automatic || this.#stopped) return;
    this.#automatic = true;
    this.commit()
      .catch((error: unknown) => this.#settings.failed(asError(error)))
      .finally(() => {
        this.#automatic = false;
        this.count(0); // as many again may have become done meanwhile
      });
  }

  /** Any commit, also one by hand, starts count and time anew. */
  #reset(): void {
    this.#doneCount = 0;
    this.#timer?.cancel();
    const { autoCommit, clock } = this.#settings;
    if (autoCommit === undefined || this.#stopped) return;
    this.#timer = clock.after(
      autoCommit.everyMs,
      () => {
        this.#reset();
        this.#auto();
      },
      true,
    );
  }
}

/** @throws KafkaError `TIDE_PARTITION_LOST` when one of these went to another member. */
function assertRead(due: readonly StoredOffset[]): void {
  const lost = due.find(({ partition }) => partition.gone !== undefined)?.partition;
  if (lost === undefined) return;
  const { topic, partition, gone } = lost;
  throw new StateError('TIDE_PARTITION_LOST', `commit ${topic}/${partition}: ${gone}`, {
    persistence: 'no',
    context: { topic, partition },
  });
}

const ignored = (): void => {};

const waitedInVain = (): TimeoutError =>
  new TimeoutError('commit: the commit before it took all the time there was; this one was not sent', {
    retriable: true,
    persistence: 'no',
  });
