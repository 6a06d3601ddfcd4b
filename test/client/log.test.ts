import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { Admin } from '../../src/admin/index.js';
import { debugLevels } from '../../src/base/debug-levels.js';
import { hexDump } from '../../src/base/hex-dump.js';
import { Log, type LogFields, type Logger } from '../../src/base/log.js';
import { deferred } from '../../src/base/wait.js';
import { KafkaClient } from '../../src/client/client.js';
import { SimpleConsumer } from '../../src/consumer/index.js';
import { logRequest } from '../../src/network/wire-log.js';
import { KeyedProducer } from '../../src/producer/index.js';
import { AlterUserScramCredentials, ListOffsets, Metadata, OffsetCommit, Produce, SaslAuthenticate } from '../../src/protocol/index.js';
import { clientSetting, rejection } from './setting.js';

test('TIDEMARK_DEBUG: a number is for every scope, a name for its own, the rest is ignored', () => {
  const levels = (text: string | undefined) => Object.values(debugLevels(text).levels).join(' ');
  assert.deepEqual(Object.keys(debugLevels('').levels), ['Connection', 'IO', 'Consumer', 'Producer', 'Admin']);
  assert.equal(levels(undefined), '0 0 0 0 0');
  assert.equal(levels('1'), '1 1 1 1 1');
  assert.equal(levels('IO:1'), '0 1 0 0 0');
  assert.equal(levels('Connection:1,IO:2'), '1 2 0 0 0');
  assert.equal(levels(' IO:1 , 2 '), '2 1 2 2 2');
  assert.equal(levels('Admin:1,Consumer:0,Producer:3'), '0 0 0 3 1');
  assert.deepEqual(debugLevels('true,Protocol:1,1').ignored, ['true', 'Protocol:1']);
});

test('where nobody listens there is no log', () => {
  for (const text of [undefined, '', '0', 'IO:0', 'Consumer:0,Admin:0']) assert.equal(Log.open(undefined, text), undefined);
  const said: string[] = [];
  assert.equal(
    Log.open(undefined, 'yes', line => said.push(line)),
    undefined,
  );
  assert.match(said.join(), /"yes" is ignored/);
});

test('a hex dump shows numbers and text, and of a long one how much more there is', () => {
  assert.equal(
    hexDump(Buffer.from('\0orders\xff0123456789', 'latin1')),
    ['00000000  00 6f 72 64 65 72 73 ff 30 31 32 33 34 35 36 37  .orders.01234567\n', `00000010  38 39${' '.repeat(43)} 89\n`].join(''),
  );
  assert.match(hexDump(new Uint8Array(16 * 1024 + 5)), /\n5 more bytes\n$/);
});

test('frames that may hold a secret are not shown, others are', () => {
  const said: string[] = [];
  const log = Log.open(undefined, 'IO:2', line => said.push(line));
  assert.ok(log?.dumps);
  const request = { version: 2, correlationId: 7, sizeBytes: 6, chunks: [Buffer.from('hun'), Buffer.from('ter')] };
  for (const api of [SaslAuthenticate, AlterUserScramCredentials]) logRequest(log, 'b:1', { ...request, api });
  assert.ok(!said.join('').includes('hunter'));
  assert.equal(said.filter(line => line.includes('redacted')).length, 2);
  logRequest(log, 'b:1', { ...request, api: Metadata });
  assert.match(said.at(-1) ?? '', /tidemark IO debug: request api=Metadata version=2 broker=b:1 correlationId=7 bytes=6\n.* hunter\n$/s);
});

