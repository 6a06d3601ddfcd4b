import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultOf } from '../../src/protocol/defaults.js';
import { apisByKey } from '../../src/protocol/index.js';
import type { AnyField, Shape } from '../../src/protocol/schema.js';
import { clientsJar, includes, type KafkaField, type KafkaMessage, readEntry, readJar, readMessage, releases } from './jar.js';
import { allCases, isPresent, title } from './messages.js';

/** Versions that Kafka describes and we do not speak. */
const leftOut: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  Produce: { 0: 'every broker we support knows v2', 1: 'every broker we support knows v2' },
  Fetch: { 0: 'every broker we support knows v2', 1: 'every broker we support knows v2', 18: 'for replicas only (KIP-1166)' },
  ListOffsets: { 0: 'answers without timestamps', 11: 'asks for what is not uploaded yet (KIP-1023), which nobody here does' },
  Metadata: { 0: 'every broker we support knows v1' },
  OffsetCommit: { 0: 'stores offsets in ZooKeeper', 1: 'lacks what v2 has, on the same brokers' },
  OffsetFetch: { 0: 'reads offsets from ZooKeeper' },
  FindCoordinator: { 6: 'for share groups only (KIP-932)' },
  InitProducerId: { 6: 'not stable yet (KIP-939)' },
  DescribeConfigs: { 0: 'does not say where a value comes from' },
};

const paths = await Promise.all(releases.map(clientsJar));
const jars = paths.flatMap(path => (path === undefined ? [] : [readJar(path)]));
const skip =
  jars.length < releases.length
    ? `needs kafka-clients ${releases.join(' and ')} in Maven's cache; TIDEMARK_REQUIRE_KAFKA=1 fetches them`
    : false;

/** The newest description that has this version. */
function described(name: string, version: number): KafkaMessage {
  const found = jars.map(jar => readMessage(jar, name)).find(({ validVersions }) => includes(validVersions, version));
  assert.ok(found, `Kafka describes ${name} v${version}`);
  return found;
}

test('every field has the name, type, place, tag, nullability and default that Kafka gives it in each version', { skip }, () => {
  for (const one of allCases) {
    const message = described(one.api.name + (one.part === 'request' ? 'Request' : 'Response'), one.version);
    assert.equal(message.apiKey, one.api.key, title(one));
    assert.equal(includes(message.flexibleVersions, one.version), one.api.isFlexible(one.version), title(one));
    assert.deepEqual(ours(one.shape, one.version), theirs(message, message.fields, one.version), title(one));
  }
});

test('a value is lost without a word only where Kafka loses it too', { skip }, () => {
  const [newest] = jars;
  assert.ok(newest);
  for (const api of apisByKey.values()) {
    for (const [part, shape] of Object.entries({ Request: api.request, Response: api.response })) {
      const message = readMessage(newest, api.name + part);
      const ignorable = ignorableFields(message, message.fields);
      for (const [path, ignored] of ourIgnorable(shape, api.versions))
        assert.equal(ignored, ignorable.get(path), `${api.name} ${part} ${path}`);
    }
  }
});

/** Its message file does not say; Java's ProduceResponse.shouldClientThrottle does. */
const unsaid: Readonly<Record<string, number>> = { Produce: 6 };

test('the client throttles itself from the version on whose answer comes before throttling', { skip }, () => {
  const [newest] = jars;
  assert.ok(newest);
  for (const api of apisByKey.values()) {
    const text = readEntry(newest, `common/message/${api.name}Response.json`);
    const said = /starting in version (\d+), on quota violation, brokers send out responses before throttling/i.exec(text)?.[1];
    assert.equal(api.clientThrottles, said === undefined ? unsaid[api.name] : Number(said), api.name);
  }
});

test('every version that Kafka describes is spoken, or left out for a reason', { skip }, () => {
  for (const api of apisByKey.values()) {
    const known = jars.map(jar => readMessage(jar, `${api.name}Request`).validVersions);
    const missing = Array.from({ length: 40 }, (_, version) => version).filter(
      version => known.some(versions => includes(versions, version)) && (version < api.versions[0] || version > api.versions[1]),
    );
    assert.deepEqual(Object.keys(leftOut[api.name] ?? {}).map(Number), missing, api.name);
  }
});

