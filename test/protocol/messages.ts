import fc from 'fast-check';
import { defaultOf } from '../../src/protocol/defaults.js';
import { type Api, apisByKey } from '../../src/protocol/index.js';
import { type AnyField, Field, type FieldType, type Shape } from '../../src/protocol/schema.js';

/** One half of an API in one version. */
export interface Case {
  readonly api: Api;
  readonly part: 'request' | 'response';
  readonly version: number;
  readonly shape: Shape;
}

export const title = ({ api, part, version }: Case): string => `${api.name} v${version} ${part}`;

/** Every version of both halves of every API. */
export const allCases: readonly Case[] = [...apisByKey.values()].flatMap(api =>
  Array.from({ length: api.versions[1] - api.versions[0] + 1 }, (_, index) => api.versions[0] + index).flatMap(version => [
    { api, part: 'request' as const, version, shape: api.request },
    { api, part: 'response' as const, version, shape: api.response },
  ]),
);

export const isPresent = ({ facts }: AnyField, version: number): boolean => version >= facts.first && version <= facts.last;

/**
 * Values for a shape as a caller may give them: fields the version lacks are left out, those with a default sometimes.
 * With `'never'` a message has all its fields, and something in each list.
 */
export function given(shape: Shape, version: number, leaveOut: LeaveOut = 'sometimes'): fc.Arbitrary<Record<string, unknown>> {
  const fields = Object.entries(shape).filter(([, field]) => isPresent(field, version));
  const optional = ([, { facts }]: [string, AnyField]): boolean =>
    leaveOut === 'sometimes' && (facts.default !== undefined || facts.tag !== undefined);
  return fc.record(Object.fromEntries(fields.map(([name, field]) => [name, value(field, version, leaveOut)])), {
    requiredKeys: fields.filter(field => !optional(field)).map(([name]) => name),
  });
}

type LeaveOut = 'sometimes' | 'never';

function value(field: AnyField, version: number, leaveOut: LeaveOut): fc.Arbitrary<unknown> {
  const values = valueOfType(field.type, version, leaveOut);
  return version >= field.facts.nullableFrom ? fc.option(values, { freq: 3 }) : values;
}

function valueOfType(type: FieldType, version: number, leaveOut: LeaveOut): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'bool':
      return fc.boolean();
    case 'int8':
      return fc.integer({ min: -128, max: 127 });
    case 'int16':
      return fc.integer({ min: -32768, max: 32767 });
    case 'int32':
      return fc.integer();
    case 'uint16':
      return fc.integer({ min: 0, max: 65535 });
    case 'uint32':
      return fc.integer({ min: 0, max: 2 ** 32 - 1 });
    case 'int64':
    case 'timestamp':
      return fc.oneof(fc.maxSafeInteger(), fc.integer());
    case 'float64':
      return fc.double({ noNaN: true, noDefaultInfinity: true });
    case 'string':
      return fc.string({ unit: 'binary', maxLength: 8 });
    case 'uuid':
      return fc.uint8Array({ minLength: 16, maxLength: 16 }).map(bytes => Buffer.from(bytes).toString('base64url'));
    case 'bytes':
    case 'records':
      return fc.uint8Array({ maxLength: 12 }).map(bytes => Buffer.from(bytes));
    case 'array':
      return fc.array(value(type.of, version, leaveOut), { minLength: leaveOut === 'never' ? 1 : 0, maxLength: 2 });
    case 'struct':
      return given(type.shape, version, leaveOut);
    default:
      return type satisfies never;
  }
}

/** A message with all its fields; the same in every run. */
export const sample = ({ shape, version }: Case): object => fc.sample(given(shape, version, 'never'), { numRuns: 1, seed: 7 })[0] ?? {};

/**
 * A message with as little in it as can be: `'nulls'` has null wherever it may stand and one element in the other lists of structs,
 * `'empties'` has empty values where null may stand, one element in lists of structs that may be null, and none in the others.
 */
export function bare(shape: Shape, version: number, how: 'nulls' | 'empties'): Record<string, unknown> {
  const plain = Object.entries(shape).filter(([, field]) => isPresent(field, version) && field.facts.tag === undefined);
  return Object.fromEntries(plain.map(([name, field]) => [name, bareValue(field, version, how)]));
}

function bareValue({ type, facts }: AnyField, version: number, how: 'nulls' | 'empties'): unknown {
  const nullable = version >= facts.nullableFrom;
  if (nullable && how === 'nulls') return null;
  if (type.kind === 'struct') return bare(type.shape, version, how);
  if (type.kind === 'array' && type.of.type.kind === 'struct')
    return nullable || how === 'nulls' ? [bare(type.of.type.shape, version, how)] : [];
  return defaultOf(new Field(type, { ...facts, default: facts.default ?? undefined }));
}

/** What decoding gives for what was given: the fields left out have their defaults. */
export function completed(shape: Shape, version: number, body: object): Record<string, unknown> {
  const fields = new Map<string, unknown>(Object.entries(body));
  return Object.fromEntries(
    Object.entries(shape).map(([name, field]) => {
      const own = fields.get(name);
      return [name, own === undefined || !isPresent(field, version) ? defaultOf(field) : completedValue(field.type, version, own)];
    }),
  );
}

function completedValue(type: FieldType, version: number, own: unknown): unknown {
  if (own === null || typeof own !== 'object') return own;
  if (type.kind === 'struct') return completed(type.shape, version, own);
  if (type.kind === 'array' && Array.isArray(own)) return own.map(element => completedValue(type.of.type, version, element));
  return own;
}
