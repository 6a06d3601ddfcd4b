import { UnsupportedError } from '../base/errors.js';
import { ZERO_UUID } from '../bytes/reader.js';
import type { AnyField, FieldType } from './schema.js';

const noBytes = Buffer.alloc(0);
const noElements: readonly unknown[] = Object.freeze([]);

/** What a field is decoded as where the version lacks it, and what a tagged field is not written for. Shared, and never to be changed. */
export function defaultOf(field: AnyField): unknown {
  return field.facts.default === undefined ? emptyOf(field.type) : field.facts.default;
}

function emptyOf(type: FieldType): unknown {
  switch (type.kind) {
    case 'bool':
      return false;
    case 'string':
      return '';
    case 'uuid':
      return ZERO_UUID;
    case 'bytes':
    case 'records':
      return noBytes;
    case 'array':
      return noElements;
    case 'struct':
      return Object.freeze(Object.fromEntries(Object.entries(type.shape).map(([name, field]) => [name, defaultOf(field)])));
    default:
      return 0;
  }
}

export function isDefault(field: AnyField, value: unknown): boolean {
  const expected = defaultOf(field);
  if (typeof value !== 'object' || value === null) return value === expected;
  if (expected === null) return false;
  if (field.type.kind !== 'struct') return (value as { readonly length: number }).length === 0; // lists and bytes have no other default
  const given = value as Readonly<Record<string, unknown>>;
  return Object.entries(field.type.shape).every(([name, member]) => given[name] === undefined || isDefault(member, given[name]));
}

/** Throws when leaving `value` out of a version that lacks `field` would change what the message means. */
export function refuseLoss(field: AnyField, value: unknown): void {
  const { first, last, ignorable } = field.facts;
  if (value === undefined || ignorable || isDefault(field, value)) return;
  throw new UnsupportedError(`exists only in v${first} ${last === Number.POSITIVE_INFINITY ? 'and later' : `to v${last}`}`);
}
