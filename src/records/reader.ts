import { crc32c } from '../bytes/crc32c.js';
import { RecordBatch } from './batch.js';
import { corrupt } from './corrupt.js';
import { asBuffer } from './fast-buffer.js';
import { readBatchHeader, roundedInt64 } from './header.js';
import {
  ATTRIBUTES_AT,
  COUNT_AT,
  CRC_AT,
  HEADER_BYTES,
  LAST_OFFSET_DELTA_AT,
  LENGTH_AT,
  LENGTH_END,
  MAGIC_AT,
  type RecordSource,
} from './layout.js';
import { readMessageSet } from './message-set.js';
import { MIN_LENGTH } from './old-message.js';
import { StoredRecords } from './stored-records.js';

const NO_BYTES = Buffer.alloc(0);

export interface ReadOptions extends RecordSource {
  /** Messages below this offset are left out. Default 0. */
  readonly fromOffset?: number | undefined;
  /** The most bytes one batch may take when decompressed, with 32 bytes for each of its records. Default 134,217,728 (128 MiB). */
  readonly maxDecompressedBytes?: number | undefined;
  /** The bytes are what {@link inflateBatches} gave: checksums were looked at, and nothing is compressed. Default false. */
  readonly inflated?: boolean | undefined;
}

/**
 * Reads the batches of one partition one after another, checksum first. Message formats v0 and v1 know none: there it is a message with others
 * compressed in it, or as many that stand alone as make up 64 KiB. Made by {@link readBatches}.
 */
export class BatchReader implements Iterable<RecordBatch> {
  readonly #bytes: Buffer;
  readonly #source: RecordSource;
  readonly #fromOffset: number;
  readonly #maxDecompressedBytes: number;
  readonly #inflated: boolean;
  #at = 0;
  #lowestOffset = 0;
  #bytesNeeded = 0;
  #damagedEnd = -1;

  constructor(bytes: Uint8Array | null, options: ReadOptions) {
    this.#bytes = bytes === null ? NO_BYTES : asBuffer(bytes);
    this.#source = { topic: options.topic, partition: options.partition };
    this.#fromOffset = options.fromOffset ?? 0;
    this.#maxDecompressedBytes = options.maxDecompressedBytes ?? 128 * 2 ** 20;
    this.#inflated = options.inflated ?? false;
  }

  /** True once {@link next} has met a last batch that is cut short, which is normal: a broker cuts where its limit is. */
  get partial(): boolean {
    return this.#bytesNeeded > 0;
  }

  /**
   * The size in bytes of the batch that was cut short, 0 when none was: a fetch must ask for that much to get it whole.
   * As the batch is not there, nothing about the number was checked: bound it.
   */
  get bytesNeeded(): number {
    return this.#bytesNeeded;
  }

  /**
   * After {@link next} has thrown for a batch at `position`: where the damage ends. That is where the next sound batch begins, or before that
   * where the damaged one says it does, as a length that is damaged may pass over sound ones. Too low is safe: the rest of it is met again.
   */
  endOfDamage(position: number): number {
    const claimed = this.#damagedEnd > position ? this.#damagedEnd : undefined;
    try {
      const next = this.next();
      if (next !== undefined && next.magic < 2) next.open(); // only then it says where it begins
      if (next !== undefined && next.baseOffset > position) return Math.min(claimed ?? next.baseOffset, next.baseOffset);
    } catch {
      // damaged as well
    }
    return claimed ?? position + 1;
  }

