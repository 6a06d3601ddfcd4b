import type { RecordLoader } from './batch.js';
import { type Compressed, decompressInTurns, decompressRecords } from './compression/index.js';
import { corrupt, tooManyRecords } from './corrupt.js';
import { asBuffer } from './fast-buffer.js';
import type { BatchHeader } from './header.js';
import { MIN_RECORD_BYTES, type RecordSource } from './layout.js';
import { INDEX_BYTES, indexRecords, type RecordIndex } from './record-index.js';

/** The records of a batch (format v2) as they lie in an answer: decompressed and checked when they are wanted. */
export class StoredRecords implements RecordLoader {
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #end: number;
  readonly #header: BatchHeader;
  readonly #source: RecordSource;
  readonly #maxBytes: number;
  readonly #isPlain: boolean;

  /**
   * Those that lie in `bytes` from `start` to `end`.
   * @param maxBytes The most that they may take when loaded, with their index.
   * @param inflated Whether they are decompressed already, whatever the header says.
   */
  constructor(
    bytes: Buffer,
    start: number,
    end: number,
    header: BatchHeader,
    source: RecordSource,
    { maxBytes, inflated }: { readonly maxBytes: number; readonly inflated: boolean },
  ) {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#header = header;
    this.#source = source;
    this.#maxBytes = maxBytes;
    this.#isPlain = inflated || header.compression === 'none' || start === end;
  }

  load(): RecordIndex {
    return this.#isPlain ? this.#index(this.#bytes, this.#start, this.#end) : this.#indexAll(decompressRecords(this.#compressed()));
  }

  loadInTurns(turn: () => Promise<void>): RecordIndex | Promise<RecordIndex> {
    if (this.#isPlain) return this.load();
    const plain = decompressInTurns(this.#compressed(), turn);
    return plain instanceof Promise ? plain.then(bytes => this.#indexAll(bytes)) : this.#indexAll(plain);
  }

  #compressed(): Compressed {
    const { baseOffset, compression } = this.#header;
    return {
      name: compression,
      bytes: this.#bytes.subarray(this.#start, this.#end),
      maxBytes: this.#maxBytes,
      source: this.#source,
      offset: baseOffset,
      oldFormat: false,
    };
  }

  #indexAll(plain: Uint8Array): RecordIndex {
    return this.#index(asBuffer(plain), 0, plain.length);
  }

  #index(bytes: Buffer, start: number, end: number): RecordIndex {
    const { recordCount, baseOffset: offset, timestampType, maxTimestamp } = this.#header;
    const indexBytes = recordCount * INDEX_BYTES;
    const fits = (this.#isPlain ? 0 : end - start) + indexBytes <= this.#maxBytes;
    if (!fits && recordCount * MIN_RECORD_BYTES <= end - start) {
      const size = { count: recordCount, bytes: end - start, indexBytes, maxBytes: this.#maxBytes };
      throw tooManyRecords(this.#source, offset, size);
    }
    const index = indexRecords(bytes, start, end, this.#header);
    if (typeof index === 'string') throw corrupt(this.#source, offset, index);
    if (timestampType === 'append') index.timestamps.fill(maxTimestamp);
    return index;
  }
}
