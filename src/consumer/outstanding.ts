/** A run of messages that was handed out as one: which offsets, and which of them are done already. */
interface Run {
  readonly first: number;
  readonly last: number;
  readonly count: number;
  /** Made only when somebody marks a part of the run. */
  offsets: readonly number[] | undefined;
  readonly list: () => readonly number[];
  /** By index into `offsets`; made with them. */
  marked: Uint8Array | undefined;
  /** Index of the first offset that is not done. */
  head: number;
  left: number;
}

/**
 * The messages of one partition that were handed out and are not done, in order of offset. Everything below {@link first} is done: offsets
 * that were never handed out, because of compaction or transactions, leave no hole.
 */
export class Outstanding {
  /** The commonest case without an object: one message, alone. */
  #single = -1;
  #runs: Run[] = [];

  /** The lowest offset that is not done; undefined when nothing is outstanding. */
  get first(): number | undefined {
    if (this.#single >= 0) return this.#single;
    const [run] = this.#runs;
    return run === undefined ? undefined : run.offsets === undefined ? run.first : run.offsets[run.head];
  }

  get empty(): boolean {
    return this.#single < 0 && this.#runs.length === 0;
  }

  get count(): number {
    return this.#single >= 0 ? 1 : this.#runs.reduce((sum, run) => sum + run.left, 0);
  }

  /** One more message was handed out, above all before it. */
  addOne(offset: number): void {
    if (this.empty) this.#single = offset;
    else this.add(offset, offset, 1, () => [offset]);
  }

  /** A run of messages was handed out, above all before it. `list` gives their offsets, should they be wanted. */
  add(first: number, last: number, count: number, list: () => readonly number[]): void {
    const alone = this.#single;
    if (alone >= 0) {
      this.#single = -1;
      this.add(alone, alone, 1, () => [alone]);
    }
    this.#runs.push({ first, last, count, list, offsets: undefined, marked: undefined, head: 0, left: count });
  }

  /** Everything handed out is done. Gives how many that were. */
  markAll(): number {
    const count = this.count;
    this.#single = -1;
    if (this.#runs.length > 0) this.#runs = [];
    return count;
  }

  /** The messages from offset `from` to offset `to`, both included, are done. Gives how many became so now. */
  mark(from: number, to = from): number {
    if (this.#single >= 0) return this.#single >= from && this.#single <= to ? this.markAll() : 0;
    let count = 0;
    for (const run of this.#runs) {
      if (run.first > to) break;
      if (run.last >= from) count += markIn(run, from, to);
    }
    // What is done behind a hole is kept, so that it can be told from what never was.
    while (this.#runs[0]?.left === 0) this.#runs.shift();
    return count;
  }

  /** Whether the message at `offset`, not below {@link first}, was handed out; done or not. */
  knows(offset: number): boolean {
    if (this.#single >= 0) return this.#single === offset;
    const run = this.#runs.find(({ first, last }) => first <= offset && offset <= last);
    if (run === undefined) return false;
    const { offsets } = expanded(run);
    return offsets[lowerBound(offsets, offset)] === offset;
  }

  /** Nothing is outstanding any more, and nothing of it became done. */
  takeBack(): void {
    this.markAll();
  }
}

function markIn(run: Run, from: number, to: number): number {
  if (from <= run.first && to >= run.last) {
    const count = run.left;
    run.left = 0;
    return count;
  }
  const { offsets, marked } = expanded(run);
  let count = 0;
  for (let i = lowerBound(offsets, from); i < offsets.length && (offsets[i] ?? 0) <= to; i++) {
    if (marked[i] !== 0) continue;
    marked[i] = 1;
    count += 1;
  }
  run.left -= count;
  while (marked[run.head] === 1) run.head += 1;
  return count;
}

function expanded(run: Run): { offsets: readonly number[]; marked: Uint8Array } {
  run.offsets ??= run.list();
  run.marked ??= new Uint8Array(run.offsets.length);
  return { offsets: run.offsets, marked: run.marked };
}

/** Index of the first entry that is not below `offset`. */
function lowerBound(offsets: readonly number[], offset: number): number {
  let low = 0;
  let high = offsets.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((offsets[middle] ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
