import type { CorruptRecordError } from '../base/errors.js';
import type { CompressionName } from './compression/index.js';
import { type ControlType, controlTypeOf } from './control.js';
import { FastBuffer } from './fast-buffer.js';
import { attributesOf, type BatchHeader } from './header.js';
import { InvalidMessage } from './invalid-message.js';
import type { RecordSource, TimestampType } from './layout.js';
import { Message, type Shared } from './message.js';
import { HEADERS_AT, KEY_AT, KEY_LENGTH, type RecordIndex, STRIDE, VALUE_AT, VALUE_LENGTH } from './record-index.js';

/** Decompresses and indexes the records of one batch. */
export interface RecordLoader {
  /** Throws what is wrong with them. */
  load(): RecordIndex;
  /** The same; a promise where that takes long, which awaits `turn` now and then. */
  loadInTurns(turn: () => Promise<void>): RecordIndex | Promise<RecordIndex>;
}

const NOTHING: RecordIndex = { bytes: Buffer.alloc(0), count: 0, fields: new Int32Array(0), timestamps: new Float64Array(0) };
const UNOPENED: Shared = { bytes: NOTHING.bytes, magic: -1, attributes: -1 };

/**
 * One batch of a partition, checksum verified: its header as fields, its messages made on demand.
 * Messages below `fromOffset` are left out: a broker sends whole batches, also when it was asked for an offset inside one.
 * The records are decompressed and checked as a whole on first use, or by {@link open}: a damaged batch never gives some of its messages.
 */
export class RecordBatch implements Iterable<Message> {
  readonly topic: string;
  readonly partition: number;
  /** Of a compressed batch of message formats 0 and 1 known once it is open; till then it is no higher than that. */
  baseOffset: number;
  readonly lastOffset: number;
  /** The offset behind this batch: where reading goes on, whatever records are left in it. */
  readonly nextOffset: number;
  /** The epoch of the leader that appended it; -1 when unknown. */
  readonly leaderEpoch: number;
  /** The message format: 2, or 0 and 1 of old brokers. */
  readonly magic: 0 | 1 | 2;
  readonly compression: CompressionName;
  readonly timestampType: TimestampType;
  readonly maxTimestamp: number;
  readonly isTransactional: boolean;
  /** Written by a broker, not by a producer: its records are not for users. */
  readonly isControl: boolean;
  /** -1 when the producer was not idempotent; so are the next two. */
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  /** How many records there are, those below `fromOffset` included. -1 for a compressed batch of message formats 0 and 1 until it is open. */
  recordCount: number;
  /** Bytes on the wire, header included. */
  readonly sizeBytes: number;
  /** Who hands the messages out: each message made from now on can tell, see `originOf`. */
  origin: object | undefined;

  readonly #header: BatchHeader;
  readonly #damage: CorruptRecordError | undefined;
  /** What it is a copy of, by {@link again}. */
  #source: RecordBatch | undefined;
  /** Undefined once it is open. */
  #loader: RecordLoader | undefined;
  #index: RecordIndex = NOTHING;
  #shared: Shared = UNOPENED;
  #memory: ArrayBufferLike = NOTHING.bytes.buffer;
  #byteOffset = 0;
  #fromOffset: number;
  #first = 0;
  #cursor = 0;

  /**
   * Made by a reader.
   * @param damage Why the records cannot be read: it has one invalid message then.
   */
  constructor(
    source: RecordSource,
    header: BatchHeader,
    sizeBytes: number,
    fromOffset: number,
    loader: RecordLoader,
    damage?: CorruptRecordError | undefined,
  ) {
    this.topic = source.topic;
    this.partition = source.partition;
    this.baseOffset = header.baseOffset;
    this.lastOffset = header.baseOffset + header.lastOffsetDelta;
    this.nextOffset = this.lastOffset + 1;
    this.leaderEpoch = header.leaderEpoch;
    this.magic = header.magic;
    this.compression = header.compression;
    this.timestampType = header.timestampType;
    this.maxTimestamp = header.maxTimestamp;
    this.isTransactional = header.isTransactional;
    this.isControl = header.isControl;
    this.producerId = header.producerId;
    this.producerEpoch = header.producerEpoch;
    this.baseSequence = header.baseSequence;
    this.recordCount = header.recordCount;
    this.sizeBytes = sizeBytes;
    this.origin = undefined;
    this.#header = header;
    this.#fromOffset = fromOffset;
    this.#loader = loader;
    this.#damage = damage;
  }

