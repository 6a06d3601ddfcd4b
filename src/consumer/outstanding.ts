/** Messages that were handed out one after another, or as one: which offsets, and which of them are done already. */
interface Run {
  readonly first: number;
  last: number;
  /** In a run of a whole batch made only when they are wanted. */
  offsets: number[] | undefined;
  /** Gives them; undefined when there are no gaps, or they were made. Holds the batch in memory, and is let go of when the batch is done. */
  list: (() => readonly number[]) | undefined;
  /** By index into `offsets`; made when somebody marks a part of the run. */
  marked: Uint8Array | undefined;
  /** Index of the first offset that is not done. */
  head: number;
  /** How many are not done. */
  left: number;
  /** Made of single messages, and the next may be added. */
  open: boolean;
}

/** The most single messages in one run. */
const runLength = 1024;

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
    if (this.empty) {
      this.#single = offset;
      return;
    }
    this.#spread();
    const run = this.#runs.at(-1);
    if (run?.offsets !== undefined && run.open && run.offsets.length < runLength) {
      run.offsets.push(offset);
      run.last = offset;
      run.left += 1;
    } else {
      this.#runs.push(singles(offset));
    }
  }

  /** A run of messages was handed out, above all before it. `list` gives their offsets, should they be wanted. */
  add(first: number, last: number, count: number, list: () => readonly number[]): void {
    this.#spread();
    const gaps = last - first + 1 > count;
    const run = { first, last, list: gaps ? list : undefined, offsets: undefined, marked: undefined, head: 0, left: count, open: false };
    this.#runs.push(run);
  }

  /** Everything handed out is done. Gives how many became so now. */
  markAll(): number {
    if (this.#single >= 0) {
      this.#single = -1;
      return 1;
    }
    if (this.#runs.length === 0) return 0;
    const { count } = this;
    this.#runs = [];
    return count;
  }

  /** The messages from offset `from` to offset `to`, both included, are done. Gives how many became so now. */
  mark(from: number, to = from): number {
    if (this.#single >= 0) return this.#single >= from && this.#single <= to ? this.markAll() : 0;
    let count = 0;
    for (const run of this.#runs) {
      if (run.first > to) break;
      if (run.last < from) continue;
      count += markIn(run, from, to);
      this.#letGo(run);
    }
    this.#trim();
    return count;
  }

  /**
   * Everything below `offset` is done, in a run whose offsets nobody has listed and that may be very long: it is not listed for this either.
   */
  markBelow(offset: number): void {
    for (let run = this.#runs[0]; run !== undefined && run.first < offset; run = this.#runs[0]) {
      this.#runs.shift();
      if (run.last >= offset) this.#runs.unshift({ ...run, first: offset, left: run.last - offset + 1 });
    }
  }

  /** Whether the message at `offset`, not below {@link first}, was handed out; done or not. */
  knows(offset: number): boolean {
    if (this.#single >= 0) return this.#single === offset;
    const run = this.#runs.find(({ first, last }) => first <= offset && offset <= last);
    if (run === undefined) return false;
    const { offsets } = expanded(run);
    return offsets[lowerBound(offsets, offset)] === offset;
  }

  /** What was handed out from `offset` on is outstanding no more, and what of it was done is so no more. */
  takeBack(offset: number): void {
    if (this.#single >= offset) this.#single = -1;
    for (let run = this.#runs.at(-1); run !== undefined && run.last >= offset; run = this.#runs.at(-1)) {
      this.#runs.pop();
      if (run.first >= offset) continue;
      this.#runs.push(cut(run, offset));
      break;
    }
    this.#trim();
  }

  /** The single message becomes a run like others. */
  #spread(): void {
    if (this.#single < 0) return;
    this.#runs.push(singles(this.#single));
    this.#single = -1;
  }

  /** What is done behind a hole is kept, so that it can be told from what never was. */
  #trim(): void {
    while (this.#runs[0]?.left === 0) this.#runs.shift();
  }

  /** A run behind a hole is done: its batch must not stay in memory for it. */
  #letGo(run: Run): void {
    if (run.left === 0 && run.list !== undefined && run !== this.#runs[0]) expanded(run);
  }
}

const singles = (offset: number): Run => ({
  first: offset,
  last: offset,
  offsets: [offset],
  list: undefined,
  marked: undefined,
  head: 0,
  left: 1,
  open: true,
});

function markIn(run: Run, from: number, to: number): number {
  if (run.left === 0) return 0;
  if (from <= run.first && to >= run.last) {
    const count = run.left;
    run.left = 0;
    run.open = false;
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

/** What of a run lies below `offset`; there is something. */
function cut(run: Run, offset: number): Run {
  const { offsets, marked } = expanded(run);
  const length = lowerBound(offsets, offset);
  const kept = offsets.slice(0, length);
  const left = run.left === 0 ? 0 : kept.reduce((sum, _, i) => sum + (marked[i] === 0 ? 1 : 0), 0);
  return { ...run, last: kept.at(-1) ?? run.first, offsets: kept, marked: marked.slice(0, length), left, open: false };
}

function expanded(run: Run): { offsets: readonly number[]; marked: Uint8Array } {
  if (run.offsets === undefined) {
    run.offsets = run.list === undefined ? Array.from({ length: run.last - run.first + 1 }, (_, i) => run.first + i) : [...run.list()];
    run.list = undefined;
  }
  run.marked ??= new Uint8Array(run.open ? runLength : run.offsets.length);
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