test('a logger is told of connections, requests, answers and errors that pass', async t => {
  const lines: [string, string, LogFields][] = [];
  const at = (level: string) => (message: string, fields: LogFields) => void lines.push([level, message, fields]);
  const logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  const { cluster, client } = await clientSetting(t, { client: { logger } });
  cluster.on(ListOffsets).failOnce('NOT_LEADER_OR_FOLLOWER');
  await client.offsets.latest('orders', 0);
  const [broker = ''] = cluster.brokers;
  assert.deepEqual(
    lines.find(([level]) => level === 'info'),
    ['info', 'connection opened', { broker }],
  );
  const passed = lines.find(([level]) => level === 'warn');
  assert.deepEqual([passed?.[1], passed?.[2]['code']], ['an error passed', 'NOT_LEADER_OR_FOLLOWER']);
  const asked = lines
    .filter(([, message, { api }]) => message === 'request' && api === 'ListOffsets')
    .map(([, , fields]) => fields['correlationId']);
  const answered = lines
    .filter(([, message, { api }]) => message === 'answer' && api === 'ListOffsets')
    .map(([, , fields]) => fields['correlationId']);
  assert.equal(asked.length, 2);
  assert.deepEqual(answered, asked);
  cluster.on(Metadata).drop();
  await client.metadata();
  const lost = lines.find(([, message]) => message === 'no answer');
  assert.deepEqual([lost?.[2]['api'], lost?.[2]['broker']], ['Metadata', broker]);
});

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger, and what it was told; without `'request'` and the like, which the client says. */
function listening(): { readonly logger: Logger; readonly lines: Line[]; readonly words: () => string[] } {
  const lines: Line[] = [];
  const at = (level: string) => (message: string, fields: LogFields) => void lines.push({ level, message, fields });
  const logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return { logger, lines, words: () => lines.map(({ level, message }) => `${level}: ${message}`) };
}

test('a producer says what was stored, sent again and given up, to a logger of its own', async t => {
  const [clients, own] = [listening(), listening()];
  const { cluster, client } = await clientSetting(t, { client: { logger: clients.logger } });
  const producer = new KeyedProducer(client, { logger: own.logger });
  cluster.on(Produce).failOnce('NOT_ENOUGH_REPLICAS');
  await producer.sendMessages('orders', 'k', 'a', 'b');
  cluster.on(Produce).failOnce('TOPIC_AUTHORIZATION_FAILED');
  await rejection(producer.sendMessages('orders', 'k', 'c'));
  assert.deepEqual(own.words(), ['info: sent again', 'debug: stored', 'error: given up']);
  const place = { topic: 'orders', partition: 0 };
  const [again, stored, lost] = own.lines.map(({ fields: { error: _, ...fields } }) => fields);
  assert.deepEqual(again, { ...place, count: 2, code: 'NOT_ENOUGH_REPLICAS' });
  assert.deepEqual(stored, { ...place, count: 2, offset: 0 });
  assert.deepEqual(lost, { ...place, count: 1, code: 'TOPIC_AUTHORIZATION_FAILED', persistence: 'no' });
  assert.ok(clients.words().includes('debug: request'), 'the client goes on talking to its own');
  assert.ok(!clients.words().includes('debug: stored'));
});

test('a consumer says what it committed, passed over, and where it had to go, to a logger of its own', async t => {
  const own = listening();
  const { cluster, client } = await clientSetting(t);
  for (const value of ['a', 'b', 'c']) cluster.append('orders', 0, [{ value }]);
  cluster.trim('orders', 0, 1);
  cluster.corrupt('orders', 0, 1);
  const consumer = new SimpleConsumer(client, {
    ...{ topic: 'orders', groupId: 'billing', startOffset: 0, onCorrupt: 'skip' },
    ...{ autoCommit: false, logger: own.logger },
  });
  const [message] = await consumer.getMessages(1, { timeoutMs: 10_000 });
  assert.equal(message?.offset, 2);
  await consumer.commit([message]);
  assert.deepEqual(
    own.lines.filter(({ level }) => level === 'warn').map(({ message: what }) => what),
    ['offset not in the log', 'damaged records'],
  );
  assert.deepEqual(own.lines.at(-1), {
    ...{ level: 'debug', message: 'committed' },
    fields: { groupId: 'billing', offsets: 'orders/0:3' },
  });
});

test('a consumer says that an automatic commit failed', async t => {
  const { cluster, client } = await clientSetting(t);
  cluster.append('orders', 0, [{ value: 'a' }, { value: 'b' }]);
  const told = deferred<LogFields>();
  const logger = { ...listening().logger, warn: (_: string, fields: LogFields) => told.resolve(fields) };
  const consumer = new SimpleConsumer(client, { topic: 'orders', groupId: 'billing', autoCommit: { everyN: 1 }, logger });
  await consumer.getMessages(1, { timeoutMs: 10_000 });
  cluster.on(OffsetCommit).failOnce('GROUP_AUTHORIZATION_FAILED');
  await consumer.getMessages(1); // the one before is done
  const { groupId, code } = await told.promise;
  assert.deepEqual([groupId, code], ['billing', 'GROUP_AUTHORIZATION_FAILED']);
});

