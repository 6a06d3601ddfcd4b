import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokerErrorRow, errorNumbers } from '../../src/base/broker-errors.js';
import type { KafkaClient } from '../../src/client/client.js';
import { fetchOutcome } from '../../src/consumer/fetch-outcome.js';
import type { SimpleConsumer } from '../../src/consumer/index.js';
import { Fetch, FindCoordinator, ListOffsets, Metadata, OffsetCommit, OffsetFetch } from '../../src/protocol/index.js';
import { fill, get, offsets, places, read, setting, stored, until } from './setting.js';

const codes = (client: KafkaClient) => client.nonFatalErrors().map(({ error }) => error.code);
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Everything there is, offsets by partition, as one run of a loop saw it. */
async function readAll(orders: SimpleConsumer, count: number, during?: (seen: number) => unknown): Promise<Map<number, number[]>> {
  const all = new Map<number, number[]>();
  let seen = 0;
  for await (const { partition, offset } of orders) {
    all.set(partition, [...(all.get(partition) ?? []), offset]);
    await during?.(++seen);
    if (seen === count) break;
  }
  return all;
}

const passing = Object.entries(errorNumbers).filter(([, number]) => number !== 0 && ['wait', 'refresh'].includes(fetchOutcome(number)));

test('every error of a fetch that may pass is waited out: nothing lost, nothing twice', async t => {
  assert.ok(passing.length > 20);
  for (const [name] of passing) {
    const { cluster, client, consumer } = await setting(t, { client: { retry: { backoffMs: 1, maxBackoffMs: 1 } } });
    fill(cluster, 4, { perBatch: 2 });
    cluster.on(Fetch).failTimes(2, name as keyof typeof errorNumbers);
    const orders = consumer();
    assert.deepEqual(offsets(await get(orders, 4)), [0, 1, 2, 3], name);
    assert.ok(cluster.requests(Fetch).length >= 3, name);
    assert.deepEqual(codes(client), [name, name], 'what passes is not thrown, and not lost either');
    await client.close();
    await cluster.close();
  }
});

test('what passes says which partition it was about, or that a whole fetch was lost; a partition without a leader is told of too', async t => {
  const { cluster, client, consumer } = await setting(t, { topics: { orders: 3 }, brokers: 2 });
  for (const partition of [0, 1, 2]) fill(cluster, 1, { partition });
  const orders = consumer();
  cluster.on(Fetch, { partition: 2 }).failOnce('NOT_LEADER_OR_FOLLOWER');
  await get(orders, 3);
  const [entry, ...more] = client.nonFatalErrors();
  assert.deepEqual(more, []);
  const context = { topic: 'orders', partition: 2, offset: 0, brokerId: cluster.leaderOf('orders', 2) };
  assert.equal(entry?.error.code, 'NOT_LEADER_OR_FOLLOWER');
  assert.deepEqual(entry?.error.context, context);

  client.clearNonFatalErrors();
  const told = new Promise(resolve => client.once('nonFatalError', resolve));
  cluster.on(Fetch).drop();
  await told;
  assert.deepEqual(codes(client), ['TIDE_CONNECTION']);

  client.clearNonFatalErrors();
  await cluster.stopBroker(cluster.leaderOf('orders', 1), { moveLeaders: false });
  while (!codes(client).includes('LEADER_NOT_AVAILABLE')) await new Promise(resolve => client.once('nonFatalError', resolve));
});

test('every error of a fetch that will not pass is told to the reader once, and the next read tries again', async t => {
  const failing = Object.entries(errorNumbers).filter(([, number]) => fetchOutcome(number) === 'fail');
  for (const [name, number] of failing.filter(([name]) => /AUTHORIZATION|UNKNOWN_SERVER|UNSUPPORTED_COMP|INVALID_REQUEST/.test(name))) {
    const { cluster, client, consumer } = await setting(t);
    fill(cluster, 1);
    cluster.on(Fetch, { topic: 'orders' }).failOnce(name as keyof typeof errorNumbers);
    const orders = consumer();
    await assert.rejects(get(orders, 1), {
      code: name,
      errno: number,
      message: /fetch orders\/0 from broker 1/,
      context: { topic: 'orders', partition: 0, offset: 0, brokerId: 1 },
    });
    assert.deepEqual(offsets(await get(orders, 1)), [0]);
    await client.close();
    await cluster.close();
  }
});

