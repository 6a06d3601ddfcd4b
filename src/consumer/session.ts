import { StateError } from '../base/errors.js';
import type { GroupOffset } from '../client/offset-store.js';
import type { Bounds } from '../cluster/cluster.js';
import type { TransactionGroup } from '../producer/index.js';
import { type Markable, type MarkedRange, noSuchMessage, rangeAt, rangesOf } from './marking.js';
import type { Marker } from './message-batch.js';
import type { Partition } from './partition.js';
import type { Holder } from './seat.js';

/** An offset to be stored for a partition. */
export interface StoredOffset {
  readonly partition: Partition;
  readonly offset: number;
}

/** Stores offsets in another way than by a plain commit: as part of a transaction. */
export type StoreVia = (group: TransactionGroup, offsets: readonly GroupOffset[], bounds: Bounds) => Promise<void>;

/** How a context ended for its partitions. */
export interface SessionEnd {
  /** Whether a partition stands at its high-water mark from now on; else where it began. */
  readonly keeps: (partition: Partition) => boolean;
  /** Whether Kafka may hold more than it is known to: then the next commit states what is true. */
  readonly unsure: boolean;
  /** Whether beginning again at the same places is another attempt. */
  readonly failed: boolean;
}

/** A partition of which something was handed out in a context. */
export interface Touched {
  readonly partition: Partition;
  /** Where it stood when the context began, or where the policy, or a seek, put it since. */
  readonly initial: number;
  /** The end of what is marked without a hole; undefined when the first message is not. */
  readonly highWaterMark: number | undefined;
}

/** What a session needs of the consumer's core. */
export interface SessionHost {
  readonly owner: Marker;
  partitions(): readonly Partition[];
  markRanges(ranges: readonly MarkedRange[]): number;
  within(timeoutMs: number): Bounds;
  assertNotClosed(what: string): void;
  /** Nothing can be committed any more. */
  isClosed(): boolean;
  take(holder: Holder): void;
  free(holder: Holder): void;
  store(offsets: readonly StoredOffset[], bounds: Bounds, via: StoreVia | undefined): Promise<boolean>;
  /** See {@link Session.settle}; gives which attempt this is. */
  settle(by: object, bounds: Bounds): Promise<number>;
  /** Resolves after `ms`, or sooner when the signal is aborted or the client closed. */
  pause(ms: number, signal?: AbortSignal): Promise<void>;
  /** How long to wait before what failed so often is tried again. */
  backoffMs(failures: number): number;
  /** The session is over. */
  ended(session: Session, end: SessionEnded): void;
}

/** What a session leaves behind. */
export interface SessionEnded {
  /** Whether a partition stands elsewhere now. */
  readonly hasMoved: boolean;
  /** Where what was touched began, when the session failed. */
  readonly starts: ReadonlyMap<Partition, number> | undefined;
  /** Offsets that may have been stored although partitions were put back. */
  readonly doubtful: ReadonlyMap<Partition, number>;
}

/** One partition, where there is more than one topic with its topic. */
export interface Place {
  readonly topic?: string | undefined;
  readonly partition: number;
}

/** The partition of this consumer that is meant; throws when there is none. */
export type FindPartition = (where: Place, what: string) => Partition;

/** What was marked of a partition in one of its epochs: what was marked before it was moved does not count any more. */
interface Marked {
  readonly epoch: number;
  lowest: number;
}

/**
 * A commit context's hold on a consumer: where each partition stood, and what was marked since. The consumer only hands out meanwhile:
 * reading marks nothing, leaving a loop puts nothing back.
 */
export class Session {
  readonly #host: SessionHost;
  readonly #find: FindPartition;
  readonly #marked = new Map<Partition, Marked>();
  #holder: Holder | undefined;
  #markedCount = 0;
  #loss: StateError | undefined;
  #attempt: number;

  constructor(host: SessionHost, find: FindPartition, attempt: number) {
    this.#host = host;
    this.#find = find;
    this.#attempt = attempt;
    this.appeared(host.partitions());
  }

