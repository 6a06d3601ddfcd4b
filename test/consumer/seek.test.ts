import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EmbeddedCluster } from '../../src/embedded/index.js';
import { Fetch, ListOffsets } from '../../src/protocol/index.js';
import { committedSoFar, fetches, fill, get, offsets, places, read, setting, until } from './setting.js';

/** Resolves when `offset` has been asked for. */
const asked = (cluster: EmbeddedCluster, offset: number): Promise<void> =>
  until(() => cluster.requests(Fetch).some(({ body }) => body.topics[0]?.partitions[0]?.fetchOffset === offset));

async function twoOfTen(t: Parameters<typeof setting>[0]) {
  const given = await setting(t, { topics: { orders: 2 } });
  for (const partition of [0, 1]) fill(given.cluster, 10, { partition });
  const orders = given.consumer();
  return { ...given, orders, at: () => [orders.position(0), orders.position(1)] };
}

test('an absolute seek moves every partition, or the one that is named', async t => {
  const { orders, at } = await twoOfTen(t);
  await orders.seek(4);
  assert.deepEqual(at(), [4, 4]);
  await orders.seek(9, undefined, 1);
  assert.deepEqual(at(), [4, 9]);
  assert.deepEqual(places(await get(orders, 7)).sort(), ['0:4', '0:5', '0:6', '0:7', '0:8', '0:9', '1:9']);
});

test('whence 0 and 2 divide over the partitions, the remainder going to the first', async t => {
  const { orders, at } = await twoOfTen(t);
  for (const [offset, whence, expected] of [
    [-10, 2, [5, 5]],
    [-13, 2, [4, 3]],
    [3, 0, [2, 1]],
    [0, 2, [10, 10]],
    [0, 0, [0, 0]],
    [-1, 2, [10, 9]],
    [20, 0, [10, 10]],
  ] as const) {
    await orders.seek(offset, whence);
    assert.deepEqual(at(), expected, `seek(${offset}, ${whence})`);
  }
});

test('whence 0 and 2 count from the boundary of a partition that is named, whence 1 from its position', async t => {
  const { cluster, orders, at } = await twoOfTen(t);
  cluster.trim('orders', 1, 3);
  await orders.seek(2, 0, 1);
  assert.deepEqual(at(), [0, 5]);
  await orders.seek(-1, 2, 0);
  assert.deepEqual(at(), [9, 5]);
  await orders.seek(-2, 1, 1);
  assert.deepEqual(at(), [9, 3]);
  await orders.seek(-4, 1, 0);
  await orders.seek(2, 1);
  assert.deepEqual(at(), [7, 5], 'all of it to each');
});

test('a seek that leads out of a log, or cannot be, is TIDE_INPUT and moves nothing', async t => {
  const { cluster, orders, at } = await twoOfTen(t);
  await orders.seek(5);
  cluster.trim('orders', 1, 4);
  const input = { code: 'TIDE_INPUT' };
  await assert.rejects(orders.seek(-2, 1), { ...input, message: /offset 3 of orders\/1 is outside its log, which has 4 to 10/ });
  await assert.rejects(orders.seek(6, 1), input);
  await assert.rejects(orders.seek(1, 2), input);
  await assert.rejects(orders.seek(-1, 0), input);
  await assert.rejects(orders.seek(-1000, 2), input);
  await assert.rejects(orders.seek(0, 3 as 2), { ...input, message: /whence is 0 .*got 3; the order is \(offset, whence, partition\)/ });
  await assert.rejects(orders.seek('orders' as never, 0), { ...input, message: /the offset is an integer, got "orders"; the order is/ });
  for (const offset of [-1, 1.5, Number.NaN, '3' as unknown as number]) await assert.rejects(orders.seek(offset), input);
  await assert.rejects(orders.seek(0.5, 0), input);
  await assert.rejects(orders.seek(1, undefined, 7), { code: 'TIDE_NOT_OWNED', message: /orders\/7.*it reads 0, 1/ });
  assert.deepEqual(at(), [5, 5]);
});

test('a seek inside a loop takes effect with the next message; the one in hand is not done by it', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 10);
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  const seen: number[] = [];
  for await (const { offset } of orders) {
    seen.push(offset);
    if (seen.length === 2) await orders.seek(7);
    if (seen.length === 4) await orders.seek(1);
    if (seen.length === 6) {
      await orders.commit();
      break;
    }
  }
  assert.deepEqual(seen, [0, 1, 7, 8, 1, 2]);
  assert.deepEqual(committedSoFar(cluster), ['0:2']);
});

