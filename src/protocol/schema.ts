/**
 * The language protocol files are written in: what a field is, and in which versions.
 * Object keys are the order on the wire. Versions, nullability, tags and defaults mean what they mean in Kafka's own message files.
 * Source: https://kafka.apache.org/protocol, KIP-482 (flexible versions and tagged fields).
 */

/** Fields that are written as one value. `timestamp` is an int64 that is rounded where it is no safe integer; every other int64 must be one. */
export type Primitive =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'timestamp'
  | 'uint16'
  | 'uint32'
  | 'float64'
  | 'string'
  | 'bytes'
  | 'records'
  | 'uuid';

export type FieldType =
  | { readonly kind: Primitive }
  | { readonly kind: 'array'; readonly of: AnyField }
  | { readonly kind: 'struct'; readonly shape: Shape };

/** What is known of a field besides its type. */
export interface Facts {
  /** The first version that has the field. */
  readonly first: number;
  /** The last version that has it. */
  readonly last: number;
  /** The first version in which it may be null. */
  readonly nullableFrom: number;
  /** Its tag, if it is one of the optional fields behind a flexible struct. */
  readonly tag: number | undefined;
  /** What it is where the version lacks it; undefined: zero, empty or false, and required where the version has it. */
  readonly default: unknown;
  /** A value may be dropped where the version lacks the field. Otherwise that is an UnsupportedError. */
  readonly ignorable: boolean;
}

/** One field: its type and its versions. `In` is what encoding takes, `Out` what decoding gives. Modifiers return a new field. */
export class Field<In, Out, Optional extends boolean> {
  /** Known to the compiler only. */
  declare readonly types: { readonly in: In; readonly out: Out; readonly optional: Optional };
  readonly type: FieldType;
  readonly facts: Facts;

  constructor(type: FieldType, facts: Facts = everywhere) {
    this.type = type;
    this.facts = facts;
  }

  /** Present from version `first` on. */
  from(first: number): Field<In, Out, true> {
    return this.#with({ first });
  }

  /** Present in versions `first` to `last`. */
  range(first: number, last: number): Field<In, Out, true> {
    return this.#with({ first, last });
  }

  /** May be null, from version `first` on. */
  nullable(first = 0): Field<In | null, Out | null, Optional> {
    return this.#with({ nullableFrom: first });
  }

  /** May be left out when encoding; is decoded as `value` where the version lacks it. */
  default(value: In): Field<In, Out, true> {
    return this.#with({ default: value });
  }

  /** A tagged field from version `first` on: written only when it is not its default. */
  tag(tag: number, first: number): Field<In, Out, true> {
    return this.#with({ tag, first });
  }

  /** Losing the value in a version that lacks the field does not change the meaning. */
  ignorable(): Field<In, Out, Optional> {
    return this.#with({ ignorable: true });
  }

  #with<I, O, P extends boolean>(facts: Partial<Facts>): Field<I, O, P> {
    return new Field<I, O, P>(this.type, { ...this.facts, ...facts });
  }
}

const everywhere: Facts = {
  first: 0,
  last: Number.POSITIVE_INFINITY,
  nullableFrom: Number.POSITIVE_INFINITY,
  tag: undefined,
  default: undefined,
  ignorable: false,
};

export type AnyField = Field<unknown, unknown, boolean>;
export type Shape = { readonly [name: string]: AnyField };

type OptionalName<S extends Shape> = { [K in keyof S]: S[K]['types']['optional'] extends true ? K : never }[keyof S];
type Flat<T> = { [K in keyof T]: T[K] };

/** What encoding a shape takes: fields with a default, or absent in some version, may be left out. */
export type Input<S extends Shape> = Flat<
  { readonly [K in Exclude<keyof S, OptionalName<S>>]: S[K]['types']['in'] } & {
    readonly [K in OptionalName<S>]?: S[K]['types']['in'] | undefined;
  }
>;

/** What decoding a shape gives: every field, with its default where the version lacks it. */
export type Output<S extends Shape> = { readonly [K in keyof S]: S[K]['types']['out'] };

const primitive = <In, Out = In>(kind: Primitive): Field<In, Out, false> => new Field({ kind });

export const bool = primitive<boolean>('bool');
export const int8 = primitive<number>('int8');
export const int16 = primitive<number>('int16');
export const int32 = primitive<number>('int32');
/** A safe integer: decoding one outside of them is an error. */
export const int64 = primitive<number>('int64');
/** An int64 that applications choose freely: rounded to the nearest number. Milliseconds since 1970. */
export const timestamp = primitive<number>('timestamp');
export const uint16 = primitive<number>('uint16');
export const uint32 = primitive<number>('uint32');
export const float64 = primitive<number>('float64');
export const string = primitive<string>('string');
/** Decoded as a view of the frame. */
export const bytes = primitive<Uint8Array, Buffer>('bytes');
/** Record batches as bytes: taken as one piece or as a list, decoded as a view of the frame. */
export const records = primitive<Uint8Array | readonly Uint8Array[], Buffer>('records');
/** 22 characters of base64url, as Kafka prints them. */
export const uuid = primitive<string>('uuid');

export function struct<const S extends Shape>(shape: S): Field<Input<S>, Output<S>, false> {
  return new Field({ kind: 'struct', shape });
}

export function array<In, Out>(of: Field<In, Out, false>): Field<readonly In[], readonly Out[], false>;
export function array<const S extends Shape>(of: S): Field<readonly Input<S>[], readonly Output<S>[], false>;
export function array(of: AnyField | Shape): AnyField {
  return new Field({ kind: 'array', of: of instanceof Field ? of : struct(of) });
}
