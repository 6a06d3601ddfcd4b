import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fetch } from '../../src/protocol/index.js';
import { fill, get, offsets, setting, stored, until } from './setting.js';

test('a call marks what the call before it returned, and nothing else', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 10);
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  assert.deepEqual(offsets(await get(orders, 4)), [0, 1, 2, 3]);
  assert.equal(await orders.commit(), true);
  assert.deepEqual(stored(cluster, 'audit'), { 0: 0 }, 'nothing is done yet');
  assert.deepEqual(offsets(await get(orders, 2)), [4, 5]);
  await orders.commit();
  assert.deepEqual(stored(cluster, 'audit'), { 0: 4 });
  assert.equal(orders.position(0), 6);
});

test('a loop marks what the call before it returned, and a call what a loop left', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 4);
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  await get(orders, 2);
  for await (const { offset } of orders) {
    assert.equal(offset, 2);
    await orders.commit();
    assert.deepEqual(stored(cluster, 'audit'), { 0: 2 });
    break;
  }
  assert.deepEqual(offsets(await get(orders, 2)), [2, 3]);
});

test('block: true waits for all, a number for as many, false not at all', async t => {
  const { cluster, consumer } = await setting(t);
  const orders = consumer();
  const all = get(orders, 3);
  await until(() => orders.position(0) === 0);
  fill(cluster, 1);
  await until(() => orders.position(0) === 1);
  fill(cluster, 2);
  assert.equal((await all).length, 3);

  const two = orders.getMessages(5, { block: 2, timeoutMs: null });
  fill(cluster, 3);
  assert.equal((await two).length, 3, 'as many as there are, but at least two');

  assert.deepEqual(await orders.getMessages(5, { block: false, timeoutMs: null }), []);
  assert.deepEqual(await orders.getMessages(5, { block: 0, timeoutMs: null }), []);
});

test('block: 1 is a number, not true', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 2);
  assert.equal((await consumer().getMessages(9, { block: 1, timeoutMs: null })).length, 2);
});

test('without blocking one fetch that does not wait is made when nothing is there', async t => {
  const { cluster, consumer } = await setting(t);
  const orders = consumer();
  assert.deepEqual(await orders.getMessages(1, { block: false }), []);
  const polls = () => cluster.requests(Fetch).filter(({ body }) => body.maxWaitMs === 0).length;
  assert.equal(polls(), 1);
  fill(cluster, 5);
  assert.equal((await orders.getMessages(9, { block: false })).length, 5);
});

test('short or empty is no error: the time is over', async t => {
  const { cluster, consumer } = await setting(t);
  const orders = consumer();
  assert.deepEqual(await orders.getMessages(), [], 'after 100 ms');
  fill(cluster, 2);
  assert.deepEqual(offsets(await orders.getMessages(5, { timeoutMs: 500 })), [0, 1]);
  assert.deepEqual(await orders.getMessages(5, { timeoutMs: 0 }), []);
});

test('a call is refused for what cannot be, and changes nothing', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 4);
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  await get(orders, 2);
  for (const count of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '3' as unknown as number]) {
    await assert.rejects(orders.getMessages(count), { code: 'TIDE_INPUT' });
  }
  for (const block of [-1, 0.5, 'yes' as unknown as number]) await assert.rejects(orders.getMessages(1, { block }), { code: 'TIDE_INPUT' });
  for (const timeoutMs of [-1, Number.NaN, '5' as unknown as number]) {
    await assert.rejects(orders.getMessages(1, { timeoutMs }), { code: 'TIDE_INPUT' });
  }
  await assert.rejects(orders.getMessages(1, { signal: AbortSignal.abort() }), { name: 'AbortError' });
  await orders.commit();
  assert.deepEqual(stored(cluster, 'audit'), { 0: 0 }, 'none of these said that the first two are done');
});