  /** These are read too from now on. */
  appeared(partitions: readonly Partition[]): void {
    for (const partition of partitions) partition.keepFrom = Math.min(partition.keepFrom, partition.position);
  }

  /** Resolves after `ms`, or sooner when the signal is aborted or the client closed. */
  pause(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#host.pause(ms, signal);
  }

  /** How long to wait before what failed so often is tried again. */
  backoffMs(failures: number): number {
    return this.#host.backoffMs(failures);
  }

  /** How often this start was tried, this time included. */
  get attempt(): number {
    return this.#attempt;
  }

  get markedCount(): number {
    return this.#markedCount;
  }

  /** Marks what was handed out. Throws as the consumer's own `mark`. */
  mark(given: Markable, upTo: boolean, what: string): void {
    this.#mark(rangesOf(given, upTo, this.#host.owner, what));
  }

  /** As {@link mark}, by offset. */
  markAt(where: Place, offset: number, upTo: boolean, what: string): void {
    const partition = this.#find(where, what);
    const range = rangeAt(partition, offset, upTo, what);
    // Nothing below the first message that is not done was marked here, and so nothing was handed out there.
    const isBelow = offset >= partition.keepFrom && offset < partition.done;
    if (isBelow && this.highWaterMark(partition) === undefined) throw noSuchMessage(partition, offset, what);
    this.#mark([range]);
  }

  /** Every partition that was touched since the session began. */
  touched(): readonly Touched[] {
    const touched: Touched[] = [];
    for (const partition of this.#host.partitions()) {
      if (isTouched(partition)) touched.push({ partition, initial: partition.keepFrom, highWaterMark: this.highWaterMark(partition) });
    }
    return touched;
  }

  highWaterMark(partition: Partition): number | undefined {
    const marked = this.#marked.get(partition);
    return marked !== undefined && marked.epoch === partition.epoch && marked.lowest < partition.done ? partition.done : undefined;
  }

  /** Whether nothing was read yet, and so no partition is known. */
  get isUnread(): boolean {
    return this.#host.partitions().length === 0;
  }

  partition(where: Place, what: string): Partition {
    return this.#find(where, what);
  }

  /** @throws KafkaError `TIDE_CLOSED`. */
  assertNotClosed(what: string): void {
    this.#host.assertNotClosed(what);
  }

  get isClosed(): boolean {
    return this.#host.isClosed();
  }

  /** Bounds for a commit: as many attempts as fit into `timeoutMs`. */
  within(timeoutMs: number): Bounds {
    return this.#host.within(timeoutMs);
  }