test('an admin says what became of each topic', async t => {
  const own = listening();
  const { client } = await clientSetting(t);
  const admin = new Admin(client, { logger: own.logger });
  await rejection(admin.createTopics([{ name: 'new' }, { name: 'orders' }]));
  await admin.deleteTopics('new');
  assert.deepEqual(
    own.lines.map(({ level, message, fields }) => [level, message, fields['topic'], fields['code']]),
    [
      ['info', 'created', 'new', undefined],
      ['warn', 'not created', 'orders', 'TOPIC_ALREADY_EXISTS'],
      ['info', 'deleted', 'new', undefined],
    ],
  );
});

test('without a logger of its own what a consumer does is told to that of the client', async t => {
  const clients = listening();
  const { cluster, client } = await clientSetting(t, { client: { logger: clients.logger } });
  cluster.append('orders', 0, [{ value: 'a' }]);
  const consumer = new SimpleConsumer(client, { topic: 'orders', groupId: 'billing' });
  await consumer.commit(await consumer.getMessages(1, { timeoutMs: 10_000 }));
  assert.ok(clients.words().includes('debug: committed'));
});

test('what is no logger is refused', async t => {
  for (const logger of [{}, 'console', { debug() {}, info() {}, warn() {} }])
    assert.throws(() => new KafkaClient({ brokers: 'x', logger: logger as object as Console }), { code: 'TIDE_OPTION' });
  const { client } = await clientSetting(t);
  const none = { logger: {} as Logger };
  assert.throws(() => new SimpleConsumer(client, { topic: 'orders', ...none }), { code: 'TIDE_OPTION' });
  assert.throws(() => new KeyedProducer(client, none), { code: 'TIDE_OPTION' });
  assert.throws(() => new Admin(client, none), { code: 'TIDE_OPTION' });
  new KafkaClient({ brokers: 'x', logger: console });
});

const moduleOf = (...path: readonly string[]): string => JSON.stringify(`${join(import.meta.dirname, '..', '..', 'src', ...path)}.js`);

/** Runs a program of its own that has `KafkaClient` and the addresses of a cluster in `process.argv[1]`. */
function run(brokers: readonly string[], program: string, debug: string): Promise<{ stdout: string; stderr: string }> {
  const code = `import { KafkaClient } from ${moduleOf('client', 'client')};\n${program}`;
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined, TIDEMARK_DEBUG: debug };
  return promisify(execFile)(process.execPath, ['--input-type=module', '-e', code, brokers.join()], { env });
}

test('TIDEMARK_DEBUG in the environment of a program writes to its stderr alone', async t => {
  const { cluster } = await clientSetting(t);
  const program = 'const client = new KafkaClient({ brokers: process.argv[1] }); await client.connect(); await client.close();';
  const dump = await run(cluster.brokers, program, 'Connection:1,IO:2');
  assert.equal(dump.stdout, '');
  assert.match(dump.stderr, /tidemark IO info: connection opened broker=127\.0\.0\.1:\d+\n/);
  assert.match(dump.stderr, /tidemark Connection debug: request api=Metadata /);
  assert.match(dump.stderr, /\n00000000 {2}00 00 00 /);
  const io = await run(cluster.brokers, program, 'IO:1');
  assert.match(io.stderr, /connection opened/);
  assert.doesNotMatch(io.stderr, /Connection debug|00000000/);
  assert.deepEqual(await run(cluster.brokers, program, ''), { stdout: '', stderr: '' });
  const admin = `import { Admin } from ${moduleOf('admin', 'index')};
    const client = new KafkaClient({ brokers: process.argv[1] }); await new Admin(client).createTopics({ name: 'new' }); await client.close();`;
  const { stderr } = await run(cluster.brokers, admin, 'Admin:1');
  assert.match(stderr, /^\S+ tidemark Admin info: created topic=new\n$/);
});

test('what a logger throws surfaces on its own, and has no part in what the client does', async t => {
  const { cluster } = await clientSetting(t);
  const program = `
    process.on('uncaughtException', error => console.log('uncaught', error.message));
    const info = () => { throw new Error('full'); };
    const client = new KafkaClient({ brokers: process.argv[1], logger: { debug() {}, info, warn() {}, error() {} } });
    await client.connect();
    console.log('connected');
    await client.close();`;
  const { stdout } = await run(cluster.brokers, program, '');
  assert.deepEqual(stdout.trim().split('\n').sort(), ['connected', 'uncaught full', 'uncaught full']);
});
