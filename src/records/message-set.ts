import { RecordBatch, type RecordLoader } from './batch.js';
import { type Compressed, decompressInTurns, decompressRecords } from './compression/index.js';
import { corrupt, tooManyRecords } from './corrupt.js';
import { asBuffer } from './fast-buffer.js';
import { type BatchHeader, roundedInt64 } from './header.js';
import { MAGIC_AT, type RecordSource } from './layout.js';
import { endOfMessage, type OldMessage, readOldMessage } from './old-message.js';
import { HEADERS_AT, INDEX_BYTES, KEY_AT, KEY_LENGTH, type RecordIndex, STRIDE, VALUE_AT, VALUE_LENGTH } from './record-index.js';

/** Messages that stand alone are read together, about as many as a batch is large elsewhere. */
const GATHERED_BYTES = 64 * 1024;
/** Offsets within a batch are counted from its first, in 32 bits. */
const MOST_DELTA = 2 ** 31 - 1;

export interface MessageSetContext {
  readonly source: RecordSource;
  /** Messages below this offset are left out. */
  readonly fromOffset: number;
  /** Where the batch before this one ends. */
  readonly lowestOffset: number;
  readonly maxDecompressedBytes: number;
}

/**
 * What begins with the whole message that fills `bytes` from `start` to `end` (message formats v0 and v1): the messages compressed in it, or
 * it and those like it that follow, up to the first that is not whole or not sound.
 * @throws CorruptRecordError when the first message is damaged. Whether those that are compressed in it are sound is seen when it is opened;
 * where it has the offset 0 that is done now, as their own offsets count then.
 */
export function readMessageSet(bytes: Buffer, start: number, end: number, context: MessageSetContext): RecordBatch {
  const { source, fromOffset } = context;
  const offset = roundedInt64(bytes, start);
  const first = readOldMessage(bytes, start, end);
  if (typeof first === 'string') throw corrupt(source, offset, first);
  if (offset < context.lowestOffset) {
    throw corrupt(source, offset, `it follows a batch that ends before offset ${context.lowestOffset}`);
  }
  if (first.compression !== 'none') return wrapped(bytes, first, context);
  const messages = gather(bytes, first);
  const last = messages.at(-1) ?? first;
  const index = new IndexWriter(bytes, messages.length, offset);
  let maxTimestamp = -1;
  for (const message of messages) {
    index.add(message, message.offset, message.timestamp);
    if (message.timestamp > maxTimestamp) maxTimestamp = message.timestamp;
  }
  const header = headerOf(first, { baseOffset: offset, lastOffsetDelta: last.offset - offset, recordCount: messages.length, maxTimestamp });
  return new RecordBatch(source, header, last.end - start, fromOffset, loaded(index.written));
}

/** `first`, and the messages behind it that can be read together with it. */
function gather(bytes: Buffer, first: OldMessage): readonly OldMessage[] {
  const messages = [first];
  for (let last = first; ; ) {
    const end = endOfMessage(bytes, last.end);
    if (end === undefined || end - first.start > GATHERED_BYTES || bytes[last.end + MAGIC_AT] !== first.magic) return messages;
    const next = readOldMessage(bytes, last.end, end);
    if (typeof next === 'string' || next.compression !== 'none' || next.appendTime !== first.appendTime) return messages;
    if (next.offset <= last.offset || next.offset - first.offset > MOST_DELTA) return messages;
    messages.push(next);
    last = next;
  }
}

function wrapped(bytes: Buffer, wrapper: OldMessage, context: MessageSetContext): RecordBatch {
  const { source, fromOffset, lowestOffset: baseOffset } = context; // where it begins is known when it is open
  const { offset, start, end, timestamp: maxTimestamp } = wrapper;
  if (wrapper.valueLength < 0) throw corrupt(source, offset, `its ${wrapper.compression} data is missing`);
  const messages = new WrappedMessages(bytes, wrapper, context);
  const header = headerOf(wrapper, { baseOffset, lastOffsetDelta: offset - baseOffset, recordCount: -1, maxTimestamp });
  if (offset > 0) return new RecordBatch(source, header, end - start, fromOffset, messages);
  const index = messages.load();
  const lastOffset = index.baseOffset + (index.fields[(index.count - 1) * STRIDE] ?? 0);
  return new RecordBatch(source, { ...header, lastOffsetDelta: lastOffset - baseOffset }, end - start, fromOffset, loaded(index));
}

/** The header that a batch of record format v2 would have. */
function headerOf(
  { magic, compression, appendTime, timestamp }: OldMessage,
  rest: Pick<BatchHeader, 'baseOffset' | 'lastOffsetDelta' | 'recordCount' | 'maxTimestamp'>,
): BatchHeader {
  return {
    leaderEpoch: -1,
    magic,
    compression,
    timestampType: magic === 0 ? 'none' : appendTime ? 'append' : 'create',
    isTransactional: false,
    isControl: false,
    baseTimestamp: timestamp,
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    ...rest,
  };
}

