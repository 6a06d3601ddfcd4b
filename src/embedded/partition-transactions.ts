import type { AbortedTransaction } from '../records/index.js';

/** A transaction whose records in a partition are not for those who read what is committed. */
interface Aborted extends AbortedTransaction {
  /** Where the marker stands that ended it. */
  readonly lastOffset: number;
}

/** The transactions in one partition: which are open, and which were aborted. */
export class PartitionTransactions {
  /** First offsets by producer id, the lowest first: offsets grow. */
  readonly #open = new Map<number, number>();
  #aborted: Aborted[] = [];

  /** The first offset of the oldest open transaction; undefined when none is open. */
  get firstOpenOffset(): number | undefined {
    for (const offset of this.#open.values()) return offset;
    return undefined;
  }

  /** Where the open transaction of a producer begins; undefined when it has none. */
  openedAt(producerId: number): number | undefined {
    return this.#open.get(producerId);
  }

  /** A transactional batch stands at `offset`. */
  wrote(producerId: number, offset: number): void {
    if (!this.#open.has(producerId)) this.#open.set(producerId, offset);
  }

  /** A marker stands at `lastOffset`. One without records before it ends nothing. */
  ended(producerId: number, outcome: 'commit' | 'abort', lastOffset: number): void {
    const firstOffset = this.#open.get(producerId);
    if (firstOffset === undefined) return;
    this.#open.delete(producerId);
    if (outcome === 'abort') this.#aborted.push({ producerId, firstOffset, lastOffset });
  }

  /** The aborted transactions that reach to `offset` or behind it, in the order of their markers. */
  abortedFrom(offset: number): AbortedTransaction[] {
    const reaching = this.#aborted.filter(({ lastOffset }) => lastOffset >= offset);
    return reaching.map(({ producerId, firstOffset }) => ({ producerId, firstOffset }));
  }

  /** Forgets the aborted transactions that end below the start of the log. */
  trim(startOffset: number): void {
    if (this.#aborted.some(({ lastOffset }) => lastOffset < startOffset)) {
      this.#aborted = this.#aborted.filter(({ lastOffset }) => lastOffset >= startOffset);
    }
  }

  /** Forgets what stands from `endOffset` on. A transaction that has lost its marker is open again. */
  truncate(endOffset: number): void {
    for (const [producerId, firstOffset] of this.#open) if (firstOffset >= endOffset) this.#open.delete(producerId);
    for (const { producerId, firstOffset, lastOffset } of this.#aborted) {
      if (lastOffset >= endOffset && firstOffset < endOffset) this.#open.set(producerId, firstOffset);
    }
    this.#aborted = this.#aborted.filter(({ lastOffset }) => lastOffset < endOffset);
  }

  clear(): void {
    this.#open.clear();
    this.#aborted = [];
  }
}
