import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorNumbers } from '../../src/base/broker-errors.js';
import { Fetch, ListOffsets, Metadata, OffsetCommit, OffsetFetch } from '../../src/protocol/index.js';
import { committedSoFar, elsewhere, fill, get, next, offsets, places, read, setting, stored, until } from './setting.js';

test('reading goes on at the committed offset', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 2 } });
  for (const partition of [0, 1]) fill(cluster, 3, { partition });
  const first = consumer({ groupId: 'audit' });
  await read(first, 4);
  const left = [0, 1].flatMap(partition => [0, 1, 2].slice(first.position(partition)).map(offset => `${partition}:${offset}`));
  await first.close();
  const second = consumer({ groupId: 'audit' });
  assert.deepEqual(places(await read(second, 2)).sort(), left.sort());
});

test('an offset of 0 that was committed is an offset', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 3);
  const first = consumer({ groupId: 'audit', autoOffsetReset: 'earliest' });
  await get(first, 1);
  await first.close();
  assert.deepEqual(stored(cluster, 'audit'), { 0: 0 });
  assert.deepEqual(offsets(await get(consumer({ groupId: 'audit', autoOffsetReset: 'latest' }), 1)), [0]);
});

test('without one it begins where the policy says: earliest is the start of the log, not 0', async t => {
  const { cluster, consumer } = await setting(t);
  for (let i = 0; i < 6; i++) cluster.append('orders', 0, [{ value: 'v', timestamp: 1000 + i }]);
  cluster.trim('orders', 0, 2);
  const start = async (autoOffsetReset?: 'earliest' | 'smallest' | { timestampMs: number }) =>
    offsets(await get(consumer({ autoOffsetReset }), 1));
  assert.deepEqual(await start(), [2]);
  assert.deepEqual(await start('earliest'), [2]);
  assert.deepEqual(await start('smallest'), [2]);
  assert.deepEqual(await start({ timestampMs: 1004 }), [4]);
  for (const autoOffsetReset of ['latest', 'largest', { timestampMs: 5000 }] as const) {
    const orders = consumer({ autoOffsetReset });
    assert.deepEqual(await orders.getMessages(1, { timeoutMs: 0 }), []);
    assert.equal(orders.position(0), 6);
  }
  assert.throws(() => consumer({ autoOffsetReset: 'newest' as 'latest' }), {
    code: 'TIDE_OPTION',
    message: /"earliest", "latest", "none" or/,
  });
});

test('with the policy "none" a read without an offset fails, and a seek helps', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 3);
  const orders = consumer({ groupId: 'audit', autoOffsetReset: 'none' });
  const refused = { code: 'TIDE_STATE', message: /orders\/0: no committed offset.*seek/ };
  await assert.rejects(get(orders, 1), refused);
  await assert.rejects(orders.messages().next(), refused);
  await assert.rejects(orders.pending(), refused);
  await assert.rejects(orders.seek(1, 1), refused);
  assert.equal(orders.position(0), undefined);
  assert.deepEqual(committedSoFar(cluster), []);
  await orders.seek(1);
  assert.deepEqual(offsets(await get(orders, 1)), [1]);
});

test('an offset out of the log is answered by the policy, with an event that has every number, and committed', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 2 } });
  fill(cluster, 10, { perBatch: 1 });
  const before = consumer({ groupId: 'audit' });
  await read(before, 2);
  await before.close();
  cluster.trim('orders', 0, 5);

  const orders = consumer({ groupId: 'audit' });
  const event = next(orders, 'outOfRange');
  const held = cluster.on(OffsetCommit).hold();
  const two = get(orders, 2);
  assert.deepEqual(await event, {
    topic: 'orders',
    partition: 0,
    requestedOffset: 2,
    logStartOffset: 5,
    logEndOffset: 10,
    newOffset: 5,
    why: 'outside',
  });
  await held.held;
  fill(cluster, 1, { partition: 1 });
  await until(() => orders.position(1) === 1);
  await elsewhere(cluster);
  assert.equal(orders.position(0), 5, 'nothing is handed out before the new place is stored');
  held.release();
  assert.deepEqual(places(await two), ['1:0', '0:5']);
  assert.ok(committedSoFar(cluster).includes('0:5'));
});

