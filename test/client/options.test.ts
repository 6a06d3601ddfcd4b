import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../../src/base/errors.js';
import { coreOf, KafkaClient } from '../../src/client/client.js';
import type { KafkaClientOptions } from '../../src/client/client-options.js';
import { checkCount, checkOffset, checkPartition, checkTopic } from '../../src/client/inputs.js';
import { KafkaConsumer, SimpleConsumer } from '../../src/consumer/index.js';
import { formatAddress } from '../../src/network/address.js';
import { KeyedProducer } from '../../src/producer/index.js';
import { quick, rejection } from './setting.js';

/** A client that never connects: constructing it is all there is to it. */
const settings = (options: Partial<KafkaClientOptions> & { brokers?: unknown }) =>
  coreOf(new KafkaClient({ brokers: 'kafka', ...options } as KafkaClientOptions)).cluster.settings;

/** Options as somebody without types may give them. */
const refused = (options: unknown, message: RegExp) =>
  assert.throws(
    () => new KafkaClient(options as KafkaClientOptions),
    (error: unknown) => {
      assert.ok(error instanceof InputError, String(error));
      assert.deepEqual([error.code, error.errno], ['TIDE_OPTION', -1000]);
      assert.match(error.message, message);
      return true;
    },
    JSON.stringify(options),
  );

for (const [given, addresses] of [
  ['kafka', ['kafka:9092']],
  ['kafka:9093', ['kafka:9093']],
  [' kafka:9093 ', ['kafka:9093']],
  ['10.0.0.1', ['10.0.0.1:9092']],
  ['[::1]', ['[::1]:9092']],
  ['[2001:db8::7]:9093', ['[2001:db8::7]:9093']],
  ['::1', ['[::1]:9092']],
  ['a, b:1 ,[::1]:2', ['a:9092', 'b:1', '[::1]:2']],
  [
    ['a', 'b:65535'],
    ['a:9092', 'b:65535'],
  ],
  [
    ['a:9092', 'a', 'b'],
    ['a:9092', 'b:9092'],
  ],
] as const) {
  test(`brokers: ${JSON.stringify(given)}`, () => {
    assert.deepEqual(settings({ brokers: given }).brokers.map(formatAddress), addresses);
  });
}

for (const given of [
  '',
  ' ',
  ',',
  'a,',
  'a,,b',
  ':9092',
  'a:',
  'a:0',
  'a:65536',
  'a:-1',
  'a:9e3',
  'a:b',
  'a:1:2',
  'a b',
  'kafka://a:9092',
  'a/b',
  '[::1',
  '::1]',
  '[]:9092',
  '[a]:9092',
  '[10.0.0.1]:9092',
  [],
  [''],
  ['a', ''],
  [['a']],
  ['a', 7],
  7,
  null,
  true,
  {},
  { host: 'a', port: 1 },
]) {
  test(`brokers: ${JSON.stringify(given)} is refused`, () => refused({ brokers: given }, /brokers/));
}

test('brokers are needed', () => {
  refused({}, /^KafkaClient: "brokers" is required: "host:port", or several$/);
  refused(undefined, /"brokers" is required/);
  refused(null, /^KafkaClient: options must be an object, got null$/);
  refused('localhost:9092', /options must be an object/);
});

test('an option that is not known is refused, with the nearest that is', () => {
  refused({ brokers: 'a', clientID: 'x' }, /unknown option "clientID"; did you mean "clientId"\?/);
  refused({ brokers: 'a', requestTimeout: 1 }, /unknown option "requestTimeout"; did you mean "requestTimeoutMs"\?/);
  refused({ brokers: 'a', retry: { retries: 3 } }, /unknown option "retry\.retries"/);
  refused({ brokers: 'a', retry: { attempt: 3 } }, /unknown option "retry\.attempt"; did you mean "retry\.attempts"\?/);
  refused({ brokers: 'a', apiVersions: { fetch: 4 } }, /"fetch" is not an API that tidemark uses; did you mean "Fetch"\?/);
  refused({ brokers: 'a', somethingElse: 1 }, /unknown option "somethingElse"$/);
});