  /** Lets nobody read from now on. @throws KafkaError `TIDE_STATE` while a loop is open. */
  stop(what: string): void {
    if (this.#holder !== undefined) return;
    const holder = { kind: 'call', what } as const;
    this.#host.take(holder);
    this.#holder = holder;
  }

  /** These are not read any more: what was read of them is nobody's here, and so the context can only be rolled back. */
  lost(partitions: readonly Partition[]): void {
    const touched = partitions.find(isTouched);
    if (touched === undefined) return;
    const { topic, partition, gone } = touched;
    this.#loss ??= new StateError('TIDE_PARTITION_LOST', `a commit context: ${topic}/${partition}: ${gone}; roll it back`, {
      persistence: 'no',
      context: { topic, partition },
    });
  }

  /** Whether something of one of these was handed out since the session began. */
  touches(partitions: readonly Partition[]): boolean {
    return partitions.some(isTouched);
  }

  /** Whether a partition waits for the end of the session before it goes to another member: who reads is not to wait for more. */
  get isAwaited(): boolean {
    return this.#host.partitions().some(partition => partition.leaving && isTouched(partition));
  }

  /** Whether something of it was lost. */
  get isBroken(): boolean {
    return this.#loss !== undefined;
  }

  /** @throws KafkaError `TIDE_PARTITION_LOST` when something of it was lost. */
  assertWhole(): void {
    if (this.#loss !== undefined) throw this.#loss;
  }

  /** Lets others read again after {@link stop}. */
  resume(): void {
    if (this.#holder !== undefined) this.#host.free(this.#holder);
    this.#holder = undefined;
  }

  /**
   * A transaction of `by` has begun, and so all others of its id have ended: partitions go to what is stored for them, where that is news.
   * @throws KafkaError why stored offsets could not be had.
   */
  async settle(by: object, bounds: Bounds): Promise<void> {
    this.#attempt = await this.#host.settle(by, bounds);
  }

  /**
   * Stores the high-water marks, all in one request; true when Kafka stored something, false when there was nothing to store. What an
   * earlier commit left unsure is stated as well.
   * @param via How, instead of by a plain commit.
   */
  store(bounds: Bounds, via?: StoreVia): Promise<boolean> {
    if (this.#loss !== undefined) return Promise.reject(this.#loss);
    const due: StoredOffset[] = [];
    for (const partition of this.#host.partitions()) {
      const { unsure, committed, keepFrom: initial } = partition;
      const highWaterMark = this.highWaterMark(partition);
      if (unsure) due.push({ partition, offset: highWaterMark ?? initial });
      else if (highWaterMark !== undefined && highWaterMark !== committed) due.push({ partition, offset: highWaterMark });
    }
    return due.length === 0 ? Promise.resolve(false) : this.#host.store(due, bounds, via);
  }

  /** The session is over, and leaves nothing outstanding. Gives what was touched, as it was before. */
  end({ keeps, unsure, failed }: SessionEnd): readonly Touched[] {
    const touched = this.touched();
    let hasMoved = false;
    const doubtful = new Map<Partition, number>();
    for (const { partition, initial, highWaterMark } of touched) {
      const { lease } = partition;
      const isKept = keeps(partition);
      if (isKept) partition.standAt(highWaterMark ?? initial);
      else partition.returnTo(initial);
      if (unsure && highWaterMark !== undefined) {
        partition.doubt();
        if (!isKept) doubtful.set(partition, highWaterMark);
      }
      hasMoved ||= partition.lease !== lease;
    }
    for (const partition of this.#host.partitions()) partition.keepFrom = Number.POSITIVE_INFINITY;
    if (this.#holder !== undefined) this.#host.free(this.#holder);
    const starts = failed ? new Map(touched.map(({ partition, initial }) => [partition, initial])) : undefined;
    this.#host.ended(this, { hasMoved, starts, doubtful });
    return touched;
  }

  /** Everything of `partition` from offset `from` to where its `done` is now was marked, `count` messages, by who works on shares. */
  advanced(partition: Partition, from: number, count: number): void {
    this.#note(partition, from);
    this.#markedCount += count;
  }

  #note(partition: Partition, from: number): void {
    const { epoch } = partition;
    const lowest = Math.max(from, partition.keepFrom);
    const marked = this.#marked.get(partition);
    if (marked === undefined || marked.epoch !== epoch) this.#marked.set(partition, { epoch, lowest });
    else marked.lowest = Math.min(marked.lowest, lowest);
  }

  #mark(ranges: readonly MarkedRange[]): void {
    for (const { partition, from, to } of ranges) {
      if (to < partition.done) continue; // done before: it says nothing of what is not
      this.#note(partition, from);
    }
    this.#markedCount += this.#host.markRanges(ranges);
  }
}

/** Whether something of it was handed out since the session it is in began. */
const isTouched = ({ placed, position, keepFrom, outstanding }: Partition): boolean =>
  placed && !(position === keepFrom && outstanding.empty);

/** How contexts find the sessions of every kind of consumer, without being part of what users see. */
const hosts = new WeakMap<object, (what: string) => Session>();

/** `consumer` can be used with commit contexts: `begin` starts a session, or throws why not. */
export function offerSessions(consumer: object, begin: (what: string) => Session): void {
  hosts.set(consumer, begin);
}

/** Begins a session of `consumer`; undefined for what is no consumer. */
export const beginSession = (consumer: object, what: string): Session | undefined => hosts.get(consumer)?.(what);
