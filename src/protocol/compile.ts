import { InputError, ProtocolError, UnsupportedError } from '../base/errors.js';
import type { Reader } from '../bytes/reader.js';
import { Writer } from '../bytes/writer.js';
import { defaultOf, isDefault, refuseLoss } from './defaults.js';
import { located } from './located.js';
import type { AnyField, FieldType, Primitive, Shape } from './schema.js';

/** How one field, or struct, of one version is read and written. */
export interface Codec {
  readonly read: (reader: Reader) => unknown;
  readonly write: (writer: Writer, value: unknown) => void;
  /** The fewest bytes a value takes: what array counts are checked against. */
  readonly minBytes: number;
  /** About how many words of 8 bytes a value takes in memory, what is as long as on the wire left out. */
  readonly words: number;
}

/** Kafka's limit for strings, also where the length could be larger. */
const MAX_STRING_BYTES = 32767;

/** The codec of a shape in one version. */
export function compileShape(shape: Shape, version: number, flexible: boolean): Codec {
  const plain: Member[] = [];
  const tagged: Member[] = [];
  const absent: Member[] = [];
  const blank: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(shape)) {
    const { first, last, tag } = field.facts;
    const present = version >= first && version <= last;
    const member = { name, field, codec: present ? compileField(field, version, flexible) : nothing };
    blank[name] = defaultOf(field);
    (present ? (tag === undefined ? plain : tagged) : absent).push(member);
  }
  tagged.sort((a, b) => tagOf(a) - tagOf(b));
  const byTag = new Map(tagged.map(member => [tagOf(member), member]));
  return {
    minBytes: plain.reduce((sum, { codec }) => sum + codec.minBytes, flexible ? 1 : 0),
    words: plain.reduce((sum, { codec }) => sum + codec.words, OBJECT_WORDS + absent.length + tagged.length),
    read(reader) {
      const value = { ...blank };
      let step = '';
      try {
        for (const { name, codec } of plain) {
          step = name;
          value[name] = codec.read(reader);
        }
        step = '';
        if (flexible) readTagged(reader, byTag, value);
      } catch (error) {
        throw located(error, step);
      }
      return value;
    },
    write(writer, value) {
      if (!isRecord(value)) throw new InputError(`expected an object, got ${typeName(value)}`);
      let step = '';
      try {
        for (const { name, field } of absent) {
          step = name;
          refuseLoss(field, value[name]);
        }
        for (const { name, field, codec } of plain) {
          step = name;
          const given = value[name];
          codec.write(writer, given === undefined ? field.facts.default : given);
        }
        step = '';
        if (flexible) writeTagged(writer, tagged, value);
      } catch (error) {
        throw located(error, step);
      }
    },
  };
}

interface Member {
  readonly name: string;
  readonly field: AnyField;
  readonly codec: Codec;
}

const OBJECT_WORDS = 3;

const tagOf = ({ field }: Member): number => field.facts.tag ?? -1;
const nothing: Codec = { minBytes: 0, words: 0, read: () => undefined, write: () => {} };

/** The fields behind a flexible struct: each by number, ascending, with its size, so that unknown ones can be skipped. */
function readTagged(reader: Reader, known: ReadonlyMap<number, Member>, value: Record<string, unknown>): void {
  const count = reader.uvarint();
  if (count * 2 > reader.remaining) throw malformed(reader, `${count} tagged fields do not fit ${reader.remaining} bytes`);
  let previous = -1;
  for (let i = 0; i < count; i++) {
    const tag = reader.uvarint();
    if (tag <= previous) throw malformed(reader, `tagged field ${tag} comes after ${previous}`);
    previous = tag;
    const part = reader.part(reader.uvarint());
    const member = known.get(tag);
    if (member === undefined) continue;
    try {
      value[member.name] = member.codec.read(part);
      if (part.remaining > 0) throw malformed(part, `${part.remaining} bytes are left in tagged field ${tag}`);
    } catch (error) {
      throw located(error, member.name);
    }
  }
}

function writeTagged(writer: Writer, tagged: readonly Member[], value: Record<string, unknown>): void {
  const present = tagged.filter(({ name, field }) => value[name] !== undefined && !isDefault(field, value[name]));
  writer.uvarint(present.length);
  for (const member of present) {
    const content = new Writer(64);
    try {
      member.codec.write(content, value[member.name]);
    } catch (error) {
      throw located(error, member.name);
    }
    writer.uvarint(tagOf(member));
    writer.uvarint(content.size);
    for (const chunk of content.finish()) writer.bytes(chunk);
  }
}

function compileField({ type, facts }: AnyField, version: number, flexible: boolean): Codec {
  const nullable = version >= facts.nullableFrom;
  const codec = compileType(type, nullable, version, flexible);
  return {
    ...codec,
    write(writer, value) {
      if (value === undefined) throw new InputError('is missing');
      if (value === null && !nullable) {
        if (facts.nullableFrom === Number.POSITIVE_INFINITY) throw new InputError('must not be null');
        throw new UnsupportedError(`null needs v${facts.nullableFrom} or later`);
      }
      codec.write(writer, value);
    },
  };
}

function compileType(type: FieldType, nullable: boolean, version: number, flexible: boolean): Codec {
  switch (type.kind) {
    case 'struct':
      return compileStruct(compileShape(type.shape, version, flexible), nullable);
    case 'array':
      return compileArray(compileField(type.of, version, flexible), nullable, flexible);
    case 'string':
      return compileString(nullable, flexible);
    case 'bytes':
    case 'records':
      return compileBytes(nullable, flexible);
    default:
      return fixed[type.kind];
  }
}

