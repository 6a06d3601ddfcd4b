import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { PROJECT_ROOT } from '../kafka/project.js';

const example = (name: string): string => join(import.meta.dirname, '..', '..', 'examples', `${name}.js`);

/** Starts an example as a user would; `env` is added to the environment. */
function start(args: readonly string[], env: Record<string, string> = {}): { child: ChildProcess; output: () => string } {
  const { NODE_TEST_CONTEXT: _, KAFKA_BROKERS: __, ...rest } = process.env;
  const child = spawn(process.execPath, args, { cwd: PROJECT_ROOT, env: { ...rest, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  }
  return { child, output: () => text };
}

async function run(args: readonly string[], env?: Record<string, string>): Promise<string> {
  const { child, output } = start(args, env);
  const [code] = await once(child, 'close');
  assert.equal(code, 0, output());
  return output();
}

test('connect: says what is wrong with an address', async () => {
  assert.match(await run([example('connect')]), /^TIDE_CONNECTION: connect to 127\.0\.0\.1:1: connection refused/);
});

test('connect: finds a cluster', async () => {
  await using cluster = await EmbeddedCluster.start({ brokers: 2 });
  assert.equal(await run([example('connect')], { KAFKA_BROKERS: cluster.brokers.join(',') }), 'connected to 2 broker(s)\n');
});

test('small-program: produces, lists, fetches and closes', async () => {
  assert.deepEqual((await run([example('small-program')])).trim().split('\n'), [
    'stored at partition 0, offset 0',
    'stored at offsets 0, 1, 2',
    '3 waiting',
    '0: a',
    '1: b',
    '2: c',
    'the last one is c',
  ]);
});

test('unit-test: a user can test against the embedded cluster', async () => {
  assert.match(await run(['--test', '--test-reporter=tap', example('unit-test')]), /# pass 2\n# fail 0/);
});

test('resume: goes on at the message that was not done', async () => {
  assert.deepEqual((await run([example('resume')])).trim().split('\n'), [
    'first: one',
    'first: two',
    'first: three',
    'second: three',
    'second: four',
  ]);
});

test('shutdown: SIGTERM ends in order, and what is done is committed', async () => {
  await using cluster = await EmbeddedCluster.start({ topics: { jobs: 1 } });
  cluster.append(
    'jobs',
    0,
    ['a', 'b', 'c'].map(value => ({ key: null, value })),
  );
  const { child, output } = start([example('shutdown')], { KAFKA_BROKERS: cluster.brokers.join(',') });
  while (!output().includes('did c')) await once(child.stdout ?? child, 'data');
  child.kill('SIGTERM');
  const [code, signal] = await once(child, 'close');
  assert.deepEqual([code, signal], [0, null], output());
  assert.match(output(), /stopped in order\n$/);
  assert.equal(cluster.committed('workers').get('jobs/0')?.offset, 3);
});