const loaded = (index: RecordIndex): RecordLoader => ({ load: () => index, loadInTurns: () => index });

/** The messages compressed in another one, decompressed and checked when they are wanted. */
class WrappedMessages implements RecordLoader {
  readonly #bytes: Buffer;
  readonly #wrapper: OldMessage;
  readonly #context: MessageSetContext;

  constructor(bytes: Buffer, wrapper: OldMessage, context: MessageSetContext) {
    this.#bytes = bytes;
    this.#wrapper = wrapper;
    this.#context = context;
  }

  load(): OldIndex {
    return this.#index(decompressRecords(this.#compressed()));
  }

  loadInTurns(turn: () => Promise<void>): OldIndex | Promise<OldIndex> {
    const plain = decompressInTurns(this.#compressed(), turn);
    return plain instanceof Promise ? plain.then(bytes => this.#index(bytes)) : this.#index(plain);
  }

  #compressed(): Compressed {
    const { offset, magic, compression: name, valueAt, end } = this.#wrapper;
    const { source, maxDecompressedBytes: maxBytes } = this.#context;
    return { name, bytes: this.#bytes.subarray(valueAt, end), maxBytes, source, offset, oldFormat: magic === 0 };
  }

  #index(decompressed: Uint8Array): OldIndex {
    const bytes = asBuffer(decompressed);
    const { source, maxDecompressedBytes: maxBytes } = this.#context;
    const { offset, magic, appendTime, timestamp } = this.#wrapper;
    const damaged = (what: string) => corrupt(source, offset, what);
    let count = 0;
    let lastAt = 0;
    for (let at = 0; at < bytes.length; count++) {
      const end = endOfMessage(bytes, at);
      if (end === undefined) throw damaged(`message ${count} in it is not whole`);
      lastAt = at;
      at = end;
    }
    if (count === 0) throw damaged('there are no messages in it');
    const indexBytes = count * INDEX_BYTES;
    if (bytes.length + indexBytes > maxBytes) throw tooManyRecords(source, offset, { count, bytes: bytes.length, indexBytes, maxBytes });

    const shift = this.#shift(bytes, lastAt);
    if (typeof shift === 'string') throw damaged(shift);
    const baseOffset = shift + roundedInt64(bytes, 0);
    if (baseOffset < this.#context.lowestOffset) {
      throw damaged(`its first offset is ${baseOffset}, but it follows a batch that ends before offset ${this.#context.lowestOffset}`);
    }
    const index = new IndexWriter(bytes, count, baseOffset);
    let previous = -1;
    for (let at = 0, i = 0; i < count; i++) {
      const message = readOldMessage(bytes, at, endOfMessage(bytes, at) ?? bytes.length);
      if (typeof message === 'string') throw damaged(`message ${i} of ${count} in it: ${message}`);
      if (message.compression !== 'none') throw damaged(`message ${i} of ${count} in it is compressed once more, which none may be`);
      if (message.offset <= previous || message.offset + shift - baseOffset > MOST_DELTA) {
        throw damaged(`message ${i} of ${count} in it has the offset ${message.offset}, behind ${previous}`);
      }
      previous = message.offset;
      index.add(message, message.offset + shift, magic === 0 ? -1 : appendTime ? timestamp : message.timestamp);
      at = message.end;
    }
    return index.written;
  }

  /**
   * What is to be added to the offsets inside: in v1 they count from the first, and the wrapper has that of the last; in v0 they are as they
   * stand, and so they are in a wrapper without an offset, as producers send it.
   */
  #shift(bytes: Buffer, lastAt: number): number | string {
    const { offset, magic } = this.#wrapper;
    const last = roundedInt64(bytes, lastAt);
    if (offset === 0) return 0;
    if (last > offset) return `the last message in it has the offset ${last}, which is above its own`;
    return magic === 0 ? 0 : offset - last;
  }
}

/** An index that says which offset its deltas are counted from. */
type OldIndex = RecordIndex & { readonly baseOffset: number };

class IndexWriter {
  readonly written: OldIndex;
  #row = 0;

  constructor(bytes: Buffer, count: number, baseOffset: number) {
    this.written = { bytes, count, fields: new Int32Array(count * STRIDE), timestamps: new Float64Array(count), baseOffset };
  }

  add({ keyAt, keyLength, valueAt, valueLength }: OldMessage, offset: number, timestamp: number): void {
    const { fields, timestamps, baseOffset } = this.written;
    const row = this.#row;
    fields[row] = offset - baseOffset;
    fields[row + KEY_AT] = keyAt;
    fields[row + KEY_LENGTH] = keyLength;
    fields[row + VALUE_AT] = valueAt;
    fields[row + VALUE_LENGTH] = valueLength;
    fields[row + HEADERS_AT] = -1;
    timestamps[row / STRIDE] = timestamp;
    this.#row = row + STRIDE;
  }
}
