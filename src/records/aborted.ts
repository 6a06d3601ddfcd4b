import type { RecordBatch } from './batch.js';

/** A transaction that was aborted, as a fetch answer lists it: which producer's, and its first offset. */
export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

/**
 * Says which batches of one fetch answer are not for users. With the answer's list of aborted transactions that is what was aborted;
 * without it (read uncommitted) only control batches.
 * The list need not be sorted, and a transaction may be ended twice.
 * @see KIP-98, "Transactional consumer"
 */
export class AbortedFilter {
  /** Not reached yet, the first to come at the end. */
  readonly #coming: AbortedTransaction[];
  readonly #aborting = new Set<number>();

  constructor(aborted?: readonly AbortedTransaction[] | null) {
    this.#coming = [...(aborted ?? [])].sort((a, b) => b.firstOffset - a.firstOffset);
  }

  /**
   * True when `batch` is to be passed over. Asked for every batch, in order.
   * @throws CorruptRecordError when the records of a control batch are damaged.
   */
  skips(batch: RecordBatch): boolean {
    for (let next = this.#coming.at(-1); next !== undefined && next.firstOffset <= batch.lastOffset; next = this.#coming.at(-1)) {
      this.#aborting.add(next.producerId);
      this.#coming.pop();
    }
    if (!batch.isControl) return batch.isTransactional && this.#aborting.has(batch.producerId);
    if (batch.controlType === 'abort') this.#aborting.delete(batch.producerId);
    return true;
  }
}
