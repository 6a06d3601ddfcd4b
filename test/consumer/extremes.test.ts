import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fetch } from '../../src/protocol/index.js';
import { fill, get, offsets, setting, until } from './setting.js';

test('a topic of a thousand partitions is read to its end', { timeout: 60_000 }, async t => {
  const { cluster, consumer } = await setting(t, { brokers: 3, topics: { orders: 1000 } });
  for (let partition = 0; partition < 1000; partition++) fill(cluster, 6, { partition, perBatch: 1 });
  const read = new Map<number, number[]>();
  let count = 0;
  for await (const { partition, offset } of consumer()) {
    read.set(partition, [...(read.get(partition) ?? []), offset]);
    if (++count === 6000) break;
  }
  assert.equal(read.size, 1000);
  for (const each of read.values()) assert.deepEqual(each, [0, 1, 2, 3, 4, 5]);
});

test('times as long as they can be are waited for', async t => {
  const { cluster, consumer } = await setting(t, { client: { requestTimeoutMs: 2 ** 31 - 1 } });
  const orders = consumer();
  const pending = orders.getMessages(2, { timeoutMs: 1e12 });
  await until(() => cluster.requests(Fetch).length === 1);
  fill(cluster, 2);
  assert.deepEqual(offsets(await pending), [0, 1]);
  assert.equal(cluster.requests(Fetch).length <= 3, true);
});

test('a consumer of many brokers waits at all of them without a warning of a leak', async t => {
  const warnings: Error[] = [];
  const warned = (warning: Error) => warnings.push(warning);
  process.on('warning', warned);
  t.after(() => process.off('warning', warned));
  const { cluster, consumer } = await setting(t, { brokers: 13, topics: { orders: 13 } });
  const orders = consumer();
  for (let partition = 0; partition < 13; partition++) fill(cluster, 1, { partition });
  assert.equal((await get(orders, 13)).length, 13);
  await until(() => new Set(cluster.requests(Fetch).map(({ broker }) => broker)).size === 13);
  assert.deepEqual(warnings, []);
});