for (const [options, message] of [
  [{ clientId: '' }, /"clientId" must be a string that is not empty, got ""/],
  [{ clientId: 7 }, /"clientId" must be/],
  [{ connectTimeoutMs: 0 }, /"connectTimeoutMs" must be a number of ms from 1 to 2147483647, or null for no limit, got 0/],
  [{ connectTimeoutMs: 0.999 }, /"connectTimeoutMs"/],
  [{ connectTimeoutMs: '10' }, /"connectTimeoutMs"/],
  [{ requestTimeoutMs: -1 }, /"requestTimeoutMs"/],
  [{ requestTimeoutMs: Number.NaN }, /"requestTimeoutMs"/],
  [{ requestTimeoutMs: 2 ** 31 }, /"requestTimeoutMs"/],
  [{ idleTimeoutMs: false }, /"idleTimeoutMs"/],
  [{ metadataMaxAgeMs: 0 }, /"metadataMaxAgeMs"/],
  [{ maxResponseBytes: 100 }, /"maxResponseBytes" must be an integer from 1024/],
  [{ retry: 3 }, /"retry" must be an object with attempts, backoffMs, maxBackoffMs, got 3/],
  [{ retry: { attempts: 0 } }, /"retry\.attempts" must be an integer from 1/],
  [{ retry: { attempts: 1.5 } }, /"retry\.attempts"/],
  [{ retry: { backoffMs: null } }, /"retry\.backoffMs"/],
  [{ allowAutoTopicCreation: 1 }, /"allowAutoTopicCreation" must be true or false/],
  [{ ipVersion: 5 }, /"ipVersion" must be one of 4, 6, got 5/],
  [{ shuffleBrokers: 'yes' }, /"shuffleBrokers"/],
  [{ apiVersions: 4 }, /"apiVersions" must be an object of API names and versions/],
  [{ apiVersions: { Fetch: 1 } }, /Fetch must be a version from 2 to \d+, got 1/],
  [{ apiVersions: { Fetch: 99 } }, /Fetch must be a version from 2 to \d+, got 99/],
  [{ apiVersions: { Fetch: 4.5 } }, /got 4\.5/],
] as const) {
  test(`${JSON.stringify(options)} is refused`, () => refused({ brokers: 'a', ...options }, message));
}

test('defaults, fractions of ms, and null for no limit', () => {
  const { connectTimeoutMs, requestTimeoutMs, idleTimeoutMs, metadataMaxAgeMs, retry, allowAutoTopicCreation, shuffleBrokers } = settings(
    {},
  );
  assert.deepEqual([connectTimeoutMs, requestTimeoutMs, idleTimeoutMs, metadataMaxAgeMs], [10_000, 30_000, 540_000, 300_000]);
  assert.deepEqual({ ...retry }, { attempts: 10, backoffMs: 100, maxBackoffMs: 1000 });
  assert.deepEqual([allowAutoTopicCreation, shuffleBrokers], [false, true]);
  const short = settings({ connectTimeoutMs: 1, requestTimeoutMs: 1.5, retry: { backoffMs: 0 } });
  assert.deepEqual([short.connectTimeoutMs, short.requestTimeoutMs, short.retry.attempts, short.retry.backoffMs], [1, 1.5, 10, 0]);
  const limitless = settings({ connectTimeoutMs: null, requestTimeoutMs: null, idleTimeoutMs: null, metadataMaxAgeMs: null });
  for (const name of ['connectTimeoutMs', 'requestTimeoutMs', 'idleTimeoutMs', 'metadataMaxAgeMs'] as const)
    assert.equal(limitless[name], Number.POSITIVE_INFINITY);
  assert.ok(Object.isFrozen(coreOf(new KafkaClient({ brokers: 'a' })).cluster.settings.retry));
});

