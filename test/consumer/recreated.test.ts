import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fetch } from '../../src/protocol/index.js';
import { fill, get, next, read, setting, stored } from './setting.js';

const values = (messages: readonly { readonly value: Buffer | null }[]): string[] => messages.map(({ value }) => String(value));

for (const how of ['close', 'commit'] as const) {
  test(`an offset of a deleted topic is not stored for another of its name: ${how}`, async t => {
    const { cluster, consumer } = await setting(t);
    fill(cluster, 10);
    const orders = consumer({ groupId: 'audit', autoCommit: how === 'close' ? { everyN: 1000 } : false });
    orders.mark(await get(orders, 10));
    const held = cluster.on(Fetch).hold(); // so that the fetcher cannot notice
    await held.held;
    cluster.deleteTopic('orders');
    cluster.createTopic('orders', 1);
    fill(cluster, 20, { from: 100 });
    const refused = { message: /deleted since it was read/ };
    const work = how === 'close' ? orders.close() : orders.commit();
    if (how === 'close') held.release();
    await assert.rejects(work, refused);
    held.release();
    assert.deepEqual(stored(cluster, 'audit'), {});
    assert.deepEqual(values(await get(consumer({ groupId: 'audit' }), 1)), ['100']);
  });
}

test('a seek to what is in memory of a deleted topic does not hide that another has its name', async t => {
  const { cluster, client, consumer } = await setting(t);
  fill(cluster, 10);
  const orders = consumer();
  await get(orders, 1);
  const held = cluster.on(Fetch).hold();
  await held.held;
  cluster.deleteTopic('orders');
  cluster.createTopic('orders', 1);
  fill(cluster, 20, { from: 100 });
  await client.metadata(['orders']);
  const moved = next(orders, 'outOfRange');
  await orders.seek(5);
  held.release();
  const seen: string[] = [];
  while (!seen.includes('119')) seen.push(...values(await get(orders, 1)));
  assert.equal((await moved).why, 'recreated');
  assert.deepEqual(
    seen.filter(value => Number(value) >= 100),
    Array.from({ length: 20 }, (_, i) => String(100 + i)),
  );
});

test('a topic that is gone is told to the reader after all attempts, and read again when it is back', async t => {
  const { cluster, consumer } = await setting(t, { client: { retry: { attempts: 3, backoffMs: 1, maxBackoffMs: 5 } } });
  fill(cluster, 3);
  const orders = consumer();
  await get(orders, 3);
  cluster.deleteTopic('orders');
  await assert.rejects(get(orders, 1), { code: 'UNKNOWN_TOPIC_OR_PARTITION', message: /orders/ });
  cluster.createTopic('orders', 1);
  fill(cluster, 1, { from: 100 });
  let back: string[] = [];
  while (back.length === 0) back = await get(orders, 1).then(values, () => []);
  assert.deepEqual(back, ['100']);
});

test('a log that the broker finds damaged is told to the reader', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 3);
  cluster.on(Fetch).failOnce('CORRUPT_MESSAGE');
  const orders = consumer();
  await assert.rejects(get(orders, 3), { code: 'CORRUPT_MESSAGE', message: /orders\/0/ });
  assert.equal((await get(orders, 3)).length, 3);
});

test('a topic that was created again with fewer partitions is read on in those', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 4 } });
  for (const partition of [0, 1, 2, 3]) fill(cluster, 2, { partition });
  const orders = consumer({ groupId: 'audit' });
  const failures: unknown[] = [];
  orders.on('commitFailed', ({ error }) => failures.push(error));
  await read(orders, 8);
  await orders.commit();
  const moved = next(orders, 'outOfRange');
  cluster.deleteTopic('orders');
  cluster.createTopic('orders', 2);
  for (const partition of [0, 1]) fill(cluster, 2, { partition, from: 100 });
  const seen: string[] = [];
  while (seen.length < 4) seen.push(...values(await get(orders, 1)));
  assert.equal((await moved).why, 'recreated');
  assert.deepEqual(seen.sort(), ['100', '100', '101', '101']);
  assert.deepEqual(
    [2, 3].map(partition => orders.position(partition)),
    [undefined, undefined],
  );
  await orders.close();
  assert.deepEqual(failures, []);
});
