import { CorruptRecordError } from '../base/errors.js';
import { AbortedFilter, type AbortedTransaction, type BatchReader, damagedBatch, type RecordBatch, readBatches } from '../records/index.js';

/** What one fetch answer holds for one partition. */
export interface Share {
  readonly records: Buffer;
  /** Transactions that were aborted; null when reading uncommitted. */
  readonly aborted: readonly AbortedTransaction[] | null;
  /** Somebody else has looked at the checksums, and decompressed. */
  readonly inflated?: boolean | undefined;
}

/** Has somebody else decompress records; undefined where that is not worth while. What it gives is undefined where something is in the way. Never rejects. */
export type Inflate = (records: Buffer, maxBytes: number) => Promise<Buffer | undefined> | undefined;

export interface PrefetchedSettings {
  readonly topic: string;
  readonly partition: number;
  readonly maxDecompressedBytes: number;
  readonly onCorrupt: OnCorrupt;
  readonly inflate?: Inflate | undefined;
  /** Gives others a turn while much is decompressed. */
  readonly turn: () => Promise<void>;
  /** What {@link Prefetched.next} did not give for it was being decompressed is ready now. */
  readonly ready: () => void;
  /** Damaged records were passed over, or are handed out as one invalid message. */
  readonly passedOver: (what: PassedOver) => void;
}

/**
 * What becomes of records that are still damaged when they were fetched a second time: the reader is told and stays where it is, they are
 * passed over, or an invalid message stands for them.
 */
export type OnCorrupt = 'throw' | 'skip' | 'return';

/** Records that are damaged, from `offset` up to `nextOffset`. */
export interface PassedOver {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Where reading goes on. */
  readonly nextOffset: number;
  readonly error: CorruptRecordError;
}

/**
 * The records of one partition that were fetched and are not done: shares of answers as they came, read batch by batch just ahead of the
 * user. Going back to what is not done yet costs no fetch.
 */
