import type { Versions } from '../../src/protocol/index.js';
import { type AnyField, type Facts, Field, type FieldType, type Primitive, type Shape } from '../../src/protocol/schema.js';

/** A shape with one field changed, and the versions in which that makes a difference. */
export interface Mutation {
  readonly path: string;
  readonly change: string;
  readonly shape: Shape;
  readonly versions: readonly number[];
}

/** Every single change to a field of `shape` that a slip could make, in each field at every depth. */
export function* mutations(shape: Shape, versions: Versions): Generator<Mutation> {
  yield* mutated(shape, versions, '', changed => changed);
}

function* mutated(shape: Shape, around: Versions, prefix: string, rebuild: (shape: Shape) => Shape): Generator<Mutation> {
  const entries = Object.entries(shape);
  for (const [index, [name, field]] of entries.entries()) {
    const path = prefix + name;
    const replaced = (...fields: [string, AnyField][]): Shape => rebuild(Object.fromEntries(entries.toSpliced(index, 1, ...fields)));
    const visible = seen(field, around);
    const shown = range(visible);
    if (shown.length === 0) throw new Error(`${path} is in no version`);

    yield { path, change: 'dropped', shape: replaced(), versions: shown };
    yield { path, change: 'renamed', shape: replaced([`${name}X`, field]), versions: shown };
    yield { path, change: 'of another type', shape: replaced([name, new Field(otherType(field.type), field.facts)]), versions: shown };
    for (const { change, facts, versions } of changedFacts(field, visible, around))
      yield { path, change, shape: replaced([name, new Field(field.type, { ...field.facts, ...facts })]), versions };

    const [next] = entries.slice(index + 1);
    if (next !== undefined && field.facts.tag === undefined && next[1].facts.tag === undefined) {
      const [first, last] = seen(next[1], visible);
      const swapped = rebuild(Object.fromEntries(entries.toSpliced(index, 2, next, [name, field])));
      if (first <= last) yield { path, change: `behind ${next[0]}`, shape: swapped, versions: range([first, last]) };
    }

    const inner = field.type.kind === 'array' ? field.type.of.type : field.type;
    if (inner.kind !== 'struct') continue;
    yield* mutated(inner.shape, visible, `${path}.`, changed => {
      const struct: FieldType = { kind: 'struct', shape: changed };
      const type: FieldType = field.type.kind === 'array' ? { kind: 'array', of: new Field(struct, field.type.of.facts) } : struct;
      return replaced([name, new Field(type, field.facts)]);
    });
  }
}

interface ChangedFacts {
  readonly change: string;
  readonly facts: Partial<Facts>;
  readonly versions: readonly number[];
}

function* changedFacts({ type, facts }: AnyField, [first, last]: Versions, around: Versions): Generator<ChangedFacts> {
  const shown = range([first, last]);
  yield { change: 'from a version later', facts: { first: first + 1 }, versions: [first] };
  yield { change: 'up to a version less', facts: { last: last - 1 }, versions: [last] };
  if (first > around[0]) yield { change: 'from a version earlier', facts: { first: first - 1 }, versions: [first - 1] };
  if (last < around[1]) yield { change: 'up to a version more', facts: { last: last + 1 }, versions: [last + 1] };

  const nullFrom = Math.max(first, facts.nullableFrom);
  if (nullFrom <= last) {
    yield { change: 'never null', facts: { nullableFrom: Number.POSITIVE_INFINITY }, versions: range([nullFrom, last]) };
    yield { change: 'null from a version later', facts: { nullableFrom: nullFrom + 1 }, versions: [nullFrom] };
    if (nullFrom > first) yield { change: 'null from a version earlier', facts: { nullableFrom: nullFrom - 1 }, versions: [nullFrom - 1] };
  } else yield { change: 'null in the last version', facts: { nullableFrom: last }, versions: [last] };

  yield { change: 'of another default', facts: { default: otherDefault(type, facts.default) }, versions: shown };
  yield { change: 'of another tag', facts: { tag: facts.tag === undefined ? 40 : facts.tag + 1 }, versions: shown };
  if (facts.tag !== undefined) yield { change: 'not tagged', facts: { tag: undefined }, versions: shown };
}

const seen = ({ facts }: AnyField, [first, last]: Versions): Versions => [Math.max(first, facts.first), Math.min(last, facts.last)];

const range = ([first, last]: Versions): number[] => Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);

const others: Readonly<Record<Primitive, Primitive>> = {
  bool: 'int8',
  int8: 'bool',
  int16: 'int32',
  int32: 'int64',
  int64: 'int32',
  timestamp: 'uint32',
  uint16: 'int16',
  uint32: 'int32',
  float64: 'int64',
  string: 'bytes',
  bytes: 'records',
  records: 'bytes',
  uuid: 'string',
};

function otherType(type: FieldType): FieldType {
  if (type.kind === 'array') return type.of.type;
  return { kind: type.kind === 'struct' ? 'string' : others[type.kind] };
}

function otherDefault({ kind }: FieldType, value: unknown): unknown {
  switch (kind) {
    case 'bool':
      return value !== true;
    case 'string':
      return value === null ? '' : `${value ?? ''}x`;
    case 'array':
    case 'bytes':
    case 'records':
      return value === null ? [] : null;
    case 'struct':
      return value === null ? undefined : null;
    case 'uuid':
      return 'AAAAAAAAAAAAAAAAAAAAAQ';
    default:
      return Number(value ?? 0) + 1;
  }
}
