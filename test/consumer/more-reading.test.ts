import assert from 'node:assert/strict';
import { test } from 'node:test';
import { merge } from '../../src/consumer/index.js';
import { Fetch } from '../../src/protocol/index.js';
import { fill, get, offsets, places, read, setting, stored } from './setting.js';

test('getMessage gives one message, or undefined when none comes in time', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 1);
  const orders = consumer();
  assert.equal((await orders.getMessage({ timeoutMs: null }))?.offset, 0);
  assert.equal(await orders.getMessage({ timeoutMs: 1 }), undefined);
});

test('iterTimeoutMs ends a loop quietly, and what was asked past is done', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 3);
  const orders = consumer({ groupId: 'audit', autoCommit: false, iterTimeoutMs: 50 });
  const seen: number[] = [];
  // A loop may end before anything came, on a busy machine: the next one goes on where it stood.
  const loops = async (count: number) => {
    while (seen.length < count) for await (const { offset } of orders) seen.push(offset);
  };
  await loops(3);
  assert.deepEqual(seen, [0, 1, 2]);
  await orders.commit();
  assert.deepEqual(stored(cluster, 'audit'), { 0: 3 });
  fill(cluster, 1);
  await loops(4);
  assert.deepEqual(seen, [0, 1, 2, 3]);
});

test('a consumer of one partition without a group begins where startOffset says', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 2 } });
  fill(cluster, 5, { partition: 1 });
  cluster.trim('orders', 1, 1);
  const start = async (startOffset: number | 'earliest' | 'latest') => {
    const orders = consumer({ partitions: [1], startOffset });
    const messages = await orders.getMessages(1, { timeoutMs: startOffset === 'latest' ? 0 : null });
    return [orders.position(1), ...offsets(messages)];
  };
  assert.deepEqual(await start(3), [4, 3]);
  assert.deepEqual(await start('earliest'), [2, 1]);
  assert.deepEqual(await start('latest'), [5]);
  for (const startOffset of [-1, 1.5, 'newest' as 'latest', Number.NaN]) {
    assert.throws(() => consumer({ startOffset }), { code: 'TIDE_OPTION', message: /startOffset/ });
  }
});

test('startOffset wins over what is committed', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 5);
  await read(consumer({ groupId: 'audit' }), 2);
  assert.deepEqual(offsets(await get(consumer({ groupId: 'audit', startOffset: 4 }), 1)), [4]);
});

test('emptyRetryLimit n ends a read with TIDE_NO_DATA after n + 1 fetches without records; the next read goes on', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 1);
  const orders = consumer({ emptyRetryLimit: 2, maxWaitMs: 1 });
  await get(orders, 1);
  const refused = { code: 'TIDE_NO_DATA', message: /nothing came in 3 fetches/ };
  const before = cluster.requests(Fetch).length;
  await assert.rejects(orders.getMessages(1, { timeoutMs: null }), refused);
  assert.ok(cluster.requests(Fetch).length - before >= 3);
  await assert.rejects(async () => {
    for await (const _ of orders) assert.fail();
  }, refused);
  fill(cluster, 1);
  assert.deepEqual(offsets(await orders.getMessages(5, { block: 1, timeoutMs: null })), [1]);
  assert.deepEqual(
    await consumer({ emptyRetryLimit: 0, startOffset: 'latest' })
      .getMessages(1, { timeoutMs: 0, block: false })
      .catch(error => error.code),
    'TIDE_NO_DATA',
  );
});

test('fetchLastKnownOffsets goes to what is stored for the group; partitions without an offset stay', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 2 } });
  for (const partition of [0, 1]) fill(cluster, 5, { partition });
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  await get(orders, 6);
  await consumer({ groupId: 'audit', autoCommit: false, partitions: [0] })
    .seek(1)
    .then(() => {});
  const other = consumer({ groupId: 'audit', autoCommit: false, partitions: [0] });
  await other.seek(1);
  await other.commit();
  const second = orders.position(1);
  await orders.fetchLastKnownOffsets();
  assert.deepEqual([orders.position(0), orders.position(1)], [1, second]);
  assert.equal(await orders.commit(), second !== 0);
  await assert.rejects(consumer().fetchLastKnownOffsets(), { code: 'TIDE_STATE', message: /groupId/ });
  await assert.rejects(orders.fetchLastKnownOffsets([7]), { code: 'TIDE_NOT_OWNED' });
});

test('resetPartitionOffset goes where the policy says, and gives the offset', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 5);
  const orders = consumer();
  await get(orders, 3);
  assert.equal(await orders.resetPartitionOffset(0), 0);
  assert.deepEqual(offsets(await get(orders, 1)), [0]);
  assert.equal(await consumer({ autoOffsetReset: 'latest' }).resetPartitionOffset(0), 5);
  await assert.rejects(consumer({ autoOffsetReset: 'none' }).resetPartitionOffset(0), { code: 'TIDE_STATE', message: /"none"/ });
});

