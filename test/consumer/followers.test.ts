import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { KafkaClientOptions } from '../../src/client/client-options.js';
import { KafkaConsumer } from '../../src/consumer/index.js';
import { Fetch, ListOffsets } from '../../src/protocol/index.js';
import { fill, get, next, setting } from './setting.js';

const values = (messages: readonly { readonly value: Buffer | null }[]): string[] => messages.map(({ value }) => String(value));
const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => String(from + i));

/** Broker 1 leads, in rack a; broker 2 is in rack b, broker 3 in c. */
async function racks(t: TestContext, client: Partial<KafkaClientOptions> = {}, replicaSelector: 'leader' | 'rack-aware' = 'rack-aware') {
  const given = await setting(t, {
    brokers: 3,
    racks: ['a', 'b', 'c'],
    replicaSelector,
    topics: { orders: { partitions: 1, replicationFactor: 3 } },
    client,
  });
  fill(given.cluster, 20, { perBatch: 2 });
  /** To whom fetches went since this was asked last. */
  const askedSince = (): number[] => {
    const seen = given.cluster.requests(Fetch).slice(before);
    before += seen.length;
    return seen.map(({ broker }) => broker);
  };
  let before = 0;
  return { ...given, askedSince };
}

test('records come from the replica in the same rack, whatever leads', async t => {
  const { cluster, consumer, askedSince } = await racks(t);
  const orders = consumer({ rackId: 'b' });
  assert.deepEqual(values(await get(orders, 20)), numbers(0, 20));
  assert.deepEqual([...new Set(askedSince())], [1, 2]);
  assert.equal(cluster.requests(Fetch)[0]?.body.rackId, 'b');
  fill(cluster, 5, { from: 20 });
  assert.deepEqual(values(await get(orders, 5)), numbers(20, 25));
  const others = askedSince().filter(broker => broker !== 2);
  assert.deepEqual(others, []);
});

test('who only looks without waiting is sent to that replica too', async t => {
  const { consumer, askedSince } = await racks(t);
  const orders = consumer({ rackId: 'b' });
  await get(orders, 20);
  askedSince();
  assert.deepEqual(await orders.getMessages(1, { block: false }), []);
  assert.deepEqual([...new Set(askedSince())], [2]);
});

for (const [why, options, selector] of [
  ['no rack is named', {}, 'rack-aware'],
  ['the leader is in that rack', { rackId: 'a' }, 'rack-aware'],
  ['no broker is in that rack', { rackId: 'z' }, 'rack-aware'],
  ['the brokers choose leaders', { rackId: 'b' }, 'leader'],
] as const) {
  test(`records come from the leader where ${why}`, async t => {
    const { consumer, askedSince } = await racks(t, {}, selector);
    assert.deepEqual(values(await get(consumer(options), 20)), numbers(0, 20));
    assert.deepEqual([...new Set(askedSince())], [1]);
  });
}

test('a consumer of a group reads from its rack', async t => {
  const { client, askedSince } = await racks(t);
  const orders = new KafkaConsumer(client, { topics: ['orders'], groupId: 'audit', rackId: 'c' });
  assert.deepEqual(values(await orders.getMessages(20, { timeoutMs: null })), numbers(0, 20));
  assert.deepEqual([...new Set(askedSince())], [1, 3]);
});

for (const code of ['OFFSET_OUT_OF_RANGE', 'OFFSET_NOT_AVAILABLE', 'NOT_LEADER_OR_FOLLOWER', 'UNKNOWN_LEADER_EPOCH'] as const) {
  test(`a follower that says ${code}: the leader is asked, and nothing is reset`, async t => {
    const { cluster, consumer, askedSince } = await racks(t);
    const orders = consumer({ rackId: 'b', autoOffsetReset: 'latest', startOffset: 'earliest' });
    const events: unknown[] = [];
    orders.on('outOfRange', event => events.push(event));
    await get(orders, 20);
    askedSince();
    const lists = cluster.requests(ListOffsets).length;
    cluster.on(Fetch, { broker: 2 }).failOnce(code);
    const asked: number[] = [];
    for (let i = 20; !asked.includes(1); i++) {
      fill(cluster, 1, { from: i });
      assert.deepEqual(values(await get(orders, 1)), [String(i)]);
      asked.push(...askedSince());
    }
    assert.deepEqual(events, []);
    assert.equal(cluster.requests(ListOffsets).length, lists, 'nobody doubts the offset');
  });
}

