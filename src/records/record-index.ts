import { MIN_RECORD_BYTES } from './layout.js';
import { VarintCursor } from './varint-cursor.js';

/** Numbers per record in {@link RecordIndex.fields}. */
export const STRIDE = 6;
/** The record's offset less the base offset of its batch. */
export const OFFSET_DELTA = 0;
/** Where the key begins, and its length: -1 for null. */
export const KEY_AT = 1;
export const KEY_LENGTH = 2;
/** Where the value begins, and its length: -1 for null. */
export const VALUE_AT = 3;
export const VALUE_LENGTH = 4;
/** Where the header count stands; -1 for a record without headers. */
export const HEADERS_AT = 5;

/** Bytes that an index takes for each record. */
export const INDEX_BYTES = STRIDE * Int32Array.BYTES_PER_ELEMENT + Float64Array.BYTES_PER_ELEMENT;

/** Where everything lies in the records of one batch: made in one pass that checks every length, so that reading by it checks nothing. */
export interface RecordIndex {
  /** The memory that holds the records, decompressed. */
  readonly bytes: Buffer;
  readonly count: number;
  /** {@link STRIDE} numbers per record. */
  readonly fields: Int32Array;
  /** Milliseconds per record; -1 for none. */
  readonly timestamps: Float64Array;
  /** What the offsets are counted from, where the header of the batch does not say it. */
  readonly baseOffset?: number | undefined;
}

/** What the header of a batch says about its records. */
export interface RecordClaims {
  readonly recordCount: number;
  readonly lastOffsetDelta: number;
  readonly baseTimestamp: number;
}

/**
 * Reads the structure of the records (message format v2) that fill `bytes` from `start` to `end`. A string says what is wrong with them.
 * Offsets must grow from record to record and stay within `lastOffsetDelta`: positions are counted by them.
 *
 * A field that reads past its record, or past the memory, is not noticed on the spot: the cursor only ever moves on, so its position at the
 * end of the record shows it.
 */
export function indexRecords(bytes: Buffer, start: number, end: number, claims: RecordClaims): RecordIndex | string {
  const { recordCount: count, lastOffsetDelta, baseTimestamp } = claims;
  if (count < 0 || count * MIN_RECORD_BYTES > end - start) return `${count} records cannot lie in ${end - start} bytes`;
  const fields = new Int32Array(count * STRIDE);
  const timestamps = new Float64Array(count);
  const cursor = new VarintCursor(bytes, start);
  let lastDelta = -1;
  for (let i = 0, row = 0; i < count; i++, row += STRIDE) {
    const length = cursor.varint();
    const recordEnd = cursor.at + length;
    if (length < MIN_RECORD_BYTES - 1 || recordEnd > end) return `record ${i} of ${count} claims ${length} bytes of ${end - cursor.at}`;

    cursor.at += 1; // the attributes, of which none are defined
    const timestampDelta = cursor.varlong();
    const offsetDelta = cursor.varint();
    const keyLength = cursor.varint();
    const keyAt = cursor.at;
    if (keyLength > 0) cursor.at += keyLength;
    const valueLength = cursor.varint();
    const valueAt = cursor.at;
    if (valueLength > 0) cursor.at += valueLength;
    const headersAt = bytes[cursor.at] === 0 ? -1 : cursor.at;
    if (headersAt < 0) cursor.at += 1;
    else skipHeaders(cursor, recordEnd);

    if (cursor.at !== recordEnd || keyLength < -1 || valueLength < -1 || Number.isNaN(timestampDelta)) {
      return `record ${i} of ${count}: its fields do not make up the ${length} bytes it claims`;
    }
    if (offsetDelta <= lastDelta || offsetDelta > lastOffsetDelta) {
      return `record ${i} of ${count} has the offset delta ${offsetDelta}: expected ${lastDelta + 1} to ${lastOffsetDelta}`;
    }
    lastDelta = offsetDelta;
    timestamps[i] = baseTimestamp + timestampDelta;
    fields[row] = offsetDelta;
    fields[row + KEY_AT] = keyAt;
    fields[row + KEY_LENGTH] = keyLength;
    fields[row + VALUE_AT] = valueAt;
    fields[row + VALUE_LENGTH] = valueLength;
    fields[row + HEADERS_AT] = headersAt;
  }
  if (cursor.at !== end) return `${end - cursor.at} bytes follow the last of ${count} records`;
  return { bytes, count, fields, timestamps };
}

/** Moves behind the headers whose count comes next; behind `recordEnd` when they are malformed. */
function skipHeaders(cursor: VarintCursor, recordEnd: number): void {
  const count = cursor.varint();
  let sound = count >= 0; // each takes two bytes at least, so that the loop ends where the record does
  for (let i = 0; i < count && sound; i++) {
    const nameLength = cursor.varint();
    cursor.at += nameLength;
    sound = nameLength >= 0 && cursor.at < recordEnd;
    if (!sound) break;
    const valueLength = cursor.varint();
    if (valueLength > 0) cursor.at += valueLength;
    sound = valueLength >= -1 && cursor.at <= recordEnd;
  }
  if (!sound) cursor.at = recordEnd + 1;
}