  /** The same batch with a cursor and an {@link origin} of its own; what was decompressed is shared. */
  again(): RecordBatch {
    const source = this.#source ?? this; // not a copy of a copy: a head that is read ever again would make a chain without end
    const load = () => source.open().#index;
    const loadInTurns = (turn: () => Promise<void>) => source.openInTurns(turn)?.then(load) ?? source.#index;
    const copy = new RecordBatch(this, this.#header, this.sizeBytes, this.#fromOffset, { load, loadInTurns }, this.#damage);
    copy.#source = source;
    return copy;
  }

  /**
   * Decompresses and checks the records now, so that nothing that follows can fail.
   * @throws CorruptRecordError when they are damaged; UnsupportedError when this codec is not available;
   * KafkaError `TIDE_TOO_LARGE` when they pass the bound on decompressed bytes. Each throws again at the next use.
   */
  open(): this {
    if (this.#loader !== undefined) this.#opened(this.#loader.load());
    return this;
  }

  /**
   * As {@link open}, where it takes no long: gives undefined then. What decompresses to more than 16 MiB is done piece by piece, awaiting
   * `turn` in between: the promise rejects as `open` throws.
   */
  openInTurns(turn: () => Promise<void>): Promise<void> | undefined {
    const index = this.#loader?.loadInTurns(turn);
    if (index instanceof Promise) return index.then(loaded => this.#opened(loaded));
    if (index !== undefined) this.#opened(index);
    return undefined;
  }

  #opened(index: RecordIndex): void {
    if (this.#loader === undefined) return;
    this.#index = index;
    this.#shared = { bytes: index.bytes, magic: this.magic, attributes: attributesOf(this.#header) };
    if (index.baseOffset !== undefined) {
      this.baseOffset = index.baseOffset;
      this.recordCount = index.count;
    }
    this.#memory = this.#index.bytes.buffer;
    this.#byteOffset = this.#index.bytes.byteOffset;
    this.#loader = undefined;
    this.#first = this.#indexOf(this.#fromOffset);
    this.#cursor = this.#first;
  }

  /** Bytes of memory it holds: those on the wire and, once opened, what was decompressed and the index of its records. */
  get heldBytes(): number {
    const { bytes, fields, timestamps } = this.#index;
    return this.sizeBytes + (this.compression === 'none' ? 0 : bytes.length) + fields.byteLength + timestamps.byteLength;
  }

  /** How many messages there are, those below `fromOffset` not counted. */
  get count(): number {
    this.open();
    return this.#index.count - this.#first;
  }

  /** Message number `i`, from 0; undefined outside. */
  at(i: number): Message | undefined {
    if (this.#loader !== undefined) this.open();
    return i >= 0 && i < this.#index.count - this.#first ? this.#message(this.#first + i) : undefined;
  }

  /** The offset of message number `i`, which must be there, without making it. */
  offsetAt(i: number): number {
    this.open();
    return this.baseOffset + this.#index.fields[(this.#first + i) * STRIDE]!;
  }

  /** The next message of this batch's one cursor, which {@link seek} moves; undefined at the end. */
  next(): Message | undefined {
    if (this.#loader !== undefined) this.open();
    return this.#cursor < this.#index.count ? this.#message(this.#cursor++) : undefined;
  }

  /** How many messages {@link next} has still to give. */
  get remaining(): number {
    this.open();
    return this.#index.count - this.#cursor;
  }

  /** Moves the cursor to the first message at or behind `offset`, forwards or back. */
  seek(offset: number): void {
    this.open();
    this.#cursor = Math.max(this.#first, this.#indexOf(offset));
  }

  /** All messages from the first, independent of the cursor. */
  [Symbol.iterator](): Iterator<Message> {
    return new MessageIterator(this);
  }

  /** What a control batch says; undefined for every other batch. */
  get controlType(): ControlType | undefined {
    if (!this.isControl) return undefined;
    this.open();
    return this.#index.count === 0 ? 'other' : controlTypeOf(this.#message(0).key);
  }

  #message(i: number): Message {
    if (this.#damage !== undefined) {
      return new InvalidMessage(this.topic, this.partition, this.baseOffset, this.nextOffset, this.#damage, this.origin);
    }
    const { fields, timestamps } = this.#index;
    const row = i * STRIDE;
    const keyLength = fields[row + KEY_LENGTH]!;
    const valueLength = fields[row + VALUE_LENGTH]!;
    return new Message(
      this.topic,
      this.partition,
      this.baseOffset + fields[row]!,
      timestamps[i]!,
      this.timestampType,
      this.leaderEpoch,
      keyLength < 0 ? null : new FastBuffer(this.#memory, this.#byteOffset + fields[row + KEY_AT]!, keyLength),
      valueLength < 0 ? null : new FastBuffer(this.#memory, this.#byteOffset + fields[row + VALUE_AT]!, valueLength),
      this.#shared,
      fields[row + HEADERS_AT]!,
      this.origin,
    );
  }

  /** The number of the first record at or behind `offset`, by bisection: offsets grow. */
  #indexOf(offset: number): number {
    const { count, fields } = this.#index;
    const wanted = offset - this.baseOffset;
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (fields[middle * STRIDE]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** What stands in the place of records from `offset` up to `nextOffset` that cannot be read. */
export function damagedBatch(source: RecordSource, offset: number, nextOffset: number, damage: CorruptRecordError): RecordBatch {
  const header: BatchHeader = {
    baseOffset: offset,
    lastOffsetDelta: nextOffset - offset - 1,
    leaderEpoch: -1,
    magic: 2,
    compression: 'none',
    timestampType: 'none',
    isTransactional: false,
    isControl: false,
    baseTimestamp: -1,
    maxTimestamp: -1,
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    recordCount: 1,
  };
  const index = { ...NOTHING, count: 1, fields: new Int32Array(STRIDE), timestamps: new Float64Array([-1]) };
  return new RecordBatch(source, header, 0, offset, { load: () => index, loadInTurns: () => index }, damage);
}

class MessageIterator implements Iterator<Message> {
  readonly #batch: RecordBatch;
  readonly #count: number;
  #i = 0;

  constructor(batch: RecordBatch) {
    this.#batch = batch;
    this.#count = batch.count;
  }

  next(): IteratorResult<Message> {
    const value = this.#i < this.#count ? this.#batch.at(this.#i++) : undefined;
    return value === undefined ? { done: true, value } : { done: false, value };
  }
}