test('an offset that neither has is answered by the policy', async t => {
  const { cluster, consumer } = await racks(t);
  cluster.trim('orders', 0, 10);
  const orders = consumer({ rackId: 'b', startOffset: 3 });
  const event = next(orders, 'outOfRange');
  assert.deepEqual(values(await get(orders, 10)), numbers(10, 20));
  const { requestedOffset, logStartOffset, why } = await event;
  assert.deepEqual({ requestedOffset, logStartOffset, why }, { requestedOffset: 3, logStartOffset: 10, why: 'outside' });
});

test('a follower that goes: the leader is read from, and the follower again when it is back', async t => {
  const { cluster, consumer, askedSince } = await racks(t);
  const orders = consumer({ rackId: 'b' });
  await get(orders, 20);
  await cluster.stopBroker(2);
  fill(cluster, 5, { from: 20 });
  assert.deepEqual(values(await get(orders, 5)), numbers(20, 25));
  askedSince();
  await cluster.startBroker(2);
  for (let i = 25; !askedSince().includes(2); i++) {
    fill(cluster, 1, { from: i });
    assert.deepEqual(values(await get(orders, 1)), [String(i)]);
  }
});

test('a new leader is asked whether its log is the same, and who is to be read from', async t => {
  const { cluster, consumer, askedSince } = await racks(t);
  const orders = consumer({ rackId: 'b' });
  await get(orders, 20);
  askedSince();
  const event = next(orders, 'outOfRange');
  cluster.electUncleanly('orders', 0, 3, 10);
  fill(cluster, 15, { from: 100 });
  assert.deepEqual(values(await get(orders, 15)), numbers(100, 115));
  assert.deepEqual((await event).why, 'truncated');
  const asked = askedSince();
  assert.ok(asked.includes(3));
  assert.equal(asked.at(-1), 2);
});

test('a new leader of which metadata tells first is asked too, before a replica is read from again', async t => {
  const { cluster, client, consumer } = await racks(t);
  const orders = consumer({ rackId: 'b', maxWaitMs: 5 });
  await get(orders, 20);
  cluster.on(Fetch, { broker: 2 }).answer(async ({ body: { sessionId } }) => {
    cluster.electUncleanly('orders', 0, 3, 10);
    fill(cluster, 15, { from: 100 });
    await client.metadata(['orders']);
    return { sessionId, responses: [] };
  });
  const event = next(orders, 'outOfRange');
  assert.deepEqual(values(await get(orders, 15)), numbers(100, 115));
  assert.equal((await event).why, 'truncated');
});

test('the choice of a replica is asked for anew when it is as old as metadata may be', async t => {
  const { cluster, consumer } = await racks(t, { metadataMaxAgeMs: 1 });
  const orders = consumer({ rackId: 'b', maxWaitMs: 1 });
  const asked = (broker: number): number => cluster.requests(Fetch).filter(request => request.broker === broker).length;
  for (let i = 20; asked(1) < 5 || asked(2) < 5; i++) {
    fill(cluster, 1, { from: i });
    await get(orders, 1);
  }
});

test('a replica that no metadata knows is not believed', async t => {
  const { cluster, consumer, askedSince } = await racks(t, {}, 'leader');
  cluster.on(Fetch).answer(async (_, natural) => {
    const answer = await natural();
    if (answer === undefined) return undefined;
    const responses = answer.responses.map(({ partitions, ...topic }) => ({
      ...topic,
      partitions: partitions.map(partition => ({ ...partition, preferredReadReplica: 9, records: [] })),
    }));
    return { ...answer, responses };
  });
  assert.deepEqual(values(await get(consumer({ rackId: 'b' }), 20)), numbers(0, 20));
  assert.deepEqual([...new Set(askedSince())], [1]);
});