/** A struct that may be null has a byte before it: 1, or -1 for null. */
function compileStruct(codec: Codec, nullable: boolean): Codec {
  if (!nullable) return codec;
  return {
    minBytes: 1,
    words: codec.words,
    read: reader => (reader.int8() < 0 ? null : codec.read(reader)),
    write(writer, value) {
      writer.int8(value === null ? -1 : 1);
      if (value !== null) codec.write(writer, value);
    },
  };
}

function compileArray(element: Codec, nullable: boolean, flexible: boolean): Codec {
  const size = flexible ? compactSize : size32;
  const minBytes = Math.max(1, element.minBytes);
  return {
    minBytes: size.minBytes,
    words: OBJECT_WORDS,
    read(reader) {
      const count = size.read(reader);
      if (count < 0) return noValue(reader, count, nullable);
      if (count * minBytes > reader.remaining) {
        throw malformed(reader, `${count} elements of at least ${minBytes} bytes do not fit ${reader.remaining} bytes`);
      }
      reader.reserve(count * element.words);
      const list: unknown[] = [];
      try {
        while (list.length < count) list.push(element.read(reader));
      } catch (error) {
        throw located(error, `[${list.length}]`);
      }
      return list;
    },
    write(writer, value) {
      if (value === null) return size.write(writer, -1);
      if (!Array.isArray(value)) throw new InputError(`expected an array, got ${typeName(value)}`);
      size.write(writer, value.length);
      let index = 0;
      try {
        for (; index < value.length; index++) element.write(writer, value[index]);
      } catch (error) {
        throw located(error, `[${index}]`);
      }
    },
  };
}

function compileString(nullable: boolean, flexible: boolean): Codec {
  const size = flexible ? compactSize : size16;
  return {
    minBytes: size.minBytes,
    words: 3,
    read(reader) {
      const count = size.read(reader);
      if (count < 0) return noValue(reader, count, nullable);
      if (count > MAX_STRING_BYTES) throw malformed(reader, `a string of ${count} bytes, more than ${MAX_STRING_BYTES}`);
      return reader.string(count);
    },
    write(writer, value) {
      if (value === null) return size.write(writer, -1);
      if (typeof value !== 'string') throw new InputError(`expected a string, got ${typeName(value)}`);
      const count = Buffer.byteLength(value);
      if (count > MAX_STRING_BYTES) throw new InputError(`expected a string of at most ${MAX_STRING_BYTES} bytes, got ${count}`);
      size.write(writer, count);
      writer.string(value, count);
    },
  };
}

function compileBytes(nullable: boolean, flexible: boolean): Codec {
  const size = flexible ? compactSize : size32;
  return {
    minBytes: size.minBytes,
    words: 12, // a view is larger than what it shows
    read(reader) {
      const count = size.read(reader);
      return count < 0 ? noValue(reader, count, nullable) : reader.bytes(count);
    },
    write(writer, value) {
      if (value === null) return size.write(writer, -1);
      const pieces: readonly unknown[] = Array.isArray(value) ? value : [value];
      if (!pieces.every(piece => piece instanceof Uint8Array)) throw new InputError(`expected bytes, got ${typeName(value)}`);
      size.write(
        writer,
        pieces.reduce((sum, piece) => sum + piece.length, 0),
      );
      for (const piece of pieces) writer.bytes(piece);
    },
  };
}

/** How a length or count is written; -1 stands for null. */
interface Size {
  readonly minBytes: number;
  read(reader: Reader): number;
  write(writer: Writer, count: number): void;
}
const size16: Size = { minBytes: 2, read: reader => reader.int16(), write: (writer, count) => writer.int16(count) };
const size32: Size = { minBytes: 4, read: reader => reader.int32(), write: (writer, count) => writer.int32(count) };
const compactSize: Size = { minBytes: 1, read: reader => reader.uvarint() - 1, write: (writer, count) => writer.uvarint(count + 1) };

type Fixed = Exclude<Primitive, 'string' | 'bytes' | 'records'>;

const fixed: Readonly<Record<Fixed, Codec>> = {
  bool: {
    minBytes: 1,
    words: 1,
    read: reader => reader.int8() !== 0,
    write(writer, value) {
      if (typeof value !== 'boolean') throw new InputError(`expected a boolean, got ${typeName(value)}`);
      writer.bool(value);
    },
  },
  uuid: {
    minBytes: 16,
    words: 5,
    read: reader => reader.uuid(),
    write: (writer, value) => writer.uuid(value as string), // the writer checks it
  },
  int8: numeric(1, 'int8'),
  int16: numeric(2, 'int16'),
  int32: numeric(4, 'int32'),
  int64: numeric(8, 'int64'),
  timestamp: numeric(8, 'int64Rounded'),
  uint16: numeric(2, 'uint16'),
  uint32: numeric(4, 'uint32'),
  float64: numeric(8, 'float64'),
};

type NumberMethod = 'int8' | 'int16' | 'int32' | 'int64' | 'int64Rounded' | 'uint16' | 'uint32' | 'float64';

function numeric(minBytes: number, method: NumberMethod): Codec {
  return {
    minBytes,
    words: 1,
    read: reader => reader[method](),
    write(writer, value) {
      if (typeof value !== 'number') throw new InputError(`expected a number, got ${typeName(value)}`);
      writer[method](value);
    },
  };
}

function noValue(reader: Reader, count: number, nullable: boolean): null {
  if (count === -1 && nullable) return null;
  throw malformed(reader, count === -1 ? 'null where the protocol allows none' : `a length of ${count}`);
}

const malformed = (reader: Reader, message: string): ProtocolError =>
  new ProtocolError(message, { context: { position: reader.position } });

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const typeName = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value);
