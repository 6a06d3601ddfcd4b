import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { debugLevels } from '../../src/base/debug-levels.js';
import { hexDump } from '../../src/base/hex-dump.js';
import { Log, type LogFields } from '../../src/base/log.js';
import { KafkaClient } from '../../src/client/client.js';
import { logRequest } from '../../src/network/wire-log.js';
import { AlterUserScramCredentials, ListOffsets, Metadata, SaslAuthenticate } from '../../src/protocol/index.js';
import { clientSetting } from './setting.js';

test('TIDEMARK_DEBUG: a number is for every scope, a name for its own, the rest is ignored', () => {
  const levels = (text: string | undefined) => debugLevels(text).levels;
  assert.deepEqual(levels(undefined), { Connection: 0, IO: 0 });
  assert.deepEqual(levels('1'), { Connection: 1, IO: 1 });
  assert.deepEqual(levels('IO:1'), { Connection: 0, IO: 1 });
  assert.deepEqual(levels('Connection:1,IO:2'), { Connection: 1, IO: 2 });
  assert.deepEqual(levels(' IO:1 , 2 '), { Connection: 2, IO: 1 });
  assert.deepEqual(debugLevels('true,Consumer:1,1'), { levels: { Connection: 1, IO: 1 }, ignored: ['true', 'Consumer:1'] });
});

test('where nobody listens there is no log', () => {
  for (const text of [undefined, '', '0', 'IO:0']) assert.equal(Log.open(undefined, text), undefined);
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

test('what is no logger is refused', () => {
  for (const logger of [{}, 'console', { debug() {}, info() {}, warn() {} }])
    assert.throws(() => new KafkaClient({ brokers: 'x', logger: logger as object as Console }), { code: 'TIDE_OPTION' });
  new KafkaClient({ brokers: 'x', logger: console });
});

const clientModule = JSON.stringify(join(import.meta.dirname, '..', '..', 'src', 'client', 'client.js'));

/** Runs a program of its own that has `KafkaClient` and the addresses of a cluster in `process.argv[1]`. */
function run(brokers: readonly string[], program: string, debug: string): Promise<{ stdout: string; stderr: string }> {
  const code = `import { KafkaClient } from ${clientModule};\n${program}`;
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
