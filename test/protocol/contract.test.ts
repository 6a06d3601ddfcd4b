import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Api, apisByKey, encodeRequestFrame, encodeResponseFrame } from '../../src/protocol/index.js';
import type { Shape } from '../../src/protocol/schema.js';
import { PROJECT_ROOT } from '../kafka/project.js';
import { camelCase, differences, membersOf } from './contract.js';
import {
  clientsJar,
  describedApis,
  includes,
  type KafkaField,
  type KafkaMessage,
  type Release,
  readEntry,
  readJar,
  readMessage,
  releases,
} from './jar.js';
import { leftOutApis, leftOutRequestHeaders, leftOutVersions } from './left-out.js';
import { allCases, type Case, sample } from './messages.js';
import { mutations } from './mutations.js';

const paths = await Promise.all(releases.map(clientsJar));
const jars = new Map<Release, Buffer>();
for (const [index, release] of releases.entries()) {
  const path = paths[index];
  if (path !== undefined) jars.set(release, readJar(path));
}
const skip =
  jars.size < releases.length
    ? `needs kafka-clients ${releases.join(' and ')} in Maven's cache; TIDEMARK_REQUIRE_KAFKA=1 fetches them`
    : false;

interface Described {
  readonly release: Release;
  readonly message: KafkaMessage;
}

const read = new Map<string, readonly Described[]>();

/** What each release says of a message, newest first; a release that does not have it is left out. */
function descriptions(name: string): readonly Described[] {
  const found =
    read.get(name) ??
    [...jars].flatMap(([release, jar]) =>
      describedApis(jar).includes(name.replace(/Response$|Request$/, '')) || name.endsWith('Header')
        ? [{ release, message: readMessage(jar, name) }]
        : [],
    );
  read.set(name, found);
  return found;
}

/** The newest description that has this version. */
function described(name: string, version: number): Described {
  const found = descriptions(name).find(({ message }) => includes(message.validVersions, version));
  assert.ok(found, `Kafka describes ${name} v${version}`);
  return found;
}

const partName = ({ api, part }: Case): string => api.name + (part === 'request' ? 'Request' : 'Response');

/** Where an API is defined, as `src/protocol/apis/offset-commit.ts`. */
const fileOf = (api: Api): string => `src/protocol/apis/${api.name.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase()}.ts`;

function held({ api, part, version }: Case, given: { key?: number; flexible?: boolean; shape?: Shape } = {}): string[] {
  const { release, message } = described(partName({ api, part, version, shape: {} }), version);
  const { key = api.key, flexible = api.isFlexible(version), shape = part === 'request' ? api.request : api.response } = given;
  const found = differences({ key, flexible, shape }, message, version);
  return found.map(line => `${fileOf(api)}, ${part} v${version}, ${line} (${release})`);
}

test('every field has the name, type, place, tag, nullability and default that Kafka gives it in each version', { skip }, () => {
  for (const api of apisByKey.values()) assert.ok(existsSync(join(PROJECT_ROOT, fileOf(api))), fileOf(api));
  assert.deepEqual(
    allCases.flatMap(one => held(one)),
    [],
  );
});

test('a change to any field of any API is noticed, and named with its file and version', { skip }, () => {
  let changes = 0;
  for (const api of apisByKey.values()) {
    for (const part of ['request', 'response'] as const) {
      const cases = allCases.filter(one => one.api === api && one.part === part);
      for (const { path, change, shape, versions } of mutations(api[part], api.versions)) {
        const found = cases.flatMap(one => held(one, { shape }));
        const named = found.filter(line => line.startsWith(`${fileOf(api)}, ${part} v`) && line.includes(path));
        const inVersions = new Set(named.map(line => Number(/ v(\d+),/.exec(line)?.[1])));
        assert.deepEqual([...inVersions], versions, `${api.name} ${part} ${path}: ${change}`);
        changes++;
      }
    }
  }
  assert.ok(changes > 5000, `only ${changes} changes were tried`);
});

test('a wrong key or a wrong first flexible version is noticed', { skip }, () => {
  for (const one of allCases) {
    assert.match(held(one, { key: one.api.key + 1 }).join(), /v\d+, key \d+, but Kafka has \d+/);
    assert.match(held(one, { flexible: !one.api.isFlexible(one.version) }).join(), /v\d+, (not )?flexible, but Kafka has the opposite/);
  }
});

test('a value is lost without a word only where Kafka loses it too', { skip }, () => {
  for (const api of apisByKey.values()) {
    for (const [part, shape] of Object.entries({ Request: api.request, Response: api.response })) {
      const [newest] = descriptions(api.name + part);
      assert.ok(newest);
      const ignorable = ignorableFields(newest.message, newest.message.fields);
      for (const [path, ignored] of ourIgnorable(shape, api.versions))
        assert.equal(ignored, ignorable.get(path), `${fileOf(api)}, ${part} ${path}`);
    }
  }
});