test('a new place that cannot be stored for a passing reason is stored later, and only then read from', async t => {
  const { cluster, consumer } = await setting(t, { client: { retry: { attempts: 1, backoffMs: 5, maxBackoffMs: 5 } } });
  fill(cluster, 10, { perBatch: 1 });
  const orders = consumer({ groupId: 'audit' });
  await read(orders, 1);
  cluster.trim('orders', 0, 4);
  await orders.seek(100);
  cluster.on(OffsetCommit).failTimes(2, 'COORDINATOR_LOAD_IN_PROGRESS');
  const failed = next(orders, 'commitFailed');
  assert.deepEqual(offsets(await get(orders, 1)), [4]);
  assert.match((await failed).error.message, /COORDINATOR_LOAD_IN_PROGRESS/);
  assert.equal(stored(cluster, 'audit')[0], 4);
});

test('latest answers an offset behind the end with the end', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 3);
  const orders = consumer({ autoOffsetReset: 'latest' });
  await orders.getMessages(1, { timeoutMs: 0 });
  await orders.seek(50);
  const event = next(orders, 'outOfRange');
  const pending = get(orders, 1);
  assert.equal((await event).newOffset, 3);
  fill(cluster, 1);
  assert.deepEqual(offsets(await pending), [3]);
});

test('with the policy "none" an offset out of the log is an error of the read, every time', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 3);
  const orders = consumer({ autoOffsetReset: 'earliest' });
  await get(orders, 1);
  await orders.close();
  const strict = consumer({ autoOffsetReset: 'none' });
  await strict.seek(9);
  for (let i = 0; i < 2; i++) {
    const event = next(strict, 'outOfRange');
    await assert.rejects(get(strict, 1), {
      code: 'OFFSET_OUT_OF_RANGE',
      errno: errorNumbers.OFFSET_OUT_OF_RANGE,
      message: /offset 9 is not in the log, which has 0 to 3/,
    });
    assert.equal((await event).newOffset, undefined);
  }
  await strict.seek(2);
  assert.deepEqual(offsets(await get(strict, 1)), [2]);
});

test('what was fetched is handed out, and what is in hand may be finished, before an out-of-range moves anything', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 4, { perBatch: 1 });
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  let event: unknown;
  orders.on('outOfRange', detail => {
    event = detail;
  });
  const seen: number[] = [];
  for await (const { offset } of orders) {
    seen.push(offset);
    if (offset === 0) {
      await until(() => cluster.requests(Fetch).some(({ body }) => body.topics[0]?.partitions[0]?.fetchOffset === 4));
      fill(cluster, 4, { perBatch: 1, from: 4 });
      cluster.trim('orders', 0, 6);
      await until(() => cluster.requests(ListOffsets).length > 1);
    }
    if (offset === 3) {
      const asked = cluster.requests(ListOffsets).length;
      await until(() => cluster.requests(ListOffsets).length >= asked + 4); // the policy has looked at it again, and again
      assert.equal(event, undefined, 'the message in hand is not taken away');
      await orders.commit();
      assert.deepEqual(stored(cluster, 'audit'), { 0: 3 });
    }
    if (offset === 7) break;
  }
  assert.deepEqual(seen, [0, 1, 2, 3, 6, 7]);
  assert.notEqual(event, undefined);
});

