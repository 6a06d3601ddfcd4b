import { StateError } from '../base/errors.js';
import { backoffMs } from '../base/retry.js';
import type { Bounds, Cluster } from '../cluster/cluster.js';
import type { AutoCommit } from './auto-commit.js';
import type { Committer } from './committer.js';
import type { MarkedRange } from './marking.js';
import type { Marker } from './message-batch.js';
import type { Partition } from './partition.js';
import type { Seat } from './seat.js';
import { type FindPartition, Session, type SessionEnded, type SessionHost } from './session.js';
import { Settling } from './settling.js';

/** What commit contexts need of the core. */
export interface ContextsHost {
  readonly cluster: Cluster;
  readonly settings: { readonly marking: 'loop' | 'explicit'; readonly autoCommit: AutoCommit | undefined };
  readonly seat: Seat;
  readonly committer: Committer | undefined;
  readonly owner: Marker;
  partitions(): readonly Partition[];
  markHandedOut(): void;
  markRanges(ranges: readonly MarkedRange[]): number;
  /** Partitions may be read again: a context has ended, somewhere else than where they stood, or not. */
  ended(hasMoved: boolean): void;
}

/** The commit contexts of one consumer: one at a time, and how often the same start failed. */
export class Contexts {
  readonly #host: ContextsHost;
  readonly #sessionHost: SessionHost;
  readonly #settling = new Settling();
  #current: Session | undefined;
  /** Where the partitions stood when the last context failed, and how often it did so there. */
  #failed: { readonly starts: ReadonlyMap<Partition, number>; readonly attempts: number } | undefined;

  constructor(host: ContextsHost) {
    this.#host = host;
    const { cluster, seat, owner, partitions, markRanges } = host;
    const policy = { ...cluster.settings.retry, attempts: Number.MAX_SAFE_INTEGER };
    this.#sessionHost = {
      owner,
      partitions,
      markRanges,
      within: timeoutMs => ({ policy, deadline: cluster.deadline(timeoutMs) }),
      assertNotClosed: what => seat.assertNotClosed(what),
      isClosed: () => seat.closed,
      take: holder => seat.takeLast(holder),
      free: holder => seat.free(holder),
      store: (offsets, bounds, via) => this.#committer('commit()').commitAt(offsets, bounds, via),
      settle: (by, bounds) => this.#settle(by, bounds),
      pause: (ms, signal) => cluster.pause(ms, signal).catch(() => {}),
      backoffMs: failures => backoffMs(cluster.settings.retry, failures),
      ended: (session, end) => this.#ended(session, end),
    };
  }

  /** The session of the context that holds the consumer now. */
  get current(): Session | undefined {
    return this.#current;
  }

  /** @throws KafkaError `TIDE_STATE` while a commit context holds the consumer. */
  assertNone(what: string): void {
    if (this.#current === undefined) return;
    throw new StateError(
      'TIDE_STATE',
      `${what}: a commit context is open on this consumer; mark and commit by the context, or end it first`,
    );
  }

  /**
   * Lets a commit context have the consumer: from now on it only hands out. What was handed out before counts as done, as when more is asked for.
   * @throws KafkaError `TIDE_STATE` when somebody reads, another context is open, commits are automatic, there is no group, or marks are
   * awaited; `TIDE_CLOSED`.
   */
  begin(what: string, find: FindPartition): Session {
    const { settings, seat, partitions } = this.#host;
    this.assertNone(what);
    seat.assertFree(what);
    this.#committer(what);
    if (settings.autoCommit !== undefined) {
      throw new StateError('TIDE_STATE', `${what}: this consumer commits automatically; a context needs one with autoCommit: false`);
    }
    if (settings.marking === 'explicit' && partitions().some(({ outstanding }) => !outstanding.empty)) {
      throw new StateError('TIDE_STATE', `${what}: messages that were handed out are not marked; mark them, or rewind, first`);
    }
    this.#host.markHandedOut();
    this.#current = new Session(this.#sessionHost, find, this.#attemptHere());
    return this.#current;
  }

  async #settle(by: object, bounds: Bounds): Promise<number> {
    if (this.#settling.isNeeded(by)) {
      const placed = this.#host.partitions().filter(partition => partition.placed); // others are yet to be placed by what is stored
      const stored = await this.#committer('begin').stored(placed, bounds);
      if (this.#settling.settle(by, placed, stored)) this.#host.ended(true);
    }
    return this.#attemptHere();
  }

  #committer(what: string): Committer {
    const { committer } = this.#host;
    if (committer !== undefined) return committer;
    throw new StateError('TIDE_STATE', `${what}: there is nowhere to commit to; give the consumer a groupId`);
  }

  /** The number of this attempt: more than 1 when the last context failed, and everything stands where it did then. */
  #attemptHere(): number {
    if (this.#failed === undefined) return 1;
    const { starts, attempts } = this.#failed;
    return [...starts].every(([partition, initial]) => partition.position === initial) ? attempts + 1 : 1;
  }

  #ended(session: Session, { hasMoved, starts, doubtful }: SessionEnded): void {
    if (this.#current !== session) return;
    this.#current = undefined;
    for (const [partition, offset] of doubtful) this.#settling.doubt(partition, offset);
    // One that was handed nothing has tried nothing.
    if (starts === undefined) this.#failed = undefined;
    else if (starts.size > 0) this.#failed = { starts, attempts: session.attempt };
    this.#host.ended(hasMoved);
  }
}
