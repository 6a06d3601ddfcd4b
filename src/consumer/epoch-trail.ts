/** Offsets whose records one leader appended, if there are any: some may have been removed since. */
interface Stretch {
  readonly from: number;
  /** Behind the last of them that was fetched. */
  to: number;
  readonly epoch: number;
}

/**
 * Which leaders appended what was fetched of a partition. The epoch of the record before an offset is what shows whether a log was cut, and
 * has grown again since (KIP-320).
 */
export class EpochTrail {
  /** In order. Whose an offset between two of them was is not known: what stood there was removed. */
  #stretches: Stretch[] = [];

  /** The epoch of the last record below `offset`; -1 when unknown. */
  before(offset: number): number {
    const stretch = this.#stretches.findLast(({ from }) => from < offset);
    return stretch !== undefined && offset <= stretch.to ? stretch.epoch : -1;
  }

  /** Where what is known to be of `epoch` or older ends, and newer records follow; Infinity when none do. */
  endOf(epoch: number): number {
    const newer = this.#stretches.findIndex(stretch => stretch.epoch > epoch);
    return this.#stretches[newer - 1]?.to ?? this.#stretches[newer]?.from ?? Number.POSITIVE_INFINITY;
  }

  /** Reading begins at `offset`, behind a record of `epoch`; -1: nothing is known of it. */
  restart(offset: number, epoch = -1): void {
    this.#stretches = epoch < 0 ? [] : [{ from: offset - 1, to: offset, epoch }];
  }

  /** A batch of `epoch` was fetched, which takes the place of all that was known from there on. */
  add(from: number, to: number, epoch: number): void {
    this.truncate(from);
    const last = this.#stretches.at(-1);
    if (last?.epoch === epoch) last.to = to;
    else this.#stretches.push({ from, to, epoch });
  }

  /** Nothing is known from `offset` on. */
  truncate(offset: number): void {
    let last = this.#stretches.at(-1);
    while (last !== undefined && last.from >= offset) {
      this.#stretches.pop();
      last = this.#stretches.at(-1);
    }
    if (last !== undefined && last.to > offset) last.to = offset;
  }

  /** Nobody will ask for offsets below `offset`. */
  forget(offset: number): void {
    while ((this.#stretches[1]?.from ?? offset) < offset) this.#stretches.shift();
  }
}
