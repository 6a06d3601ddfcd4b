import fc from 'fast-check';
import { defaultOf } from '../../src/protocol/defaults.js';
import { type Api, apisByKey } from '../../src/protocol/index.js';
import type { AnyField, FieldType, Shape } from '../../src/protocol/schema.js';

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
      return fc.double({ noNaN: true });
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