test('a seek wakes a loop that waits at the end', async t => {
  const { cluster, consumer } = await setting(t, { client: {} });
  fill(cluster, 3);
  const orders = consumer({ maxWaitMs: 60_000 });
  await read(orders, 3);
  const loop = orders.messages();
  const pending = loop.next();
  await asked(cluster, 3);
  await orders.seek(1);
  assert.equal((await pending).value?.offset, 1);
  await loop.return?.();
});

test('a seek to what has to be fetched does not wait for the long poll that asked for something else', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 100, { perBatch: 1 });
  const orders = consumer({ maxWaitMs: 60_000 });
  await orders.seek(100);
  assert.deepEqual(await orders.getMessages(1, { timeoutMs: 20 }), []);
  const longPolls = () => fetches(cluster).filter(({ body }) => body.maxWaitMs === 60_000);
  await until(() => longPolls().some(({ body }) => body.topics[0]?.partitions[0]?.fetchOffset === 100));
  const before = longPolls().length;
  await orders.seek(5);
  assert.deepEqual(offsets(await get(orders, 2)), [5, 6]);
  await orders.seek(50);
  assert.deepEqual(offsets(await get(orders, 1)), [50]);
  assert.equal(longPolls().length, before, 'the one before them has still no answer');
});

test('the answer to a fetch that was under way during a seek is dropped', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 10, { perBatch: 1 });
  const orders = consumer();
  const held = cluster.on(Fetch).hold();
  const pending = get(orders, 2);
  await held.held;
  await orders.seek(6);
  await asked(cluster, 6);
  held.release();
  assert.deepEqual(offsets(await pending), [6, 7]);
  assert.equal(orders.position(0), 8);
});

test('a partition that is paused gives nothing, can be moved, and goes on where it was moved to', async t => {
  const { orders } = await twoOfTen(t);
  await orders.seek(8);
  orders.pause([1]);
  assert.deepEqual(places(await get(orders, 2)), ['0:8', '0:9']);
  await orders.seek(9, undefined, 1);
  assert.deepEqual(await orders.getMessages(9, { timeoutMs: 30 }), []);
  orders.resume([1]);
  assert.deepEqual(places(await get(orders, 1)), ['1:9']);
  orders.pause();
  await orders.seek(0);
  assert.deepEqual(await orders.getMessages(9, { timeoutMs: 30 }), []);
  orders.resume();
  assert.equal((await get(orders, 20)).length, 20);
});

test('a pause inside a loop holds from the next message on', async t => {
  const { orders } = await twoOfTen(t);
  const seen: string[] = [];
  let paused = -1;
  for await (const { partition, offset } of orders) {
    seen.push(`${partition}:${offset}`);
    if (seen.length === 3) orders.pause([(paused = partition)]);
    if (seen.length === 9) break;
  }
  assert.ok(seen.slice(3).every(place => !place.startsWith(`${paused}:`)));
});

test('pause before anything is known, and of what is not read, is refused', async t => {
  const { orders } = await twoOfTen(t);
  assert.throws(() => orders.pause(), { code: 'TIDE_STATE' });
  await orders.pending();
  assert.throws(() => orders.pause([2]), { code: 'TIDE_NOT_OWNED' });
});

test('pending counts what waits behind the position', async t => {
  const { cluster, orders } = await twoOfTen(t);
  assert.equal(await orders.pending(), 20);
  await get(orders, 3);
  assert.equal(await orders.pending(), 17);
  await orders.seek(10);
  assert.equal(await orders.pending(), 0);
  await orders.seek(15);
  assert.equal(await orders.pending(), 0, 'never below');
  fill(cluster, 8, { partition: 1 });
  assert.equal(await orders.pending([1]), 3);
  assert.equal(await orders.pending([]), 0);
  await assert.rejects(orders.pending([5]), { code: 'TIDE_NOT_OWNED' });
});

test('going back to what is still held costs no fetch', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 10, { perBatch: 2 });
  const orders = consumer();
  await get(orders, 10);
  const lowest = () =>
    Math.min(
      ...cluster
        .requests(Fetch)
        .slice(1)
        .map(({ body }) => body.topics[0]?.partitions[0]?.fetchOffset ?? 0),
    );
  await until(() => cluster.requests(Fetch).length > 1);
  orders.rewind();
  assert.equal((await get(orders, 4)).length, 4);
  orders.rewind();
  assert.equal((await get(orders, 10)).length, 10);
  await orders.seek(3);
  assert.deepEqual(offsets(await get(orders, 2)), [3, 4]);
  assert.equal(lowest(), 10, 'everything came out of memory');
  assert.ok(cluster.requests(ListOffsets).length <= 1);
});
