/** Records from an offset on, and the epoch of the leader that appended them. */
interface Stretch {
  readonly from: number;
  readonly epoch: number;
}

/**
 * Which leaders appended what was fetched of a partition. The epoch of the record before an offset is what shows whether a log was cut, and
 * has grown again since (KIP-320).
 */
export class EpochTrail {
  /** Both numbers grow. */
  #stretches: Stretch[] = [];

  /** The epoch of the last record below `offset`; -1 when unknown. */
  before(offset: number): number {
    return this.#stretches.findLast(({ from }) => from < offset)?.epoch ?? -1;
  }

  /** Where the records behind those of `epoch` begin, as far as they are known; Infinity when there are none. */
  endOf(epoch: number): number {
    return this.#stretches.find(stretch => stretch.epoch > epoch)?.from ?? Number.POSITIVE_INFINITY;
  }

  /** Reading begins at `offset`, behind a record of `epoch`; -1: nothing is known of it. */
  restart(offset: number, epoch = -1): void {
    this.#stretches = epoch < 0 ? [] : [{ from: offset - 1, epoch }];
  }

  /** Records that were fetched: from `from` on they are of `epoch`. */
  add(from: number, epoch: number): void {
    this.truncate(from);
    if (this.#stretches.at(-1)?.epoch !== epoch) this.#stretches.push({ from, epoch });
  }

  /** Nothing is known from `offset` on. */
  truncate(offset: number): void {
    while ((this.#stretches.at(-1)?.from ?? -1) >= offset) this.#stretches.pop();
  }

  /** Nobody will ask for offsets below `offset`. */
  forget(offset: number): void {
    while ((this.#stretches[1]?.from ?? offset) < offset) this.#stretches.shift();
  }
}