test('the outcome of a fetch follows the table of remedies', () => {
  const expected = {
    none: 'fail',
    retry: 'wait',
    'refresh-metadata': 'refresh',
    'find-coordinator': 'fail',
    rejoin: 'fail',
    'reset-offset': 'reset',
    fatal: 'fail',
  } as const;
  assert.equal(fetchOutcome(0), 'advance');
  assert.equal(fetchOutcome(31_999), 'fail');
  for (const number of Object.values(errorNumbers).filter(number => number !== 0)) {
    const wanted = number === errorNumbers.CORRUPT_MESSAGE ? 'fail' : expected[brokerErrorRow(number).remedy];
    assert.equal(fetchOutcome(number), wanted, String(number));
  }
  const { OFFSET_OUT_OF_RANGE, NOT_LEADER_OR_FOLLOWER, UNKNOWN_TOPIC_ID, OFFSET_NOT_AVAILABLE, TOPIC_AUTHORIZATION_FAILED } = errorNumbers;
  assert.deepEqual(
    [OFFSET_OUT_OF_RANGE, NOT_LEADER_OR_FOLLOWER, UNKNOWN_TOPIC_ID, OFFSET_NOT_AVAILABLE, TOPIC_AUTHORIZATION_FAILED].map(fetchOutcome),
    ['reset', 'refresh', 'refresh', 'wait', 'fail'],
  );
});

test('errors of the whole answer are waited out as well', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 2);
  cluster.on(Fetch).failOnce('FETCH_SESSION_ID_NOT_FOUND');
  assert.equal((await consumer().getMessages(2, { timeoutMs: null })).length, 2);
});

test('leaders that move lose nothing and repeat nothing', async t => {
  const { cluster, consumer } = await setting(t, { brokers: 3, topics: { orders: 3 } });
  for (const partition of [0, 1, 2]) fill(cluster, 60, { partition, perBatch: 1 });
  const orders = consumer({ maxPartitionBytes: 400 });
  const all = await readAll(orders, 180, seen => {
    if (seen % 20 === 0) cluster.moveLeader('orders', (seen / 20) % 3, 1 + ((seen / 10) % 3));
  });
  for (const partition of [0, 1, 2]) assert.deepEqual(all.get(partition), numbers(60));
});

test('brokers that stop and come back lose nothing and repeat nothing', async t => {
  const { cluster, consumer } = await setting(t, { brokers: 3, topics: { orders: 3 } });
  for (const partition of [0, 1, 2]) fill(cluster, 60, { partition, perBatch: 1 });
  const orders = consumer({ maxPartitionBytes: 400 });
  const all = await readAll(orders, 180, async seen => {
    if (seen === 30) await cluster.stopBroker(1);
    if (seen === 60) await cluster.startBroker(1);
    if (seen === 90) await cluster.stopBroker(2);
  });
  for (const partition of [0, 1, 2]) assert.deepEqual(all.get(partition), numbers(60));
});

test('connections that drop lose nothing and repeat nothing', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 2 } });
  for (const partition of [0, 1]) fill(cluster, 60, { partition, perBatch: 1 });
  const orders = consumer({ groupId: 'audit', autoCommit: { everyN: 10 }, maxPartitionBytes: 400 });
  for (const api of [Metadata, FindCoordinator, ListOffsets, OffsetFetch]) cluster.on(api).drop();
  const all = await readAll(orders, 120, seen => {
    if (seen % 10 !== 0) return;
    cluster.on(Fetch).drop();
    cluster.on(OffsetCommit).dropAnswer();
    cluster.on(Fetch).dropAnswer();
  });
  for (const partition of [0, 1]) assert.deepEqual(all.get(partition), numbers(60));
});

test('answers that are garbled never give a wrong message', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 10, { perBatch: 1 });
  const orders = consumer();
  cluster.on(Fetch).rewrite(frame => {
    frame[frame.length - 8] = (frame[frame.length - 8] ?? 0) ^ 0x10;
    return frame;
  });
  const seen: string[] = [];
  while (seen.length < 10) {
    try {
      for (const { value } of await orders.getMessages(10 - seen.length, { timeoutMs: null })) seen.push(String(value));
    } catch (error) {
      assert.match((error as { code: string }).code, /^TIDE_(CORRUPT|PROTOCOL|CONNECTION)$/);
    }
  }
  assert.deepEqual(seen, numbers(10).map(String));
});

test('a partition without a leader does not hold up the others, and is read when it has one', async t => {
  const { cluster, consumer } = await setting(t, { brokers: 2, topics: { orders: { partitions: 2, replicationFactor: 1 } } });
  for (const partition of [0, 1]) fill(cluster, 3, { partition });
  await cluster.stopBroker(2, { moveLeaders: false });
  const orders = consumer();
  await assert.rejects(get(orders, 1), { code: 'LEADER_NOT_AVAILABLE' }, 'where to start in it cannot be known');
  await cluster.startBroker(2);
  await get(orders, 1);
  orders.rewind();
  await cluster.stopBroker(2, { moveLeaders: false });
  const some = orders.messages();
  for (let i = 0; i < 3; i++) await some.next();
  await some.return?.();
  fill(cluster, 20, { partition: 0 });
  const before = await orders.getMessages(20, { timeoutMs: null, block: 5 });
  await cluster.startBroker(2);
  fill(cluster, 1, { partition: 1 });
  const rest = await get(orders, 25 - before.length); // two of the 27 are done
  assert.ok(places([...before, ...rest]).includes('1:3'));
});