test('an abort rejects with its reason, and what was collected comes again', async t => {
  for (const marking of ['loop', 'explicit'] as const) {
    const { cluster, consumer } = await setting(t);
    fill(cluster, 3);
    const orders = consumer({ marking });
    const stop = new AbortController();
    const pending = orders.getMessages(9, { timeoutMs: null, signal: stop.signal });
    await until(() => orders.position(0) === 3);
    const reason = new Error('enough');
    stop.abort(reason);
    await assert.rejects(pending, error => error === reason);
    assert.equal(orders.position(0), 0, marking);
    assert.deepEqual(offsets(await get(orders, 3)), [0, 1, 2]);
  }
});

test('an abort while the consumer still connects rejects at once', async t => {
  const { client } = await setting(t, { client: { brokers: '127.0.0.1:1', retry: { attempts: 100 } } });
  const { SimpleConsumer } = await import('../../src/consumer/index.js');
  const orders = new SimpleConsumer(client, { topic: 'orders' });
  const reason = new Error('enough');
  const stop = new AbortController();
  const pending = orders.getMessages(1, { signal: stop.signal });
  stop.abort(reason);
  await assert.rejects(pending, error => error === reason);
});

test('a throw puts back what the call had collected: nothing is skipped', async t => {
  for (const marking of ['loop', 'explicit'] as const) {
    const { cluster, consumer } = await setting(t);
    fill(cluster, 4, { perBatch: 2 });
    cluster.corrupt('orders', 0, 2);
    const orders = consumer({ marking });
    await assert.rejects(get(orders, 4), { code: 'TIDE_CORRUPT' });
    assert.equal(orders.position(0), 0);
    assert.deepEqual(offsets(await get(orders, 2)), [0, 1], marking);
  }
});

test('a throw leaves alone what explicit marking had handed out before', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 6, { perBatch: 2 });
  cluster.corrupt('orders', 0, 4);
  const orders = consumer({ groupId: 'audit', autoCommit: false, marking: 'explicit' });
  const before = await get(orders, 1);
  await assert.rejects(get(orders, 5), { code: 'TIDE_CORRUPT' });
  assert.equal(orders.position(0), 1);
  orders.mark(before);
  assert.equal(await orders.commit(), true);
  assert.deepEqual(stored(cluster, 'audit'), { 0: 1 });
});

test('an unanswered batch comes again with rewind, and what was marked of it does not', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 6);
  const orders = consumer();
  const [first] = await get(orders, 3);
  assert.ok(first);
  orders.mark(first);
  orders.rewind();
  assert.equal(orders.position(0), 1);
  assert.deepEqual(offsets(await get(orders, 2)), [1, 2]);
  orders.rewind();
  orders.rewind();
  assert.deepEqual(offsets(await get(orders, 5)), [1, 2, 3, 4, 5]);
});

test('more than fits into the prefetch can be asked for at once', async t => {
  for (const marking of ['loop', 'explicit'] as const) {
    const { cluster, consumer } = await setting(t);
    for (let i = 0; i < 20; i++) cluster.append('orders', 0, [{ value: Buffer.alloc(10_000) }]);
    const orders = consumer({ marking, prefetchBytes: 20_000, maxPartitionBytes: 10_000 });
    assert.equal((await get(orders, 20)).length, 20);
  }
});

test('many calls of one message each give all of them, in order', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 500, { perBatch: 7 });
  const orders = consumer();
  const seen: number[] = [];
  while (seen.length < 500) seen.push(...offsets(await orders.getMessages()));
  assert.deepEqual(
    seen,
    Array.from({ length: 500 }, (_, i) => i),
  );
});

test('options that are none are refused by name', async t => {
  const { consumer } = await setting(t);
  const orders = consumer();
  const call = (options: unknown) => orders.getMessages(1, options as object);
  await assert.rejects(call(1000), { code: 'TIDE_OPTION', message: /getMessages\(\): options must be an object, got 1000/ });
  await assert.rejects(call(null), { code: 'TIDE_OPTION' });
  await assert.rejects(call({ timeout: 1000 }), { code: 'TIDE_OPTION', message: /"timeout"; did you mean "timeoutMs"/ });
});
