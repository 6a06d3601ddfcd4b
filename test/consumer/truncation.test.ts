import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { SimpleConsumerOptions } from '../../src/consumer/index.js';
import { Fetch, OffsetForLeaderEpoch } from '../../src/protocol/index.js';
import { fill, get, next, read, setting, stored, until } from './setting.js';

const values = (messages: readonly { readonly value: Buffer | null }[]): string[] => messages.map(({ value }) => String(value));
const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => String(from + i));

/** With the first way an answer to a fetch says where logs part, with the second a leader is asked for that. */
const ways = { 'by fetching': {}, 'by asking': { apiVersions: { Fetch: 11 } } };

interface CutOptions {
  readonly way: keyof typeof ways;
  readonly consumer?: Partial<SimpleConsumerOptions>;
  /** How much is read before the log is cut. */
  readonly reads?: number;
}

/** 20 messages in batches of 2 were read, the last 10 of them got lost, and 15 others, from 100 on, stand there. */
async function cut(t: TestContext, { way, consumer: options, reads = 20 }: CutOptions) {
  const { cluster, client, consumer } = await setting(t, { brokers: 2, client: ways[way] });
  fill(cluster, 20, { perBatch: 2 });
  const orders = consumer({ groupId: 'audit', ...options });
  const before = values(await get(orders, reads));
  await until(() => cluster.requests(Fetch).some(({ body }) => fetchOffset(body) === 20));
  cluster.electUncleanly('orders', 0, 2, 10);
  fill(cluster, 15, { perBatch: 3, from: 100 });
  return { cluster, client, consumer, orders, before };
}

const fetchOffset = (body: { topics: readonly { partitions: readonly { fetchOffset: number }[] }[] }) =>
  body.topics[0]?.partitions[0]?.fetchOffset;

for (const way of Object.keys(ways) as (keyof typeof ways)[]) {
  for (const autoOffsetReset of ['earliest', 'latest'] as const) {
    test(`a log that was cut is read on where both are the same, found ${way}, with "${autoOffsetReset}"`, async t => {
      const { cluster, orders } = await cut(t, { way, consumer: { autoOffsetReset, startOffset: 'earliest', autoCommit: { everyN: 1 } } });
      const event = next(orders, 'outOfRange');
      const messages = await get(orders, 15);
      assert.deepEqual(values(messages), numbers(100, 115));
      orders.mark(messages);
      assert.deepEqual(await event, {
        topic: 'orders',
        partition: 0,
        requestedOffset: 20,
        logStartOffset: 0,
        logEndOffset: 25,
        newOffset: 10,
        why: 'truncated',
        divergingOffset: 10,
        divergingEpoch: 0,
      });
      const asked = cluster.requests(OffsetForLeaderEpoch).map(({ version, body }) => [version, body.topics[0]?.partitions[0]]);
      const question = { partition: 0, currentLeaderEpoch: 1, leaderEpoch: 0 };
      assert.deepEqual(asked.slice(0, 1), way === 'by asking' ? [[4, question]] : []);
      await orders.close();
      assert.deepEqual(stored(cluster, 'audit'), { 0: 25 });
      assert.equal(cluster.committed('audit').get('orders/0')?.leaderEpoch, 1);
    });
  }

  test(`without a policy a log that was cut is an error, found ${way}, until somebody says where to go on`, async t => {
    const { orders } = await cut(t, { way, consumer: { autoOffsetReset: 'none', startOffset: 'earliest' } });
    const event = next(orders, 'outOfRange');
    const error = {
      code: 'OFFSET_OUT_OF_RANGE',
      message: /orders\/0.*before offset 20 were lost.*only what is below offset 10 is the same/,
    };
    await assert.rejects(get(orders, 1), error);
    assert.equal((await event).newOffset, undefined);
    const context = await get(orders, 1).then(
      () => assert.fail('it reads on'),
      ({ context: found }) => found,
    );
    const { divergingOffset, divergingEpoch } = context;
    assert.deepEqual({ divergingOffset, divergingEpoch }, { divergingOffset: 10, divergingEpoch: 0 });
    await orders.seek(divergingOffset);
    assert.deepEqual(values(await get(orders, 15)), numbers(100, 115));
  });

  test(`what was only fetched ahead of a cut is replaced silently, found ${way}`, async t => {
    const { orders, before } = await cut(t, { way, reads: 6 });
    const events: unknown[] = [];
    orders.on('outOfRange', event => events.push(event));
    // What it has in hand may be given before the fetch under way is answered, but never after.
    const seen = [...before];
    while (!seen.includes('114')) seen.push(...values(await get(orders, 1)));
    assert.deepEqual(seen.slice(0, 10), numbers(0, 10));
    const lost = seen.slice(10, seen.indexOf('100'));
    assert.deepEqual(lost, numbers(10, 10 + lost.length));
    assert.deepEqual(seen.slice(-15), numbers(100, 115));
    assert.equal(events.length, lost.length === 0 ? 0 : 1);
  });

  test(`a committed offset knows its leader: what was cut while nobody read is noticed at the start, ${way}`, async t => {
    const { cluster, consumer } = await setting(t, { brokers: 2, client: ways[way] });
    fill(cluster, 20, { perBatch: 2 });
    const first = consumer({ groupId: 'audit', autoCommit: false });
    await read(first, 20);
    await first.commit();
    await first.close();
    assert.equal(cluster.committed('audit').get('orders/0')?.leaderEpoch, 0);
    cluster.electUncleanly('orders', 0, 2, 10);
    fill(cluster, 15, { perBatch: 3, from: 100 });
    const second = consumer({ groupId: 'audit', autoCommit: false });
    const event = next(second, 'outOfRange');
    assert.deepEqual(values(await get(second, 15)), numbers(100, 115));
    const { why, requestedOffset, newOffset } = await event;
    assert.deepEqual({ why, requestedOffset, newOffset }, { why: 'truncated', requestedOffset: 20, newOffset: 10 });
  });

  test(`a new leader with all that was read changes nothing, ${way}`, async t => {
    const { cluster, consumer } = await setting(t, { brokers: 2, client: ways[way] });
    const orders = consumer();
    const events: unknown[] = [];
    orders.on('outOfRange', event => events.push(event));
    for (const [i, leader] of [2, 1, 2].entries()) {
      fill(cluster, 5, { from: i * 5 });
      assert.deepEqual(values(await get(orders, 5)), numbers(i * 5, i * 5 + 5));
      cluster.moveLeader('orders', 0, leader);
    }
    fill(cluster, 5, { from: 15 });
    assert.deepEqual(values(await get(orders, 5)), numbers(15, 20));
    assert.deepEqual(events, []);
    const asked = cluster.requests(OffsetForLeaderEpoch).map(({ broker, body }) => [broker, body.topics[0]?.partitions[0]]);
    const answered = asked.filter(([broker]) => broker === 2).length; // one may have been on its way to who led before
    assert.equal(answered > 0, way === 'by asking');
  });
}