test('a seek during an out-of-range answer wins', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 10, { perBatch: 1 });
  cluster.trim('orders', 0, 4);
  const orders = consumer();
  await get(orders, 1);
  const held = cluster.on(ListOffsets).hold();
  await orders.seek(2);
  const pending = get(orders, 1);
  await held.held;
  await orders.seek(7);
  held.release();
  assert.deepEqual(offsets(await pending), [7]);
  assert.deepEqual(offsets(await get(orders, 1)), [8]);
});

test('what is in memory of a topic that was deleted is not read for the one created again', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 5, { perBatch: 1 });
  const orders = consumer({ marking: 'explicit' });
  await get(orders, 5); // kept, as none of them is done
  const pending = get(orders, 10);
  cluster.deleteTopic('orders');
  cluster.createTopic('orders', 1);
  fill(cluster, 10, { perBatch: 1, from: 100 });
  assert.deepEqual(
    (await pending).map(({ value }) => Number(value)),
    Array.from({ length: 10 }, (_, i) => 100 + i),
  );
});

test('a topic that was deleted and created again is read by policy, not at the old offset', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 5, { perBatch: 1 });
  const orders = consumer();
  await read(orders, 3);
  const event = next(orders, 'outOfRange');
  const pending = get(orders, 20);
  await until(() => orders.position(0) === 5);
  cluster.deleteTopic('orders');
  cluster.createTopic('orders', 1);
  fill(cluster, 10, { perBatch: 1, from: 100 });
  assert.deepEqual(offsets(await pending), [3, 4], 'what was collected is given first: it may be worked on');
  const values = (await get(orders, 10)).map(({ value }) => Number(value));
  assert.deepEqual(
    values,
    Array.from({ length: 10 }, (_, i) => 100 + i),
    'all of the new topic, from its beginning',
  );
  assert.equal((await event).why, 'recreated');
});

test('a topic that is gone is asked about again, and read when it is back', async t => {
  const { cluster, consumer } = await setting(t, { client: { retry: { attempts: 1000, backoffMs: 20, maxBackoffMs: 40 } } });
  fill(cluster, 1);
  const orders = consumer();
  await read(orders, 1);
  const pending = get(orders, 1);
  cluster.deleteTopic('orders');
  const before = cluster.requests(Metadata).length;
  await until(() => cluster.requests(Metadata).length >= before + 3);
  cluster.createTopic('orders', 1);
  fill(cluster, 1, { from: 7 });
  assert.equal(String((await pending)[0]?.value), '7');
});

test('a topic or partition that does not exist is a typed error, after a few questions', async t => {
  const { cluster, consumer } = await setting(t);
  await assert.rejects(get(consumer({ topic: 'missing' }), 1), { code: 'UNKNOWN_TOPIC_OR_PARTITION', message: /topic missing/ });
  assert.equal(cluster.requests(Metadata).length, 4);
  await assert.rejects(get(consumer({ partitions: [0, 7] }), 1), {
    code: 'UNKNOWN_TOPIC_OR_PARTITION',
    message: /orders\/7.*1 partitions, 0 to 0/,
  });
  assert.equal(cluster.requests(Metadata).length, 8);
});

test('the first read tries again after a failure', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 1);
  const orders = consumer({ groupId: 'audit' });
  cluster.on(OffsetFetch).failOnce('GROUP_AUTHORIZATION_FAILED');
  await assert.rejects(get(orders, 1), { code: 'GROUP_AUTHORIZATION_FAILED' });
  cluster.on(OffsetFetch).failOnce('COORDINATOR_LOAD_IN_PROGRESS');
  assert.deepEqual(offsets(await get(orders, 1)), [0]);
});

test('partitions that are named are read, and no others', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 3 } });
  for (const partition of [0, 1, 2]) fill(cluster, 1, { partition });
  const orders = consumer({ partitions: [2, 0] });
  assert.deepEqual(places(await get(orders, 2)).sort(), ['0:0', '2:0']);
  for (const partitions of [[], [1, 1], 'all'])
    assert.throws(() => consumer({ partitions: partitions as number[] }), { code: 'TIDE_OPTION' });
  assert.throws(() => consumer({ partitions: [-1] }), { code: 'TIDE_INPUT' });
});