test('metadata that does not come holds up nobody who has a leader', async t => {
  const { cluster, consumer } = await setting(t, { brokers: 2, topics: { orders: 2 } });
  const orders = consumer();
  await orders.getMessages(1, { timeoutMs: 0 });
  const held = cluster.on(Metadata).hold();
  cluster.on(Fetch, { partition: 1 }).failTimes(1, 'NOT_LEADER_OR_FOLLOWER');
  const pending = get(orders, 30);
  for (let i = 0; i < 30; i++) {
    fill(cluster, 1, { partition: 0 });
    await until(() => orders.position(0) === i + 1);
  }
  assert.equal((await pending).length, 30);
  held.release();
});

test('a broker that does not answer holds up nobody else', async t => {
  const { cluster, consumer } = await setting(t, { brokers: 2, topics: { orders: 2 } });
  for (const partition of [0, 1]) fill(cluster, 5, { partition });
  const silent = cluster.leaderOf('orders', 1);
  cluster.on(Fetch, { broker: silent }).silent();
  const orders = consumer();
  assert.deepEqual(places(await get(orders, 5)), ['0:0', '0:1', '0:2', '0:3', '0:4']);
});

test('a slow broker holds up nobody else', async t => {
  const { cluster, consumer } = await setting(t, { brokers: 2, topics: { orders: 2 } });
  fill(cluster, 50, { partition: 0, perBatch: 1 });
  fill(cluster, 1, { partition: 1 });
  const held = cluster.on(Fetch, { broker: cluster.leaderOf('orders', 1) }).hold();
  const orders = consumer({ maxPartitionBytes: 100 });
  const messages = await get(orders, 50);
  assert.ok(messages.every(({ partition }) => partition === 0));
  held.release();
  assert.deepEqual(places(await get(orders, 1)), ['1:0']);
});

test('a damaged answer is fetched once more before it counts, then it is an error; it never moves the position', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 2, { perBatch: 1 });
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  cluster.on(Fetch).rewrite(frame => {
    frame[frame.length - 8] = (frame[frame.length - 8] ?? 0) ^ 0x10; // in the last record
    return frame;
  });
  assert.deepEqual(offsets(await get(orders, 2)), [0, 1]);
  assert.ok(cluster.requests(Fetch).length >= 2);

  fill(cluster, 2, { perBatch: 1 });
  cluster.corrupt('orders', 0, 3);
  assert.deepEqual(offsets(await get(orders, 1)), [2]);
  await assert.rejects(get(orders, 1), {
    code: 'TIDE_CORRUPT',
    context: { topic: 'orders', partition: 0, offset: 3 },
  });
  const atThree = cluster.requests(Fetch).filter(({ body }) => body.topics[0]?.partitions[0]?.fetchOffset === 3);
  assert.ok(atThree.length >= 1);
  assert.equal(orders.position(0), 3);
  await assert.rejects(get(orders, 1), { code: 'TIDE_CORRUPT' });
});

test('a batch whose length is wrong is an error, not an endless fetch', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 1);
  cluster.on(Fetch).answer(async (_, proceed) => {
    const answer = await proceed();
    const share = answer?.responses[0]?.partitions[0];
    if (answer === undefined || share?.records == null) return answer;
    const records = Buffer.concat([share.records].flat() as Uint8Array[]);
    records.writeInt32BE(0x7fff_0000, 8);
    return { ...answer, responses: [{ ...answer.responses[0], partitions: [{ ...share, records }] }] };
  }, 1);
  const orders = consumer();
  await assert.rejects(get(orders, 1), { code: 'TIDE_CORRUPT', message: /claims 2147418124 bytes/ });
  assert.deepEqual(offsets(await get(orders, 1)), [0]);
});

test('damaged records can be passed over, or handed out as one invalid message; either way what is sound comes and is committed', async t => {
  for (const onCorrupt of ['skip', 'return'] as const) {
    const { cluster, consumer } = await setting(t);
    fill(cluster, 6, { perBatch: 2 });
    cluster.corrupt('orders', 0, 2);
    const orders = consumer({ groupId: 'audit', onCorrupt });
    const told: number[][] = [];
    orders.on('corruptRecords', ({ offset, nextOffset }) => told.push([offset, nextOffset]));
    const seen = (await read(orders, onCorrupt === 'skip' ? 4 : 5)).map(({ offset, valid }) => [offset, valid]);
    const sound = [0, 1, 4, 5].map(offset => [offset, true]);
    assert.deepEqual(seen, onCorrupt === 'skip' ? sound : [...sound.slice(0, 2), [2, false], ...sound.slice(2)]);
    assert.deepEqual(told, [[2, 4]]);
    await orders.commit();
    assert.deepEqual(stored(cluster, 'audit'), { 0: 6 });
  }
});
