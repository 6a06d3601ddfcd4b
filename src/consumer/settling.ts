import type { GroupOffset } from '../client/offset-store.js';
import type { Partition } from './partition.js';

/** What a commit tried to store, of which nobody knows what became. */
interface Doubt {
  readonly epoch: number;
  readonly offset: number;
}

/**
 * Where partitions stand once a transaction has begun: that ends all others of the same transactional id, whose offsets may have been stored
 * since they were read. Else what they have sent would be sent again.
 */
export class Settling {
  readonly #doubts = new Map<Partition, Doubt>();
  /** Whose transactions began since offsets were read: nobody else stores by them. */
  readonly #known = new WeakSet<object>();

  /** A commit of `offset` may have been stored; the partition was put back. */
  doubt(partition: Partition, offset: number): void {
    this.#doubts.set(partition, { epoch: partition.epoch, offset });
  }

  /** Whether stored offsets have to be looked at, now that `by` has begun a transaction. */
  isNeeded(by: object): boolean {
    return this.#doubts.size > 0 || !this.#known.has(by);
  }

  /** `stored` is what Kafka holds for each of `partitions`. True when one of them stands elsewhere now. */
  settle(by: object, partitions: readonly Partition[], stored: readonly (GroupOffset | undefined)[]): boolean {
    let hasMoved = false;
    for (const [i, partition] of partitions.entries()) {
      const offset = stored[i]?.offset;
      if (offset !== undefined && this.#isNews(partition, offset)) {
        partition.place(offset, stored[i]?.leaderEpoch);
        hasMoved = true;
      }
      partition.committed = offset;
      partition.unsure = false;
    }
    this.#doubts.clear();
    this.#known.add(by);
    return hasMoved;
  }

  /** Whether this was stored by the commit in doubt, or by somebody else, and not known here. */
  #isNews(partition: Partition, offset: number): boolean {
    const doubt = this.#doubts.get(partition);
    if (doubt !== undefined) return doubt.epoch === partition.epoch && doubt.offset === offset && partition.position < offset;
    return !partition.unsure && offset !== partition.committed;
  }
}
