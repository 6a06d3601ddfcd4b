import { Reader } from '../../src/bytes/reader.js';

/** How an integer stands in some bytes. */
export type FieldKind = 'int8' | 'int16' | 'int32' | 'int64' | 'uvarint' | 'varlong';

/** An integer that a decoder read: a number, a length or a count. */
export interface FieldPlace {
  readonly kind: FieldKind;
  readonly at: number;
  readonly end: number;
}

/** A reader that notes where each integer stood. */
export class TracingReader extends Reader {
  readonly #bytes: Buffer;
  readonly fields: FieldPlace[];

  constructor(bytes: Buffer, start = 0, end = bytes.length, fields: FieldPlace[] = []) {
    super(bytes, start, end);
    this.#bytes = bytes;
    this.fields = fields;
  }

  override int8 = (): number => this.#noted('int8', () => super.int8());
  override uint8 = (): number => this.#noted('int8', () => super.uint8());
  override int16 = (): number => this.#noted('int16', () => super.int16());
  override uint16 = (): number => this.#noted('int16', () => super.uint16());
  override int32 = (): number => this.#noted('int32', () => super.int32());
  override uint32 = (): number => this.#noted('int32', () => super.uint32());
  override int64Rounded = (): number => this.#noted('int64', () => super.int64Rounded());
  override uvarint = (): number => this.#noted('uvarint', () => super.uvarint());
  override varlongRounded = (): number => this.#noted('varlong', () => super.varlongRounded());

  override part(count: number): Reader {
    const at = this.position;
    super.skip(count);
    return new TracingReader(this.#bytes, at, at + count, this.fields);
  }

  #noted(kind: FieldKind, read: () => number): number {
    const at = this.position;
    const value = read();
    this.fields.push({ kind, at, end: this.position });
    return value;
  }
}

/** Where the integers of records in format v2 stand, for as far as the bytes are such records. */
export function recordFields(records: Buffer): readonly FieldPlace[] {
  const reader = new TracingReader(records);
  try {
    while (reader.remaining > 0) {
      reader.varint();
      reader.int8();
      reader.varlongRounded();
      reader.varint();
      for (let i = 0; i < 2; i++) reader.skip(Math.max(0, reader.varint()));
      for (let strings = reader.varint() * 2; strings > 0; strings--) reader.skip(Math.max(0, reader.varint()));
    }
  } catch {
    // what was read so far is enough
  }
  return reader.fields;
}
