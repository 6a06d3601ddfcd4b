import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fetch } from '../../src/protocol/index.js';
import { encodeBatch } from '../../src/records/index.js';
import { elsewhere, fetches, get, setting, until } from './setting.js';

const large = (bytes: number) => [{ value: Buffer.alloc(bytes), timestamp: 1000 }];
const batchBytes = encodeBatch(large(1000)).length;

test('a fetch never asks for more than what is left of the prefetch, over all partitions and brokers', async t => {
  const { cluster, consumer } = await setting(t, { brokers: 2, topics: { orders: 4 } });
  for (let i = 0; i < 400; i++) cluster.append('orders', i % 4, large(1000));
  const prefetchBytes = 16 * batchBytes;
  const orders = consumer({ prefetchBytes, maxPartitionBytes: prefetchBytes });
  const ahead = () => {
    const asked = [0, 0, 0, 0];
    for (const { body } of cluster.requests(Fetch)) {
      for (const { partition, fetchOffset } of body.topics[0]?.partitions ?? [])
        asked[partition] = Math.max(asked[partition] ?? 0, fetchOffset);
    }
    return asked.reduce((sum, offset, partition) => sum + offset - (orders.position(partition) ?? 0), 0);
  };
  let highest = 0;
  let read = 0;
  for await (const _ of orders) {
    if (++read === 10) await until(() => ahead() > 8);
    if (read % 10 === 0) await new Promise(setImmediate);
    highest = Math.max(highest, ahead());
    if (read === 400) break;
  }
  assert.ok(highest <= 18, `${highest} batches were ahead of the reader; 16 fit, and what each broker gives is rounded up to a batch`);
  for (const { body } of cluster.requests(Fetch)) assert.ok(body.maxBytes <= prefetchBytes);
});

test('nothing is fetched while nobody reads and all the room is taken', async t => {
  const { cluster, consumer } = await setting(t);
  for (let i = 0; i < 100; i++) cluster.append('orders', 0, large(1000));
  const orders = consumer({ prefetchBytes: 10 * batchBytes, maxPartitionBytes: 10 * batchBytes });
  await get(orders, 1);
  await elsewhere(cluster);
  const before = fetches(cluster).length;
  await elsewhere(cluster);
  assert.equal(fetches(cluster).length, before);
  assert.equal((await get(orders, 99)).length, 99);
});

test('a batch larger than every limit is read all the same', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 2 } });
  for (const partition of [0, 1]) for (let i = 0; i < 3; i++) cluster.append('orders', partition, large(100_000));
  for (const limit of [
    { maxPartitionBytes: 1 },
    { maxBytes: 1 },
    { prefetchBytes: 1 },
    { maxPartitionBytes: 1, maxBytes: 1, prefetchBytes: 1 },
  ]) {
    assert.equal((await get(consumer(limit), 6)).length, 6, JSON.stringify(limit));
  }
});

test('a large batch in one partition does not starve the others', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 3 } });
  for (let i = 0; i < 20; i++) cluster.append('orders', 0, large(10_000));
  for (const partition of [1, 2]) cluster.append('orders', partition, large(10_000));
  const orders = consumer({ maxBytes: 1000 });
  const seen = (await get(orders, 12)).map(({ partition }) => partition);
  assert.ok(seen.includes(1) && seen.includes(2), `of partitions ${seen}`);
});

test('what a paused partition has ahead does not take the room of the others, and is fetched again later', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 2 } });
  for (let i = 0; i < 60; i++) cluster.append('orders', i % 2, large(1000));
  const orders = consumer({ prefetchBytes: 8 * batchBytes, maxPartitionBytes: 8 * batchBytes });
  const first = await get(orders, 1);
  await elsewhere(cluster); // as much as there is room for has come
  const paused = first[0]?.partition === 0 ? 1 : 0;
  orders.pause([paused]);
  const others = await get(orders, 29);
  assert.ok(others.every(({ partition }) => partition !== paused));
  orders.resume();
  const rest = await get(orders, 30);
  assert.deepEqual(
    rest.map(({ offset }) => offset),
    Array.from({ length: 30 }, (_, i) => i),
  );
});

test('work that is not marked keeps nothing from being fetched', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 2 } });
  for (let i = 0; i < 60; i++) cluster.append('orders', i % 2, large(1000));
  const orders = consumer({ marking: 'explicit', prefetchBytes: 8 * batchBytes, maxPartitionBytes: 8 * batchBytes });
  assert.equal((await get(orders, 60)).length, 60);
  orders.rewind();
  assert.equal((await get(orders, 60)).length, 60, 'what is not in memory any more is fetched again');
});

test('the wait of a fetch and its least bytes are as the options say', async t => {
  const { cluster, consumer } = await setting(t);
  const orders = consumer({ maxWaitMs: 77, minBytes: 3, isolation: 'read_uncommitted' });
  await orders.getMessages(1, { timeoutMs: 0 });
  await until(() => cluster.requests(Fetch).length > 0);
  const [request] = cluster.requests(Fetch);
  assert.deepEqual([request?.body.maxWaitMs, request?.body.minBytes, request?.body.isolationLevel], [77, 3, 0]);
});
