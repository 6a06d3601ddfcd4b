import { type CompressionName, putChecksum, type RecordBatch, type RecordSource, readBatches, stampOffset } from '../records/index.js';

/** One batch as it is stored. */
export interface StoredBatch {
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly maxTimestamp: number;
  readonly leaderEpoch: number;
  readonly compression: CompressionName;
  /** As it goes to those who fetch. Never changed once stored: answers under way refer to it. */
  readonly bytes: Buffer;
}

/** What one partition's share of a fetch holds. */
export interface ReadResult {
  /** Whole batches, the first of which may begin below the offset asked for. */
  readonly chunks: readonly Buffer[];
  readonly sizeBytes: number;
  /** Whether one of them is compressed with zstd, which old versions of Fetch must not carry. */
  readonly hasZstd: boolean;
}

/** Where and when a batch is stored, if not at the end with the time it came with. */
export interface AppendOptions {
  /** Not below the end of the log: what is between is a gap, as compaction leaves. */
  readonly baseOffset?: number | undefined;
  /** The time the broker gave it; -1 for none. */
  readonly appendTime?: number | undefined;
}

/** Where a time was found. */
export interface TimedOffset {
  readonly offset: number;
  readonly timestamp: number;
  readonly leaderEpoch: number;
}

/** The records of one partition: a list of batches, each in memory of its own, that grows at the end and loses at the start. */
export class PartitionLog {
  readonly #source: RecordSource;
  /** Entries below `#first` are forgotten and wait to be cut off together. */
  #batches: StoredBatch[] = [];
  #first = 0;
  #startOffset = 0;
  #endOffset = 0;
  #sizeBytes = 0;

  constructor(source: RecordSource) {
    this.#source = source;
  }

  /** The first offset that can be read. */
  get startOffset(): number {
    return this.#startOffset;
  }

