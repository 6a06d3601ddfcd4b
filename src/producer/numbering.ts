import { stampProducer } from '../records/index.js';
import type { Batch } from './batch.js';
import { maxEpoch, type Series, sequenceAfter } from './series.js';

/** The sequence numbers of the batches of one partition: by them a broker knows a batch that comes again, and a gap before one. Pure. */
export class Numbering {
  #series: Series | undefined;
  /** The number of the next record that gets one. */
  #next = 0;
  /** The number behind the last record that is known to be stored. */
  #stored = 0;
  /** Which batch that was. */
  #storedOrder = -1;

  /** In whose name batches are numbered now; undefined before {@link begin}, and when all epochs are used up. */
  get series(): Series | undefined {
    return this.#series;
  }

  /**
   * Whether a broker has stored a batch of this series, and so refuses others that come out of order. Before that it takes any number: what
   * is new to it may be old, and its records deleted.
   */
  get proven(): boolean {
    return this.#storedOrder >= 0;
  }

  /** Batches are numbered from 0 in the name of `series` from now on; those numbered before are numbered anew when they are stamped. */
  begin(series: Series | undefined): void {
    this.#series = series;
    this.#next = 0;
    this.#stored = 0;
    this.#storedOrder = -1;
  }

  /** Numbers begin anew in the next epoch: whatever of the epoch before comes to a broker later is refused there. */
  restart(): void {
    const { producerId, epoch } = this.#series ?? { producerId: -1, epoch: maxEpoch };
    this.begin(epoch < maxEpoch ? { producerId, epoch: epoch + 1 } : undefined);
  }

  /** Writes numbers into a sealed batch, unless it has them: a batch keeps its own through every attempt. */
  stamp(batch: Batch): void {
    const series = this.#series;
    if (series === undefined || batch.bytes === undefined || batch.series === series) return;
    batch.series = series;
    batch.sequence = this.#next;
    this.#next = sequenceAfter(this.#next, batch.count);
    stampProducer(batch.bytes, series.producerId, series.epoch, batch.sequence);
  }

  /** Takes the numbers out of a sealed batch. */
  erase(batch: Batch): void {
    if (batch.bytes !== undefined) stampProducer(batch.bytes, -1, -1, -1);
    batch.series = undefined;
  }

  /** The broker has this batch. */
  stored(batch: Batch): void {
    if (batch.series === undefined || batch.series !== this.#series || batch.order < this.#storedOrder) return;
    this.#stored = sequenceAfter(batch.sequence, batch.count);
    this.#storedOrder = batch.order;
  }

  /**
   * Whether a broker would miss something before the first of `waiting`, when nothing is on its way: a batch that had numbers was given up.
   */
  hasGap(waiting: readonly Batch[]): boolean {
    const first = waiting.find(({ series }) => series !== undefined && series === this.#series);
    return (first?.sequence ?? this.#next) !== this.#stored;
  }
}