  /**
   * The next whole batch; undefined at the end.
   * @throws CorruptRecordError. The next call goes on behind that batch when its length can be believed, and gives undefined when not.
   */
  next(): RecordBatch | undefined {
    const bytes = this.#bytes;
    const start = this.#at;
    const left = bytes.length - start;
    if (left === 0) return undefined;
    this.#at = bytes.length; // until the length is known to be sound
    this.#damagedEnd = -1;
    if (left < LENGTH_END) return this.#cutShort(HEADER_BYTES);

    const baseOffset = roundedInt64(bytes, start);
    const length = bytes.readInt32BE(start + LENGTH_AT);
    const magic = left > MAGIC_AT ? bytes.readInt8(start + MAGIC_AT) : 2;
    if (magic < 0 || magic > 2) throw corrupt(this.#source, baseOffset, `message format ${magic} is none of 0, 1 and 2`);
    if (length < (magic === 2 && left > MAGIC_AT ? HEADER_BYTES - LENGTH_END : MIN_LENGTH)) {
      throw corrupt(this.#source, baseOffset, `a batch cannot have ${length} bytes`);
    }
    if (length > left - LENGTH_END) return this.#cutShort(LENGTH_END + length);
    const end = start + LENGTH_END + length;
    this.#at = end;
    return magic === 2 ? this.#batch(start, end, baseOffset) : this.#messageSet(start, end, baseOffset);
  }

  *[Symbol.iterator](): Generator<RecordBatch, void, void> {
    for (let batch = this.next(); batch !== undefined; batch = this.next()) yield batch;
  }

  #cutShort(bytesNeeded: number): undefined {
    this.#bytesNeeded = bytesNeeded;
    return undefined;
  }

  #batch(start: number, end: number, baseOffset: number): RecordBatch {
    const bytes = this.#bytes;
    const source = this.#source;
    // Of the two numbers that say how many offsets there are, compaction makes the one smaller, and damage either: the smaller is the safer.
    this.#damagedEnd = baseOffset + Math.min(bytes.readInt32BE(start + LAST_OFFSET_DELTA_AT) + 1, bytes.readInt32BE(start + COUNT_AT));
    if (!this.#inflated) {
      const stored = bytes.readUInt32BE(start + CRC_AT);
      const computed = crc32c(bytes, start + ATTRIBUTES_AT, end);
      if (stored !== computed) throw corrupt(source, baseOffset, `its checksum is ${computed}, expected ${stored}`);
    }
    const header = readBatchHeader(bytes, start, source);
    if (baseOffset < this.#lowestOffset) {
      throw corrupt(source, baseOffset, `it follows a batch that ends before offset ${this.#lowestOffset}`);
    }
    const limits = { maxBytes: this.#maxDecompressedBytes, inflated: this.#inflated };
    const records = new StoredRecords(bytes, start + HEADER_BYTES, end, header, source, limits);
    const batch = new RecordBatch(source, header, end - start, this.#fromOffset, records);
    this.#lowestOffset = batch.nextOffset;
    return batch;
  }

  #messageSet(start: number, end: number, baseOffset: number): RecordBatch {
    this.#damagedEnd = baseOffset + 1; // also where others are compressed in it: it has the offset of the last
    const batch = readMessageSet(this.#bytes, start, end, {
      source: this.#source,
      fromOffset: this.#fromOffset,
      lowestOffset: this.#lowestOffset,
      maxDecompressedBytes: this.#maxDecompressedBytes,
    });
    this.#at = start + batch.sizeBytes;
    this.#lowestOffset = batch.nextOffset;
    return batch;
  }
}

/**
 * The batches in `bytes`, the `records` field of a fetch answer for one partition; null is an empty one.
 * Nothing is copied: the batches and their messages are views of `bytes`.
 */
export const readBatches = (bytes: Uint8Array | null, options: ReadOptions): BatchReader => new BatchReader(bytes, options);

/**
 * The batches in `bytes`, each decompressed and checked; one that is cut short at the end is left out.
 * @param options Topic and partition, which errors name; default none.
 * @throws CorruptRecordError, UnsupportedError, KafkaError `TIDE_TOO_LARGE`, as reading them one by one.
 */
export function decodeBatches(bytes: Uint8Array, options: Partial<ReadOptions> = {}): RecordBatch[] {
  const { topic = '', partition = -1 } = options;
  return Array.from(readBatches(bytes, { ...options, topic, partition }), batch => batch.open());
}