  /** The offset the next record gets. */
  get endOffset(): number {
    return this.#endOffset;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Every batch, the first first. */
  batches(): readonly StoredBatch[] {
    return this.#batches.slice(this.#first);
  }

  /** Stores a batch. `bytes`, of which `read` is what they said, are kept; their offset and epoch are filled in. */
  append(bytes: Buffer, read: RecordBatch, leaderEpoch: number, options: AppendOptions = {}): StoredBatch {
    const { baseOffset = this.#endOffset, appendTime = -1 } = options;
    stampOffset(bytes, baseOffset, leaderEpoch);
    const lastOffset = baseOffset + read.lastOffset - read.baseOffset;
    const maxTimestamp = appendTime < 0 ? read.maxTimestamp : appendTime;
    const batch = { baseOffset, lastOffset, maxTimestamp, leaderEpoch, compression: read.compression, bytes };
    this.#batches.push(batch);
    this.#endOffset = lastOffset + 1;
    this.#sizeBytes += bytes.length;
    return batch;
  }

  /** Forgets the oldest batches while what is left has `maxBytes`, as Kafka's `retention.bytes` does. Below 0: no limit. */
  retain(maxBytes: number): void {
    if (maxBytes < 0) return;
    let batch = this.#batches[this.#first];
    while (batch !== undefined && this.#sizeBytes - batch.bytes.length >= maxBytes && this.#batches.length - this.#first > 1) {
      this.trim(batch.lastOffset + 1);
      batch = this.#batches[this.#first];
    }
  }

  /** Moves the start of the log up to `offset`. Batches that lie below it are forgotten; one that straddles it stays, as in Kafka. */
  trim(offset: number): void {
    this.#startOffset = Math.max(this.#startOffset, Math.min(offset, this.#endOffset));
    for (let batch = this.#batches[this.#first]; batch !== undefined && batch.lastOffset < this.#startOffset; ) {
      this.#sizeBytes -= batch.bytes.length;
      batch = this.#batches[++this.#first];
    }
    if (this.#first > 32 && this.#first * 2 > this.#batches.length) {
      this.#batches = this.#batches.slice(this.#first);
      this.#first = 0;
    }
  }

  /** Forgets the batches that reach to `endOffset` or behind it: the log ends where the first of them began, or at `endOffset`. */
  truncate(endOffset: number): void {
    if (endOffset >= this.#endOffset) return;
    const batches = this.batches();
    const kept = batches.findIndex(({ lastOffset }) => lastOffset >= endOffset);
    const cut = kept < 0 ? [] : batches.slice(kept);
    this.#batches.length -= cut.length;
    for (const { bytes } of cut) this.#sizeBytes -= bytes.length;
    this.#endOffset = Math.min(endOffset, cut[0]?.baseOffset ?? endOffset);
    this.#startOffset = Math.min(this.#startOffset, this.#endOffset);
  }

  /** Forgets everything; the next record gets offset 0. */
  clear(): void {
    this.#batches = [];
    this.#first = this.#startOffset = this.#endOffset = this.#sizeBytes = 0;
  }

  /**
   * The batches from the one that holds `offset` on, up to `maxBytes`; with `atLeastOne` the first whatever its size.
   * @param cut Whether the last batch is cut off at the limit, as a broker that reads files does; else it is left out.
   * @param until No batch from this offset on.
   */
  read(offset: number, maxBytes: number, atLeastOne: boolean, cut: boolean, until: number = this.#endOffset): ReadResult {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    let hasZstd = false;
    for (let i = this.#indexOf(offset); i < this.#batches.length; i++) {
      const { bytes, compression, baseOffset } = this.#batches[i] as StoredBatch;
      if (baseOffset >= until) break;
      const room = maxBytes - sizeBytes;
      const fits = bytes.length <= room || (atLeastOne && chunks.length === 0);
      if (!fits && (!cut || room <= 0 || chunks.length === 0)) break; // the first is never cut off
      const chunk = fits ? bytes : bytes.subarray(0, room);
      chunks.push(chunk);
      sizeBytes += chunk.length;
      hasZstd ||= compression === 'zstd';
      if (!fits) break;
    }
    return { chunks, sizeBytes, hasZstd };
  }

  /** The batch that holds `offset`, or the first behind it. */
  batchAt(offset: number): StoredBatch | undefined {
    return this.#batches[this.#indexOf(offset)];
  }

  /** Puts other bytes in the place of a batch: nothing about them is checked. */
  replace(batch: StoredBatch, bytes: Buffer): void {
    const index = this.#indexOf(batch.baseOffset);
    if (this.#batches[index] === batch) this.#batches[index] = { ...batch, bytes };
  }

  /** The first record that is not older than `timestamp`; undefined when there is none. */
  atTime(timestamp: number): TimedOffset | undefined {
    for (let i = this.#first; i < this.#batches.length; i++) {
      const batch = this.#batches[i] as StoredBatch;
      const found = batch.maxTimestamp < timestamp ? undefined : this.#firstFrom(batch, timestamp);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The first record with the largest timestamp there is; undefined for an empty log. */
  atLargestTime(): TimedOffset | undefined {
    let largest: StoredBatch | undefined;
    for (let i = this.#first; i < this.#batches.length; i++) {
      const batch = this.#batches[i] as StoredBatch;
      if (largest === undefined || batch.maxTimestamp > largest.maxTimestamp) largest = batch;
    }
    return largest && this.#firstFrom(largest, largest.maxTimestamp);
  }

  /**
   * Cold: copies, decompresses and decodes the batch. The checksum is not looked at: Kafka leaves that to those who read.
   * @throws CorruptRecordError for records that cannot be told apart.
   */
  #firstFrom(batch: StoredBatch, timestamp: number): TimedOffset | undefined {
    const bytes = Buffer.from(batch.bytes);
    putChecksum(bytes);
    for (const each of readBatches(bytes, { ...this.#source, fromOffset: this.#startOffset })) {
      for (const message of each) {
        if (message.timestamp >= timestamp) return { offset: message.offset, timestamp: message.timestamp, leaderEpoch: batch.leaderEpoch };
      }
    }
    return undefined;
  }

  /** Where the batch that holds `offset`, or the first behind it, is, by bisection. */
  #indexOf(offset: number): number {
    let low = this.#first;
    let high = this.#batches.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#batches[middle] as StoredBatch).lastOffset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A copy of a batch with one bit of its last byte changed. */
export function withWrongChecksum(batch: Buffer): Buffer {
  const damaged = Buffer.from(batch);
  damaged.writeUInt8(damaged.readUInt8(damaged.length - 1) ^ 1, damaged.length - 1);
  return damaged;
}