export class Prefetched {
  readonly #settings: PrefetchedSettings;
  #shares: Waiting[] = [];
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
  /** The batch that is being decompressed, or could not be. */
  #opening: Opening | undefined;

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
    this.#opening = undefined;
    this.#aheadBytes = 0;
    this.#keptBytes = 0;
    this.#keptFrom = offset;
    this.#nextFetch = offset;
  }

  /** Takes what a fetch from {@link nextFetch} brought; `nextOffset` is where the fetch after it begins. */
  add(share: Share, nextOffset: number): void {
    const waiting: Waiting = { share, nextOffset, isInflating: false };
    this.#shares.push(waiting);
    void this.#inflate(waiting);
    this.#aheadBytes += share.records.length;
    this.#nextFetch = nextOffset;
  }

  /**
   * The first share that is there, as it was fetched, for somebody else to read; `nextOffset` is where the one after it begins. What was read here
   * in part is dropped, and fetched again. Nothing of what is given is kept: going back costs a fetch.
   */
  takeShare(position: number): { readonly share: Share; readonly nextOffset: number } | undefined {
    if (this.#reading !== undefined || this.#given.length + this.#again.length > 0) this.restart(position);
    if (this.#shares[0]?.isInflating) return undefined;
    const first = this.#shares.shift();
    if (first === undefined) return undefined;
    this.#aheadBytes -= first.share.records.length;
    this.#keptFrom = Math.max(this.#keptFrom, first.nextOffset);
    return first;
  }

  /**
   * The next batch that holds messages at or above `position`, its cursor on the first of them, and the position behind what was passed
   * over: control batches, aborted ones, gaps. Nothing while that batch is being decompressed, which `ready` ends. A damaged answer is
   * dropped and fetched once more before it counts.
   * @throws KafkaError `TIDE_CORRUPT`, `TIDE_TOO_LARGE`, `TIDE_UNSUPPORTED`; what was fetched is dropped, so that the next read fetches it again.
   */
  next(position: number): { readonly batch: RecordBatch | undefined; readonly position: number } {
    try {
      for (let batch = this.#next(); batch !== undefined; batch = this.#next()) {
        if (batch.nextOffset > position && !this.#isOpen(batch)) return { batch: undefined, position };
        this.#keep(batch);
        if (batch.nextOffset <= position) continue;
        batch.seek(position);
        if (batch.remaining > 0) return { batch, position };
        position = batch.nextOffset;
      }
    } catch (error) {
      const damagedEnd = this.#opening?.batch.nextOffset ?? this.#reading?.reader.endOfDamage(position) ?? position + 1;
      this.restart(position);
      if (!(error instanceof CorruptRecordError)) throw error;
      if (this.#corruptAt !== position) {
        this.#corruptAt = position;
        return { batch: undefined, position };
      }
      return this.#passOver(position, damagedEnd, error);
    }
    return { batch: undefined, position: this.#shares.length > 0 ? position : Math.max(position, this.#nextFetch) };
  }

  #passOver(position: number, nextOffset: number, error: CorruptRecordError): { batch: RecordBatch | undefined; position: number } {
    const { topic, partition, onCorrupt, passedOver } = this.#settings;
    if (onCorrupt === 'throw') throw error;
    this.restart(nextOffset);
    passedOver({ topic, partition, offset: position, nextOffset, error });
    if (onCorrupt === 'skip') return { batch: undefined, position: nextOffset };
    return { batch: damagedBatch(this.#settings, position, nextOffset, error), position };
  }

  /** Opens `batch`: at once where it can; else it is put back, and false means that it is not ready. Throws as {@link next}. */
  #isOpen(batch: RecordBatch): boolean {
    if (this.#opening?.batch !== batch) {
      const opening: Opening = { batch, error: undefined, work: undefined };
      this.#opening = opening;
      opening.work = batch.openInTurns(this.#settings.turn)?.then(
        () => {
          opening.work = undefined;
          this.#settings.ready();
        },
        (error: unknown) => {
          opening.error = error;
          opening.work = undefined;
          this.#settings.ready();
        },
      );
    }
    if (this.#opening.error !== undefined) throw this.#opening.error;
    if (this.#opening.work !== undefined) {
      const kept = { batch, bytes: batch.heldBytes };
      this.#again.unshift(kept);
      this.#keptBytes += kept.bytes;
      return false;
    }
    this.#opening = undefined;
    return true;
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
    const held = [...this.#given, ...this.#again];
    this.#given = [];
    this.#again = [];
    for (const { batch, bytes } of held) {
      // Each gets a new cursor, and a new origin: marks for what was handed out before must not count.
      if (batch.nextOffset > this.#keptFrom) this.#again.push({ batch: batch.again(), bytes });
      else this.#keptBytes -= bytes;
    }
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

  /** Has others decompress it, if that is worth while: till then it is not read. */
  async #inflate(waiting: Waiting): Promise<void> {
    const { records } = waiting.share;
    const inflating = this.#settings.inflate?.(records, this.#settings.maxDecompressedBytes);
    if (inflating === undefined) return;
    waiting.isInflating = true;
    const inflated = await inflating;
    waiting.isInflating = false;
    if (inflated !== undefined && this.#shares.includes(waiting)) {
      waiting.share = { ...waiting.share, records: inflated, inflated: true };
      this.#aheadBytes += inflated.length - records.length;
    }
    this.#settings.ready();
  }

  #open(): Reading | undefined {
    if (this.#shares[0]?.isInflating) return undefined;
    const share = this.#shares.shift()?.share;
    if (share === undefined) return undefined;
    const { topic, partition, maxDecompressedBytes } = this.#settings;
    const { inflated } = share;
    const reader = readBatches(share.records, { topic, partition, maxDecompressedBytes, inflated });
    return { reader, filter: new AbortedFilter(share.aborted), leftBytes: share.records.length };
  }
}

/** A share that was not read. */
interface Waiting {
  share: Share;
  readonly nextOffset: number;
  isInflating: boolean;
}

/** A batch that was given out, and what it takes. */
interface Kept {
  readonly batch: RecordBatch;
  readonly bytes: number;
}

/** A batch that is being decompressed as long as there is `work`, with what came of it. */
interface Opening {
  readonly batch: RecordBatch;
  error: unknown;
  work: Promise<void> | undefined;
}

/** A share that is being read. */
interface Reading {
  readonly reader: BatchReader;
  readonly filter: AbortedFilter;
  leftBytes: number;
}