test('merge reads several consumers as one: asked past is done, left is not, unseen comes again', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 1, bills: 1 } });
  fill(cluster, 3);
  fill(cluster, 3, { topic: 'bills' });
  const group = { groupId: 'audit', autoCommit: false } as const;
  const [orders, bills] = [consumer(group), consumer({ ...group, topic: 'bills' })];
  const merged = merge(orders, bills);
  assert.equal(merged.workers, 2);
  const seen: string[] = [];
  for await (const { topic, offset } of merged) {
    seen.push(`${topic}:${offset}`);
    if (seen.length === 5) break;
  }
  assert.deepEqual(
    [...seen].filter(place => place.startsWith('orders')),
    seen.filter(place => place.startsWith('orders')).sort(),
  );
  assert.equal(merged.workers, 0);
  const done = (topic: string) => seen.slice(0, 4).filter(place => place.startsWith(topic)).length;
  assert.deepEqual([orders.position(0), bills.position(0)], [done('orders'), done('bills')]);
  for (const [from, topic] of [
    [orders, 'orders'],
    [bills, 'bills'],
  ] as const) {
    const left = [0, 1, 2].slice(done(topic));
    if (left.length > 0) assert.deepEqual(offsets(await get(from, left.length)), left);
  }
  await merged.close();
  await assert.rejects(merged.nextMessage(), { code: 'TIDE_CLOSED' });
});

test('a consumer that has no data is taken out of a merge, the last one ends it; errors come once, and reading goes on', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 1, bills: 1 } });
  fill(cluster, 2);
  fill(cluster, 1, { topic: 'bills' });
  const limits = { emptyRetryLimit: 0, maxWaitMs: 5 } as const;
  const orders = consumer(limits);
  await get(orders, 1);
  cluster.on(Fetch, { topic: 'bills' }).failOnce('TOPIC_AUTHORIZATION_FAILED');
  await using merged = merge(orders, consumer({ ...limits, topic: 'bills' }));
  const seen: string[] = [];
  const failures: string[] = [];
  for (;;) {
    try {
      const message = await merged.nextMessage();
      seen.push(`${message.topic}:${message.offset}`);
    } catch (error) {
      failures.push((error as { code: string }).code);
      if (failures.at(-1) === 'TIDE_CLOSED') break;
    }
  }
  assert.deepEqual(seen.sort(), ['bills:0', 'orders:1']);
  assert.deepEqual(failures, ['TOPIC_AUTHORIZATION_FAILED', 'TIDE_CLOSED']);
  assert.equal(merged.workers, 0);
  assert.deepEqual(await merge().next(), { done: true, value: undefined });
  const first = merge(consumer());
  const pending = first.next();
  await assert.rejects(first.next(), { code: 'TIDE_STATE' });
  assert.equal((await pending).value?.offset, 0);
  await first.close();
  assert.deepEqual(places([]), []);
});

test('a loop over a merge that fails lets go of every consumer; what was in hand is done, and what nobody saw comes again', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 1, bills: 1 } });
  fill(cluster, 3);
  const [orders, bills] = [consumer(), consumer({ topic: 'bills' })];
  cluster.on(Fetch, { topic: 'bills' }).failOnce('TOPIC_AUTHORIZATION_FAILED');
  const merged = merge(orders, bills);
  const seen: number[] = [];
  const loop = async () => {
    for await (const { offset } of merged) seen.push(offset);
  };
  await assert.rejects(loop(), { code: 'TOPIC_AUTHORIZATION_FAILED' });
  assert.equal(merged.workers, 0);
  fill(cluster, 1);
  assert.deepEqual(offsets(await get(orders, 4 - seen.length)), [0, 1, 2, 3].slice(seen.length));
  fill(cluster, 1, { topic: 'bills' });
  assert.deepEqual(offsets(await get(bills, 1)), [0]);
  assert.deepEqual(await merged.next(), { done: true, value: undefined });
});

test('a merged consumer that somebody else reads from says so once and is taken out; the others are read on', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 1, bills: 1 } });
  fill(cluster, 3);
  fill(cluster, 3, { topic: 'bills' });
  const [orders, bills] = [consumer(), consumer({ topic: 'bills' })];
  for await (const { offset } of bills) {
    assert.equal(offset, 0);
    await using merged = merge(orders, bills);
    const outcomes: (string | number)[] = [];
    while (outcomes.length < 4) {
      outcomes.push(
        await merged.nextMessage().then(
          message => message.offset,
          (error: unknown) => (error as { code: string }).code,
        ),
      );
    }
    assert.deepEqual(outcomes.sort(), [0, 1, 2, 'TIDE_STATE']);
    assert.equal(merged.workers, 1);
    break;
  }
  assert.deepEqual(offsets(await get(bills, 1)), [0]);
});

test('what is no consumer cannot be merged, and says so', async t => {
  const { consumer } = await setting(t);
  const orders = consumer();
  for (const given of [undefined, null, [orders], 'orders', {}, { messages: 5 }]) {
    assert.throws(() => merge(orders, given as never), { code: 'TIDE_INPUT', message: /^merge: expected consumers, / });
  }
  assert.equal(await orders.getMessage({ block: false }), undefined);
});