test('an address of the other IP version than ipVersion: said when connecting, with the errno -1017, and not tried again', async t => {
  for (const [brokers, ipVersion] of [
    ['127.0.0.1:9092', 6],
    ['[::1]:9092', 4],
  ] as const) {
    const client = new KafkaClient({ brokers, ipVersion, retry: quick });
    t.after(() => client.close());
    const error = await rejection(client.connect());
    assert.deepEqual([error.code, error.errno, error.retriable], ['TIDE_OPTION', -1017, false]);
    assert.match(error.message, /the address is IPv[46], but ipVersion is [46]/);
  }
});

test('what calls are given is checked before anything is sent', async t => {
  const client = new KafkaClient({ brokers: '127.0.0.1:1', retry: { attempts: 1 } });
  t.after(() => client.close());
  assert.equal((await rejection(client.metadata(['not a topic']))).code, 'TIDE_INPUT');
  assert.match(
    (await rejection(client.connect({ timeout: 5 } as never))).message,
    /connect: unknown option "timeout"; did you mean "timeoutMs"\?/,
  );
  assert.equal((await rejection(client.connect({ timeoutMs: -1 }))).code, 'TIDE_OPTION');
});

test('names, partitions, offsets and counts that Kafka cannot take', () => {
  const wrong = (check: (value: unknown, what: string) => void, values: readonly unknown[]) => {
    for (const value of values) assert.throws(() => check(value, 'here'), { code: 'TIDE_INPUT', message: /^here: / }, String(value));
  };
  const right = (check: (value: unknown, what: string) => void, values: readonly unknown[]) => {
    for (const value of values) assert.doesNotThrow(() => check(value, 'here'), String(value));
  };
  wrong(checkTopic, ['', '.', '..', 'a b', 'a/b', 'caf\u00e9', 'a'.repeat(250), 7, null, undefined, {}]);
  right(checkTopic, ['a', 'A.b_c-9', '...', '__consumer_offsets', 'a'.repeat(249)]);
  wrong(checkPartition, [-1, 0.5, 2 ** 31, Number.NaN, '0', null, undefined, 0n]);
  right(checkPartition, [0, 1, 2 ** 31 - 1]);
  wrong(checkOffset, [-1, 0.5, 2 ** 53, Number.POSITIVE_INFINITY, '0', null, undefined, 0n]);
  right(checkOffset, [0, 2 ** 40, Number.MAX_SAFE_INTEGER]);
  wrong(checkCount, [0, -1, 0.5, '1', null]);
  right(checkCount, [1, 2 ** 40]);
  assert.doesNotThrow(() => checkCount(0, 'here', 0));
});

test('what is no address is named with whose option it is, and what was given', () => {
  refused({ brokers: 9092 }, /^KafkaClient brokers: expected "host:port", a comma list of them, or an array, got 9092$/);
  refused({ brokers: 'a:b:c' }, /^KafkaClient brokers: "a:b:c" is not an address/);
});

test('options where a client belongs are told to be no client', () => {
  for (const make of [
    () => new SimpleConsumer({ topic: 'orders' } as never, undefined as never),
    () => new KafkaConsumer({ topics: 'orders', groupId: 'audit' } as never),
  ])
    assert.throws(make, { code: 'TIDE_INPUT', message: 'expected a KafkaClient as the first argument, got an object (Object)' });
});

test('a level that the codec does not have is refused with those it has', () => {
  const client = new KafkaClient({ brokers: 'kafka' });
  for (const [compression, levels] of [
    ['gzip', '1 to 9'],
    ['zstd', '1 to 22'],
  ] as const)
    assert.throws(() => new KeyedProducer(client, { compression, compressionLevel: 99 }), {
      code: 'TIDE_OPTION',
      message: `KeyedProducer: "compressionLevel" is 99, but ${compression} has levels from ${levels}`,
    });
});
