import { CorruptRecordError } from '../base/errors.js';
import { AbortedFilter, type AbortedTransaction, type BatchReader, type RecordBatch, readBatches } from '../records/index.js';

/** What one fetch answer holds for one partition. */
export interface Share {
  readonly records: Buffer;
  /** Transactions that were aborted; null when reading uncommitted. */
  readonly aborted: readonly AbortedTransaction[] | null;
}

export interface PrefetchedSettings {
  readonly topic: string;
  readonly partition: number;
  readonly maxDecompressedBytes: number;
}

/**
 * The records of one partition that were fetched and are not done: shares of answers as they came, read batch by batch just ahead of the
 * user. Going back to what is not done yet costs no fetch.
 */
export class Prefetched {
  readonly #settings: PrefetchedSettings;
  #shares: Share[] = [];
  #reading: Reading | undefined;
  /** Batches given out, oldest first; kept until {@link forget}. */
  #given: Kept[] = [];
  /** Batches to give out again before anything else. */
  #again: Kept[] = [];
  /** Bytes of shares that were not read. */
  #aheadBytes = 0;
  /** Bytes of memory of `#given` and `#again`. */
  #keptBytes = 0;
  /** Batches below this offset are not kept any more. */
  #keptFrom = 0;
  #nextFetch = 0;
  #corruptAt = -1;

  constructor(settings: PrefetchedSettings) {
    this.#settings = settings;
  }

  /** The offset the next fetch has to ask for. */
  get nextFetch(): number {
    return this.#nextFetch;
  }

  /** Bytes fetched and not read. */
  get aheadBytes(): number {
    return this.#aheadBytes;
  }

  /** Bytes of memory held: not read, or read, decompressed and not done. */
  get heldBytes(): number {
    return this.#aheadBytes + this.#keptBytes;
  }

  /** Drops everything; reading and fetching begin at `offset`. */
  restart(offset: number): void {
    this.#shares = [];
    this.#reading = undefined;
    this.#given = [];
    this.#again = [];
    this.#aheadBytes = 0;
    this.#keptBytes = 0;
    this.#keptFrom = offset;
    this.#nextFetch = offset;
  }

  /** Takes what a fetch from {@link nextFetch} brought; `nextOffset` is where the fetch after it begins. */
  add(share: Share, nextOffset: number): void {
    this.#shares.push(share);
    this.#aheadBytes += share.records.length;
    this.#nextFetch = nextOffset;
  }

  /**
   * The next batch that holds messages at or above `position`, its cursor on the first of them, and the position behind what was passed
   * over: control batches, aborted ones, gaps. A damaged answer is dropped and fetched once more before it counts.
   * @throws KafkaError `TIDE_CORRUPT`, `TIDE_TOO_LARGE`, `TIDE_UNSUPPORTED`; what was fetched is dropped, so that the next read fetches it again.
   */
  next(position: number): { readonly batch: RecordBatch | undefined; readonly position: number } {
    try {
      for (let batch = this.#next(); batch !== undefined; batch = this.#next()) {
        if (batch.nextOffset > position) batch.open();
        this.#keep(batch);
        if (batch.nextOffset <= position) continue;
        batch.seek(position);
        if (batch.remaining > 0) return { batch, position };
        position = batch.nextOffset;
      }
    } catch (error) {
      this.restart(position);
      if (error instanceof CorruptRecordError && this.#corruptAt !== position) {
        this.#corruptAt = position;
        return { batch: undefined, position };
      }
      throw error;
    }
    return { batch: undefined, position: Math.max(position, this.#nextFetch) };
  }

  /** Everything below `done` will not be read again. */
  forget(done: number): void {
    const count = this.#given.findIndex(({ batch }) => batch.nextOffset > done);
    this.#drop(count < 0 ? this.#given.length : count);
    this.#keptFrom = Math.max(this.#keptFrom, done);
  }

  /** Memory is short: what was read is not kept any more, but for the last batch. Going back before that costs a fetch. */
  shed(): void {
    this.#drop(this.#given.length - 1);
  }

  /** Puts reading back, or forward, to `offset`: true when that is in memory; else fetching begins anew there. */
  goTo(offset: number): boolean {
    if (offset < this.#keptFrom || offset > this.#nextFetch) {
      this.restart(offset);
      return false;
    }
    // Each gets a new cursor, and a new origin: marks for what was handed out before must not count.
    this.#again = [...this.#given, ...this.#again].map(({ batch, bytes }) => ({ batch: batch.again(), bytes }));
    this.#given = [];
    return true;
  }

  #keep(batch: RecordBatch): void {
    const kept = { batch, bytes: batch.heldBytes };
    this.#given.push(kept);
    this.#keptBytes += kept.bytes;
  }

  /** Lets go of the oldest batches that were given out. */
  #drop(count: number): void {
    if (count <= 0) return;
    for (const { batch, bytes } of this.#given.splice(0, count)) {
      this.#keptBytes -= bytes;
      this.#keptFrom = Math.max(this.#keptFrom, batch.nextOffset);
    }
  }

  #next(): RecordBatch | undefined {
    const again = this.#again.shift();
    if (again !== undefined) {
      this.#keptBytes -= again.bytes;
      return again.batch;
    }
    for (let reading = this.#reading ?? this.#open(); reading !== undefined; reading = this.#open()) {
      this.#reading = reading;
      for (let batch = reading.reader.next(); batch !== undefined; batch = reading.reader.next()) {
        reading.leftBytes -= batch.sizeBytes;
        this.#aheadBytes -= batch.sizeBytes;
        if (!reading.filter.skips(batch)) return batch;
      }
      this.#aheadBytes -= reading.leftBytes; // a batch that was cut short
      this.#reading = undefined;
    }
    return undefined;
  }

  #open(): Reading | undefined {
    const share = this.#shares.shift();
    if (share === undefined) return undefined;
    const { topic, partition, maxDecompressedBytes } = this.#settings;
    const reader = readBatches(share.records, { topic, partition, maxDecompressedBytes });
    return { reader, filter: new AbortedFilter(share.aborted), leftBytes: share.records.length };
  }
}

/** A batch that was given out, and what it takes. */
interface Kept {
  readonly batch: RecordBatch;
  readonly bytes: number;
}

/** A share that is being read. */
interface Reading {
  readonly reader: BatchReader;
  readonly filter: AbortedFilter;
  leftBytes: number;
}
