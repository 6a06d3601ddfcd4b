import type { ForPartition } from '../../cluster/scatter.js';
import type { Member } from './assignor.js';

/** What each member is given, as it grows. */
export class Shares {
  readonly #shares: Map<string, ForPartition[]>;

  constructor(members: readonly Member[]) {
    this.#shares = new Map(members.map(({ memberId }) => [memberId, []]));
  }

  /** Gives a partition to a member, which must be one of those named at the start. */
  give(memberId: string, topic: string, partition: number): void {
    this.#shares.get(memberId)?.push({ topic, partition });
  }

  /** How many partitions a member has. */
  count(memberId: string): number {
    return this.#shares.get(memberId)?.length ?? 0;
  }

  /** Everything given, by topic and partition. */
  done(): Map<string, readonly ForPartition[]> {
    return new Map([...this.#shares].map(([memberId, share]) => [memberId, share.sort(byPlace)]));
  }
}

const byPlace = (a: ForPartition, b: ForPartition): number =>
  a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1;