test('a leader that knows no epoch as new as what was read: the policy decides', async t => {
  const { cluster, orders } = await cut(t, { way: 'by asking', consumer: { autoOffsetReset: 'latest', startOffset: 'earliest' } });
  const unknown = (request: { body: { topics: readonly { topic: string; partitions: readonly { partition: number }[] }[] } }) => ({
    topics: request.body.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => ({ partition, errorCode: 0 })),
    })),
  });
  cluster.on(OffsetForLeaderEpoch).answer(unknown, 100);
  const moved = next(orders, 'outOfRange');
  const later = get(orders, 1);
  const event = await moved;
  const expected = { topic: 'orders', partition: 0, requestedOffset: 20, logStartOffset: 0, logEndOffset: 25, newOffset: 25 };
  assert.deepEqual(event, { ...expected, why: 'truncated' });
  fill(cluster, 1, { from: 200 });
  assert.deepEqual(values(await later), ['200']);
});

test('a new leader with more of an older epoch than was read: the logs part where that epoch ended here', async t => {
  const { cluster, consumer } = await setting(t, { brokers: 2, client: ways['by asking'] });
  fill(cluster, 10, { perBatch: 2 });
  cluster.moveLeader('orders', 0, 2);
  fill(cluster, 10, { perBatch: 2, from: 10 });
  const orders = consumer({ autoOffsetReset: 'latest', startOffset: 'earliest' });
  await get(orders, 20);
  cluster.on(OffsetForLeaderEpoch).answer(async (_, natural) => {
    const answer = await natural();
    const topics = answer?.topics?.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(partition => ({ ...partition, leaderEpoch: 0, endOffset: 30 })),
    }));
    return { topics: topics ?? [] };
  });
  cluster.electUncleanly('orders', 0, 1, 10);
  fill(cluster, 15, { perBatch: 3, from: 100 });
  const event = next(orders, 'outOfRange');
  assert.deepEqual(values(await get(orders, 15)), numbers(100, 115));
  const { newOffset, divergingOffset, divergingEpoch } = await event;
  assert.deepEqual({ newOffset, divergingOffset, divergingEpoch }, { newOffset: 10, divergingOffset: 10, divergingEpoch: 0 });
});

