import type { Cluster } from '../cluster/cluster.js';
import { type ForPartition, placeText } from '../cluster/scatter.js';
import type { GivingUp, LastCommits } from './last-commits.js';
import type { Partition } from './partition.js';
import type { Seat } from './seat.js';
import type { Session } from './session.js';

/** What giving partitions up needs of the core. */
export interface DeparturesHost {
  readonly cluster: Cluster;
  readonly seat: Seat;
  /** Undefined: nothing is committed. */
  readonly lastCommits: LastCommits | undefined;
  partitions(): readonly Partition[];
  /** Of the context that holds the consumer. */
  session(): Session | undefined;
  /** The reader gets nothing more of these, and what it has in hand does not count as done by itself. */
  takeFromReader(partitions: readonly Partition[], why: string): void;
  /** Only these are read from now on. */
  assign(partitions: readonly Partition[]): void;
  moved(): void;
}

/** How partitions go: what is in hand of them is waited for, what is done is committed, and then nobody reads them, for a reason that is remembered. */
export class Departures {
  readonly #host: DeparturesHost;
  /** Why partitions that were read are not any more. */
  readonly #reasons = new Map<string, string>();

  constructor(host: DeparturesHost) {
    this.#host = host;
  }

  /** Why a partition that was read is not any more; undefined for one that is, or never was. */
  whyGone(place: ForPartition): string | undefined {
    return this.#reasons.get(placeText(place));
  }

  /** These are read now. */
  read(partitions: readonly Partition[]): void {
    for (const partition of partitions) this.#reasons.delete(placeText(partition));
  }

  /**
   * Hands out nothing more of these, and waits until nothing of them is in hand; then commits what is done of them, if that is automatic. Gives
   * why it could not be committed. They are still read: {@link remove} them.
   */
  async drain(partitions: readonly Partition[], { drainMs, commitMs }: GivingUp): Promise<Error | undefined> {
    const { cluster, seat, lastCommits } = this.#host;
    const deadline = cluster.deadline(drainMs);
    for (const partition of partitions) partition.leaving = true;
    this.#host.moved();
    const isOutstanding = () => partitions.some(({ outstanding }) => !outstanding.empty);
    await seat.until(() => isOutstanding() || this.#host.session()?.touches(partitions) === true, drainMs);
    return lastCommits?.ofLeaving(partitions, Math.max(commitMs, deadline.remainingMs()));
  }

  /** Others read these from now on, because of `why`: what of them is in hand is nobody's to mark, and a context that read from them is lost. */
  remove(partitions: readonly Partition[], why: string): void {
    for (const partition of partitions) partition.gone = why;
    this.#host.session()?.lost(partitions);
    this.drop(partitions, why);
  }

  /** Nobody reads these any more: what of them is in hand is nobody's to mark. */
  drop(partitions: readonly Partition[], why: string): void {
    for (const partition of partitions) {
      partition.gone = why;
      this.#reasons.set(placeText(partition), why);
    }
    this.#host.takeFromReader(partitions, why);
    for (const partition of partitions) partition.putBack();
    this.#host.assign(this.#host.partitions().filter(({ gone }) => gone === undefined));
    this.#host.seat.released();
  }
}
