import type { Bell } from '../base/wait.js';
import type { Fetcher } from './fetcher.js';
import type { HandOut } from './hand-out.js';
import type { Partition, RawShare } from './partition.js';
import type { Holder, Seat } from './seat.js';

/** What work on shares needs of the core. */
export interface SharesHost {
  readonly seat: Seat;
  readonly handOut: HandOut;
  readonly fetcher: Fetcher;
  partitions(): readonly Partition[];
  prepare(what: string, signal?: AbortSignal): Promise<void>;
  /** What was handed out before is done, where asking says so. */
  markHandedOut(): void;
  /** So many messages became done, from offset `from` of the partition on. */
  advanced(partition: Partition, from: number, messages: number): void;
  putBack(): void;
  moved(): void;
}

/**
 * The reader's place for whoever works on shares of several partitions at once: each share is handed out as a whole, raw, and becomes done bit by
 * bit. Nobody else reads until {@link close}.
 */
export class Shares {
  readonly #host: SharesHost;
  readonly #holder: Holder;
  #isOpen = true;

  /** @throws KafkaError `TIDE_STATE` when somebody else reads, `TIDE_CLOSED`. */
  constructor(host: SharesHost, what: string) {
    this.#host = host;
    this.#holder = { kind: 'call', what };
    host.seat.take(this.#holder);
    host.markHandedOut();
    host.seat.bodyHolds(true);
  }

  /** Rung when there may be something to take, or something is to be given back. */
  get changed(): Bell {
    return this.#host.fetcher.arrived;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The consumer is being closed: everything is to be given back. */
  get closing(): boolean {
    return this.#host.seat.closing;
  }

  /** Nobody is waited for any more. */
  get closed(): boolean {
    return this.#host.seat.closed;
  }

  get partitions(): readonly Partition[] {
    return this.#host.partitions();
  }

  /** Partitions are known after this. */
  prepare(signal: AbortSignal | undefined): Promise<void> {
    return this.#host.prepare(this.#holder.what, signal);
  }

  /**
   * What `from` gives for the first partition, in turns, that has something and may be handed out.
   * @throws KafkaError why a partition could not be fetched; it is thrown once.
   */
  look<T>(from: (partition: Partition) => T | undefined): T | undefined {
    const found = this.#host.handOut.look(from);
    this.#host.fetcher.wake(); // there is room, or the look has dropped what was damaged, and that has to be fetched again
    return found;
  }

  /** False for a share that was taken back, or whose partition is gone: nothing that comes of it counts. */
  isOurs({ partition, lease }: RawShare): boolean {
    return partition.gone === undefined && partition.lease === lease && !this.closed;
  }

  /** Everything of the share below `offset` is done, `count` messages more than before. */
  done(share: RawShare, offset: number, count: number): void {
    if (!this.isOurs(share) || offset <= share.partition.done) return;
    const { partition } = share;
    const from = partition.done;
    partition.outstanding.markBelow(offset);
    this.#host.advanced(partition, from, count);
    this.#host.seat.released();
  }

  /** What of the share is not done is handed out again. */
  giveBack(share: RawShare): void {
    if (!this.isOurs(share)) return;
    share.partition.putBack();
    this.#host.moved();
    this.#host.seat.released();
  }

  /** Others may read. What is not done is handed out again. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#host.putBack();
    this.#host.seat.free(this.#holder);
  }
}