test('a fetch that is refused beside an epoch, though its offset is in the log: the policy decides', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 20);
  const orders = consumer({ autoOffsetReset: 'earliest' });
  await get(orders, 20);
  const event = next(orders, 'outOfRange');
  cluster.on(Fetch).failOnce('OFFSET_OUT_OF_RANGE');
  fill(cluster, 1, { from: 20 });
  assert.deepEqual(values(await get(orders, 21)), numbers(0, 21));
  const { why, newOffset } = await event;
  assert.deepEqual({ why, newOffset }, { why: 'truncated', newOffset: 0 });
});

for (const code of ['FENCED_LEADER_EPOCH', 'UNKNOWN_LEADER_EPOCH', 'NOT_LEADER_OR_FOLLOWER', 'OFFSET_NOT_AVAILABLE'] as const) {
  test(`a new leader that is asked where its log parts and says ${code} is asked again`, async t => {
    const { cluster, orders } = await cut(t, { way: 'by asking' });
    cluster.on(OffsetForLeaderEpoch).failTimes(2, code);
    const event = next(orders, 'outOfRange');
    assert.deepEqual(values(await get(orders, 15)), numbers(100, 115));
    assert.equal((await event).divergingOffset, 10);
  });
}

test('what a leader may not be asked is told to the reader', async t => {
  const { cluster, orders } = await cut(t, { way: 'by asking' });
  cluster.on(OffsetForLeaderEpoch).failOnce('TOPIC_AUTHORIZATION_FAILED');
  await assert.rejects(get(orders, 15), { code: 'TOPIC_AUTHORIZATION_FAILED', message: /orders\/0/ });
});

test('leaders that cannot be asked are read on from, as before', async t => {
  const { cluster, consumer } = await setting(t, { brokers: 2, client: ways['by asking'] });
  cluster.limitVersions(OffsetForLeaderEpoch, 2, 2);
  fill(cluster, 20, { perBatch: 2 });
  const orders = consumer();
  await get(orders, 20);
  cluster.electUncleanly('orders', 0, 2, 10);
  fill(cluster, 15, { perBatch: 3, from: 100 });
  assert.deepEqual(values(await get(orders, 5)), numbers(110, 115));
  assert.equal(cluster.requests(OffsetForLeaderEpoch).length, 0);
});

test('a message in hand is waited for before a cut log moves the reader', async t => {
  const { orders } = await cut(t, { way: 'by fetching', reads: 19, consumer: { autoCommit: false } });
  const events: number[] = [];
  orders.on('outOfRange', ({ requestedOffset }) => events.push(requestedOffset));
  const seen: string[] = [];
  while (!seen.includes('114')) seen.push(...values(await get(orders, 1)));
  assert.deepEqual(seen.slice(-15), numbers(100, 115));
  assert.equal(events.length, 1);
});

test('a broker whose metadata is too old for leader epochs is asked without them', async t => {
  const { cluster, consumer } = await setting(t, { brokers: 2, client: { apiVersions: { Metadata: 8 } } });
  const orders = consumer();
  fill(cluster, 5);
  assert.deepEqual(values(await get(orders, 5)), numbers(0, 5));
  cluster.moveLeader('orders', 0, 2);
  fill(cluster, 5, { from: 5 });
  assert.deepEqual(values(await get(orders, 5)), numbers(5, 10));
  for (const { body } of cluster.requests(Fetch)) {
    for (const { partitions } of body.topics) for (const { currentLeaderEpoch } of partitions) assert.equal(currentLeaderEpoch, -1);
  }
});

test('an offset that was read from a newer leader than metadata knows is asked for when metadata knows that one', async t => {
  const { cluster, client, consumer } = await setting(t, { brokers: 2 });
  fill(cluster, 20, { perBatch: 2 });
  await client.metadata(['orders']);
  cluster.moveLeader('orders', 0, 2);
  fill(cluster, 2, { from: 20 });
  await client.offsetCoordinator({ groupId: 'audit' }).commit('orders', 0, 21, { leaderEpoch: 1 });
  const orders = consumer({ groupId: 'audit' });
  assert.deepEqual(values(await get(orders, 1)), ['21']);
  const asked = cluster.requests(Fetch).map(({ broker, body }) => [broker, body.topics[0]?.partitions[0]?.currentLeaderEpoch]);
  assert.deepEqual(asked[0], [2, 1]);
});

test('an offset of a leader that nobody knows is read on from all the same, after all attempts', async t => {
  const { cluster, client, consumer } = await setting(t, { client: { retry: { attempts: 3, backoffMs: 1, maxBackoffMs: 2 } } });
  fill(cluster, 20, { perBatch: 2 });
  await client.offsetCoordinator({ groupId: 'audit' }).commit('orders', 0, 15, { leaderEpoch: 7 });
  const orders = consumer({ groupId: 'audit' });
  const events: unknown[] = [];
  orders.on('outOfRange', event => events.push(event));
  assert.deepEqual(values(await get(orders, 5)), numbers(15, 20));
  assert.deepEqual(events, []);
});