/**
 * Where the message file does not say. Java's ProduceResponse.shouldClientThrottle does; SASL is not throttled.
 * All others are newer than KIP-219 (Kafka 2.0), and brokers have answered before throttling since.
 */
const unsaid: Readonly<Record<string, number>> = {
  Produce: 6,
  SaslHandshake: Number.POSITIVE_INFINITY,
  SaslAuthenticate: Number.POSITIVE_INFINITY,
};

test('the client throttles itself from the version on whose answer comes before throttling', { skip }, () => {
  const [newest] = jars.values();
  assert.ok(newest);
  for (const api of apisByKey.values()) {
    const comments: string = readEntry(newest, `common/message/${api.name}Response.json`).replace(/\s*\/\/\s*/g, ' ');
    const said: string | undefined =
      /starting in version (\d+),? on quota violation,? brokers? sends? out responses before throttling/i.exec(comments)?.[1];
    assert.equal(api.clientThrottles, said === undefined ? (unsaid[api.name] ?? 0) : Number(said), api.name);
  }
});

test('every version that Kafka describes is spoken, or left out for a reason', { skip }, () => {
  for (const api of apisByKey.values()) {
    const missing = versionsOf(`${api.name}Request`).filter(version => version < api.versions[0] || version > api.versions[1]);
    assert.deepEqual(Object.keys(leftOutVersions[api.name] ?? {}).map(Number), missing, fileOf(api));
  }
  const names = new Set([...apisByKey.values()].map(({ name }) => name));
  assert.deepEqual(
    Object.keys(leftOutVersions).filter(name => !names.has(name)),
    [],
    'versions are left out of APIs that do not exist',
  );
});

test('every API that Kafka describes is spoken, or left out for a reason', { skip }, () => {
  const names = new Set([...apisByKey.values()].map(({ name }) => name));
  const missing = new Set([...jars.values()].flatMap(describedApis).filter(name => !names.has(name)));
  assert.deepEqual(
    Object.values(leftOutApis)
      .flatMap(list => list.split(' '))
      .sort(),
    [...missing].sort(),
  );
});

test('requests and responses have the headers that Kafka describes', { skip }, () => {
  for (const one of allCases) {
    const { api, part, version } = one;
    const flexible = api.isFlexible(version);
    const body = sample(one);
    if (part === 'request') {
      for (const clientId of ['me', null]) {
        const values = { requestApiKey: api.key, requestApiVersion: version, correlationId: 7, clientId };
        const expected = header('RequestHeader', flexible ? 2 : 1, values);
        const bytes = Buffer.concat(encodeRequestFrame(api, version, 7, clientId, body).chunks).subarray(4);
        assert.equal(bytes.toString('hex', 0, expected.length / 2), expected, `${api.name} v${version} request`);
      }
    } else {
      const expected = header('ResponseHeader', flexible && api.name !== 'ApiVersions' ? 1 : 0, { correlationId: 7 });
      const bytes = Buffer.concat(encodeResponseFrame(api, version, 7, body).chunks).subarray(4);
      assert.equal(bytes.toString('hex', 0, expected.length / 2), expected, `${api.name} v${version} response`);
    }
  }
});

test('every version of the headers is spoken, or left out for a reason', { skip }, () => {
  assert.deepEqual(
    versionsOf('RequestHeader').filter(version => version !== 1 && version !== 2),
    Object.keys(leftOutRequestHeaders).map(Number),
  );
  assert.deepEqual(versionsOf('ResponseHeader'), [0, 1]);
});

const versionsOf = (name: string): number[] =>
  Array.from({ length: 40 }, (_, version) => version).filter(version =>
    descriptions(name).some(({ message }) => includes(message.validVersions, version)),
  );

/** A header in hex, written as its description says and by nothing else. */
function header(name: string, version: number, values: Readonly<Record<string, number | string | null>>): string {
  const { message } = described(name, version);
  const fields = message.fields.filter(field => includes(field.versions, version));
  const flexible = includes(message.flexibleVersions, version);
  const hex = fields.map(field => {
    const value = values[camelCase(field.name)];
    const bytes = Buffer.alloc(field.type === 'int32' ? 4 : 2);
    if (typeof value === 'number') {
      bytes.writeIntBE(value, 0, bytes.length);
      return bytes.toString('hex');
    }
    assert.ok(field.type === 'string' && (!flexible || field.flexibleVersions === 'none'), `${name} ${field.name}`);
    assert.ok(value !== undefined && (value !== null || includes(field.nullableVersions, version)), `${name} ${field.name}`);
    bytes.writeInt16BE(value === null ? -1 : Buffer.byteLength(value));
    return bytes.toString('hex') + Buffer.from(value ?? '').toString('hex');
  });
  return hex.join('') + (flexible ? '00' : '');
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
