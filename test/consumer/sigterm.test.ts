import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { GuardedProcess } from '../kafka/process.js';
import { groupSetting } from './group-setting.js';
import { stored, until } from './setting.js';

const worker = fileURLToPath(new URL('sigterm-worker.js', import.meta.url));

test('a service that is told to stop finishes what is in hand, commits all that is done, leaves the group, and ends by itself', async t => {
  const { cluster } = await groupSetting(t);
  const service = GuardedProcess.start(process.execPath, [worker, cluster.brokers.join()]);
  t.after(() => service.kill());
  const done = () => service.stdout.split('\n').filter(line => line !== '');
  await until(() => done().length >= 10);
  assert.deepEqual(
    Object.values(stored(cluster, 'billing')).filter(offset => offset > 0),
    [],
    'no automatic commit yet',
  );
  service.signal('SIGTERM');
  assert.deepEqual(await service.exit(), { code: 0, signal: null }, service.stderr);
  const counts = new Map<number, number>([0, 1, 2, 3].map(partition => [partition, 0]));
  for (const line of done()) {
    const partition = Number(line.split(' ')[0]);
    counts.set(partition, (counts.get(partition) ?? 0) + 1);
  }
  assert.deepEqual(stored(cluster, 'billing'), Object.fromEntries(counts));
  assert.equal(cluster.members('billing').length, 0);
});