/** One line for each field of a version, in wire order; tagged ones by their tag. */
function ours(shape: Shape, version: number, path = ''): string[] {
  const present = Object.entries(shape).filter(([, field]) => isPresent(field, version));
  return inOrder(present, ([, field]) => field.facts.tag).flatMap(([name, field]) => {
    const { type, facts } = field;
    const inner = type.kind === 'array' ? type.of.type : type;
    const kind = (type.kind === 'array' ? '[]' : '') + (inner.kind === 'timestamp' ? 'int64' : inner.kind);
    const nullable = version >= facts.nullableFrom;
    const line = lineOf(path + name, kind, nullable, facts.tag, inner.kind === 'struct' && type.kind !== 'array' ? '' : ourDefault(field));
    return inner.kind === 'struct' ? [line, ...ours(inner.shape, version, `${path}${name}.`)] : [line];
  });
}

function theirs(message: KafkaMessage, fields: readonly KafkaField[], version: number, path = ''): string[] {
  const present = fields.filter(field => includes(field.versions, version));
  const tagOf = (field: KafkaField): number | undefined => (includes(field.taggedVersions, version) ? field.tag : undefined);
  return inOrder(present, tagOf).flatMap(field => {
    const name = camelCase(field.name);
    const members = membersOf(message, field);
    const isArray = field.type.startsWith('[]');
    const kind = members === undefined ? field.type : isArray ? '[]struct' : 'struct';
    const nullable = includes(field.nullableVersions, version);
    const line = lineOf(path + name, kind, nullable, tagOf(field), kind === 'struct' ? '' : theirDefault(field));
    return members === undefined ? [line] : [line, ...theirs(message, members, version, `${path}${name}.`)];
  });
}

const lineOf = (path: string, type: string, nullable: boolean, tag: number | undefined, fallback: string): string =>
  `${path}: ${type}${nullable ? ' | null' : ''}${tag === undefined ? '' : ` tag ${tag}`} = ${fallback}`;

function inOrder<T>(fields: readonly T[], tagOf: (field: T) => number | undefined): T[] {
  const plain = fields.filter(field => tagOf(field) === undefined);
  const tagged = fields.filter(field => tagOf(field) !== undefined);
  return [...plain, ...tagged.sort((a, b) => (tagOf(a) ?? 0) - (tagOf(b) ?? 0))];
}

const camelCase = (name: string): string => name.slice(0, 1).toLowerCase() + name.slice(1);

/** The fields of the struct, or of the elements, that a field is made of. */
function membersOf(message: KafkaMessage, field: KafkaField): readonly KafkaField[] | undefined {
  const name = field.type.replace('[]', '');
  return field.fields ?? message.commonStructs?.find(struct => struct.name === name)?.fields;
}

function ourDefault(field: AnyField): string {
  const value = defaultOf(field);
  if (value === null) return 'null';
  if (typeof value === 'object') return 'empty';
  return value === 'AAAAAAAAAAAAAAAAAAAAAA' ? 'no uuid' : JSON.stringify(value);
}

function theirDefault({ type, default: value = '' }: KafkaField): string {
  if (value === 'null') return 'null';
  if (type.startsWith('[]') || type === 'bytes' || type === 'records') return 'empty';
  if (type === 'uuid') return 'no uuid';
  if (type === 'string') return JSON.stringify(value);
  if (type === 'bool') return String(value === 'true');
  return String(Number(value));
}

function ignorableFields(message: KafkaMessage, fields: readonly KafkaField[], path = ''): Map<string, boolean> {
  return new Map(
    fields.flatMap(field => {
      const name = path + camelCase(field.name);
      const members = membersOf(message, field) ?? [];
      return [[name, field.ignorable ?? false] as const, ...ignorableFields(message, members, `${name}.`)];
    }),
  );
}

/** Of the fields that some version lacks: those for which losing a value matters. */
function ourIgnorable(shape: Shape, [first, last]: readonly [number, number], path = ''): [string, boolean][] {
  return Object.entries(shape).flatMap(([name, { type, facts }]) => {
    const inner = type.kind === 'array' ? type.of.type : type;
    const nested =
      inner.kind === 'struct'
        ? ourIgnorable(inner.shape, [Math.max(first, facts.first), Math.min(last, facts.last)], `${path}${name}.`)
        : [];
    const own: [string, boolean][] = facts.first > first || facts.last < last ? [[path + name, facts.ignorable]] : [];
    return [...own, ...nested];
  });
}