test('a partition that appears later is read from its beginning, and its place is committed', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 2 }, client: { metadataMaxAgeMs: 20 } });
  for (const partition of [0, 1]) fill(cluster, 2, { partition });
  let grown = false;
  const shrink = cluster.on(Metadata);
  shrink.answer(async (_, proceed) => {
    const answer = await proceed();
    if (grown || answer === undefined) return answer;
    return { ...answer, topics: answer.topics?.map(topic => ({ ...topic, partitions: topic.partitions?.slice(0, 1) })) };
  }, Number.POSITIVE_INFINITY);
  const orders = consumer({ groupId: 'audit', autoOffsetReset: 'latest' });
  assert.deepEqual(await orders.getMessages(1, { timeoutMs: 0 }), []);
  const pending = get(orders, 2);
  grown = true;
  assert.deepEqual(places(await pending), ['1:0', '1:1']);
  assert.deepEqual(stored(cluster, 'audit'), { 0: 2, 1: 0 });
});

test('a partition that was missing from the first metadata goes on where the group stands in it', async t => {
  const { cluster, client, consumer } = await setting(t, { topics: { orders: 2 }, client: { metadataMaxAgeMs: 20 } });
  for (const partition of [0, 1]) fill(cluster, 8, { partition });
  const before = consumer({ groupId: 'audit' });
  await before.seek(5);
  await before.close();
  let whole = false;
  cluster.on(Metadata).answer(async (_, proceed) => {
    const answer = await proceed();
    if (whole || answer === undefined) return answer;
    return { ...answer, topics: answer.topics?.map(topic => ({ ...topic, partitions: topic.partitions?.slice(0, 1) })) };
  }, Number.POSITIVE_INFINITY);
  await client.metadata(['orders']);
  const orders = consumer({ groupId: 'audit' });
  assert.deepEqual(places(await get(orders, 3)), ['0:5', '0:6', '0:7']);
  const pending = get(orders, 3);
  whole = true;
  assert.deepEqual(places(await pending), ['1:5', '1:6', '1:7']);
  assert.equal(stored(cluster, 'audit')[1], 5);
});

test('what is in the way of a partition that appears later is told: what may pass to the client, what will not to the reader', async t => {
  const { cluster, client, consumer } = await setting(t, {
    topics: { orders: 2 },
    client: { metadataMaxAgeMs: 20, retry: { attempts: 1, backoffMs: 5, maxBackoffMs: 5 } },
  });
  for (const partition of [0, 1]) fill(cluster, 2, { partition });
  let grown = false;
  cluster.on(Metadata).answer(async (_, proceed) => {
    const answer = await proceed();
    if (grown || answer === undefined) return answer;
    return { ...answer, topics: answer.topics?.map(topic => ({ ...topic, partitions: topic.partitions?.slice(0, 1) })) };
  }, Number.POSITIVE_INFINITY);
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  assert.deepEqual(places(await get(orders, 2)), ['0:0', '0:1']);
  const passed = new Promise<string>(resolve => {
    client.on('nonFatalError', ({ error }) => {
      if (error.code === 'COORDINATOR_LOAD_IN_PROGRESS') resolve(error.code);
    });
  });
  cluster.on(OffsetFetch).failTimes(2, 'COORDINATOR_LOAD_IN_PROGRESS').failTimes(2, 'GROUP_AUTHORIZATION_FAILED');
  const pending = get(orders, 1);
  grown = true;
  await passed;
  await assert.rejects(pending, { code: 'GROUP_AUTHORIZATION_FAILED' });
  await assert.rejects(get(orders, 1), { code: 'GROUP_AUTHORIZATION_FAILED' });
  assert.deepEqual(places(await get(orders, 2)), ['1:0', '1:1']);
});
