import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';

const { NODE_TEST_CONTEXT: _, ...env } = process.env;

function start(...args: string[]) {
  const child = spawn(process.execPath, [join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.js'), ...args], { env });
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...said }));
  return { child, said, ended };
}

const run = (...args: string[]) => start(...args).ended;

const refusals: readonly [args: string[], message: RegExp][] = [
  [['tuor'], /there is no command "tuor"; did you mean "tour"\?/],
  [['dev', '--topic', 'orders:6x'], /--topic orders: the number of partitions must be an integer from 1, got "6x"/],
  [['dev', '--topic', 'orders:'], /--topic orders: the number of partitions must be an integer from 1, got ""/],
  [['dev', '--port', '99999'], /--port must be an integer from 0 to 65535, got "99999"/],
  [['dev', '--brokers', 'localhost:9092'], /--brokers must be an integer from 1, got "localhost:9092"/],
  [['tour', '--messages', '0'], /--messages must be an integer from 1, got "0"/],
];

for (const [args, message] of refusals) {
  test(`tidemark ${args.join(' ')}: says what is wrong, and where help is`, async () => {
    const { code, out, err } = await run(...args);
    assert.deepEqual([code, out], [2, '']);
    assert.match(err, message);
    assert.match(err, /tidemark --help lists the commands\.\n$/);
  });
}

test('help may be asked for behind a command', async () => {
  assert.deepEqual(await run('dev', '--help'), await run('--help'));
});

test('dev: a port in use is told in one line', async t => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const { code, err } = await run('dev', '--port', String(address.port));
  assert.equal(code, 1);
  assert.match(err, new RegExp(`^tidemark: port ${address.port} is in use, .*--port.*\n$`));
});

test('dev: has the topics it was told, and ends in order when interrupted', async () => {
  const { child, said, ended } = start('dev', '--port', '0', '--topic', 'orders:3');
  while (!said.out.includes('Ctrl-C')) await once(child.stdout, 'data');
  const brokers = /127\.0\.0\.1:\d+/.exec(said.out)?.[0] ?? assert.fail(said.out);
  await using client = new KafkaClient({ brokers });
  assert.equal((await client.metadata(['orders'])).topics.get('orders')?.partitions.length, 3);
  child.kill('SIGINT');
  const { code, err } = await ended;
  assert.deepEqual([code, err], [0, '']);
});

test('tour: one message is enough', async () => {
  const { code, out } = await run('tour', '--messages', '1');
  assert.equal(code, 0);
  assert.match(out, /every message was seen: 1 of 1/);
});
