import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaConsumer } from '../../src/consumer/index.js';
import type { EmbeddedCluster, SeenRequest } from '../../src/embedded/index.js';
import { Fetch } from '../../src/protocol/index.js';
import { fill, get, setting, until } from './setting.js';

/** A pause that no test outlives: whoever is not at once is not at all. */
const never = { retry: { attempts: 3, backoffMs: 60_000, maxBackoffMs: 60_000 } };
/** Long polls, by which sessions go. */
const polls = (cluster: EmbeddedCluster): readonly SeenRequest<typeof Fetch>[] =>
  cluster.requests(Fetch).filter(({ body }) => body.sessionEpoch >= 0);
const named = ({ body }: SeenRequest<typeof Fetch>): number[] =>
  body.topics.flatMap(({ partitions }) => partitions.map(({ partition }) => partition)).sort();
const isLater = ({ body }: SeenRequest<typeof Fetch>): boolean => body.sessionEpoch > 0;
const steps = (cluster: EmbeddedCluster) => polls(cluster).map(({ body: { sessionId, sessionEpoch } }) => [sessionId, sessionEpoch]);

for (const [how, versions] of [
  ['ids', {}],
  ['names', { Fetch: 12 }],
  ['the first version with sessions', { Fetch: 7 }],
] as const) {
  test(`a broker is told once of what does not change, and everything is read: ${how}`, async t => {
    const { cluster, consumer } = await setting(t, { topics: { orders: 20 }, client: { apiVersions: versions } });
    for (let partition = 0; partition < 20; partition++) fill(cluster, 3, { partition });
    const orders = consumer({ maxWaitMs: 5 });
    assert.equal((await get(orders, 60)).length, 60);
    await until(() => polls(cluster).some(poll => isLater(poll) && named(poll).length === 0));
    for (let i = 0; i < 10; i++) {
      fill(cluster, 1, { partition: 7, from: 3 + i });
      assert.deepEqual(
        (await get(orders, 1)).map(({ partition, offset }) => [partition, offset]),
        [[7, 3 + i]],
      );
    }
    const [first, ...others] = polls(cluster);
    assert.deepEqual([first?.body.sessionId, first?.body.sessionEpoch, first && named(first).length], [0, 0, 20]);
    const id = others[0]?.body.sessionId ?? 0;
    assert.ok(id > 0);
    assert.deepEqual(
      others.map(({ body }) => [body.sessionId, body.sessionEpoch]),
      others.map((_, i) => [id, i + 1]),
    );
  });
}

for (const [code, next] of [
  ['FETCH_SESSION_ID_NOT_FOUND', 'without the old one'],
  ['INVALID_FETCH_SESSION_EPOCH', 'in place of the old one'],
  ['FETCH_SESSION_TOPIC_ID_ERROR', 'in place of the old one'],
] as const) {
  test(`${code}: another session begins at once, ${next}`, async t => {
    const { cluster, consumer } = await setting(t, { topics: { orders: 3 }, client: never });
    const orders = consumer({ maxWaitMs: 5 });
    fill(cluster, 1);
    await get(orders, 1);
    await until(() => polls(cluster).some(isLater));
    const before = polls(cluster).length;
    cluster.on(Fetch, request => request.body.sessionEpoch > 0).failOnce(code);
    await until(() =>
      polls(cluster)
        .slice(before)
        .some(poll => !isLater(poll)),
    );
    fill(cluster, 5, { from: 1 });
    assert.equal((await get(orders, 5)).length, 5);
    const again = polls(cluster)
      .slice(before)
      .find(poll => !isLater(poll));
    assert.deepEqual([again?.body.sessionId !== 0, again?.body.sessionEpoch], [next === 'in place of the old one', 0]);
    assert.deepEqual(again && named(again), [0, 1, 2]);
    await until(() =>
      steps(cluster)
        .slice(before)
        .some(([, epoch = 0]) => epoch > 1),
    );
  });
}

test('a broker without room for sessions is asked for everything each time', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 3 }, maxFetchSessions: 0 });
  const orders = consumer({ maxWaitMs: 5 });
  fill(cluster, 5);
  assert.equal((await get(orders, 5)).length, 5);
  await until(() => polls(cluster).length > 5);
  for (const poll of polls(cluster)) assert.deepEqual([poll.body.sessionId, poll.body.sessionEpoch, named(poll)], [0, 0, [0, 1, 2]]);
});

test('a broker that gives a session up in its answer is asked for everything, without the old one', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 3 }, client: never });
  const orders = consumer({ maxWaitMs: 5 });
  await orders.getMessages(1, { timeoutMs: 1 });
  await until(() => polls(cluster).some(isLater));
  cluster.on(Fetch, isLater).answer(async (_, natural) => {
    const answer = await natural();
    return answer && { ...answer, sessionId: 0 };
  });
  await until(() => steps(cluster).filter(([id, epoch]) => id === 0 && epoch === 0).length === 2);
  fill(cluster, 5);
  assert.equal((await get(orders, 5)).length, 5);
});

test('a lost connection: another session begins, in place of what the broker may remember', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 3 } });
  const orders = consumer({ maxWaitMs: 5 });
  await orders.getMessages(1, { timeoutMs: 1 });
  await until(() => polls(cluster).some(isLater));
  const before = polls(cluster).length;
  cluster.on(Fetch, isLater).drop();
  await until(() =>
    polls(cluster)
      .slice(before)
      .some(poll => !isLater(poll)),
  );
  const again = polls(cluster)
    .slice(before)
    .find(poll => !isLater(poll));
  assert.deepEqual([again?.body.sessionId, again?.body.sessionEpoch], [steps(cluster)[before]?.[0], 0]);
  fill(cluster, 5);
  assert.equal((await get(orders, 5)).length, 5);
});

test('what is paused is forgotten, and named again when it is not; a seek names its partition alone', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 3 } });
  for (const partition of [0, 1, 2]) fill(cluster, 5, { partition });
  const orders = consumer({ maxWaitMs: 5 });
  await get(orders, 15);
  orders.pause([1]);
  await until(() => polls(cluster).some(({ body }) => body.forgottenTopicsData.some(({ partitions }) => partitions.join() === '1')));
  let before = polls(cluster).length;
  fill(cluster, 5, { partition: 1, from: 5 });
  fill(cluster, 1, { partition: 2, from: 5 });
  assert.deepEqual(
    (await get(orders, 1)).map(({ partition }) => partition),
    [2],
  );
  orders.resume([1]);
  assert.equal((await get(orders, 5)).length, 5);
  before = polls(cluster).length;
  await orders.seek(0, undefined, 2);
  assert.equal((await get(orders, 6)).length, 6);
  await until(() => polls(cluster).length > before + 2);
  for (const poll of polls(cluster).slice(before)) assert.ok(isLater(poll) && named(poll).every(partition => partition === 2));
});

test('a topic that was made again takes the place of the one before', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 3);
  const orders = consumer({ maxWaitMs: 5 });
  await get(orders, 3);
  const id = polls(cluster)[0]?.body.topics[0]?.topicId;
  cluster.deleteTopic('orders');
  cluster.createTopic('orders', 1);
  fill(cluster, 2, { from: 100 });
  const seen: string[] = [];
  while (!seen.includes('101')) seen.push(...(await get(orders, 1)).map(({ value }) => String(value)));
  assert.deepEqual(seen.slice(-2), ['100', '101']);
  const change = polls(cluster).find(({ body }) => body.topics.some(({ topicId }) => topicId !== id));
  assert.equal(change?.body.sessionEpoch === 0 || change?.body.forgottenTopicsData[0]?.topicId === id, true);
});

for (const [how, versions] of [
  ['ids', {}],
  ['names', { Fetch: 12 }],
] as const) {
  test(`a partition that is read anew is the same for the broker, and is not forgotten: ${how}`, async t => {
    const { cluster, client } = await setting(t, { topics: { orders: 2, bills: 1 }, client: { apiVersions: versions } });
    for (const topic of ['orders', 'bills']) fill(cluster, 2, { topic });
    const consumer = new KafkaConsumer(client, { maxWaitMs: 5 });
    await consumer.setTopicPartitions('orders', 'bills');
    assert.equal((await consumer.getMessages(4, { timeoutMs: null })).length, 4);
    await until(() => polls(cluster).some(isLater));
    for (let i = 2; i < 6; i++) {
      await consumer.setTopicPartitions(...consumer.offsets('position'));
      fill(cluster, 1, { from: i });
      assert.deepEqual(
        (await consumer.getMessages(1, { timeoutMs: null })).map(({ topic, value }) => `${topic} ${value}`),
        [`orders ${i}`],
      );
    }
  });

  test(`a topic that was made again is read on in the same session: ${how}`, async t => {
    const { cluster, client, consumer } = await setting(t, { topics: { orders: 1 }, client: { apiVersions: versions } });
    const orders = consumer({ maxWaitMs: 5 });
    for (let i = 0; i < 5; i++) {
      fill(cluster, 3, { from: i * 10 });
      const seen: string[] = [];
      while (!seen.includes(String(i * 10 + 2))) seen.push(...(await get(orders, 1)).map(({ value }) => String(value)));
      assert.deepEqual(
        seen.slice(-3),
        [0, 1, 2].map(j => String(i * 10 + j)),
      );
      cluster.deleteTopic('orders');
      cluster.createTopic('orders', 1);
      await client.metadata(['orders']); // who goes by names does not notice by fetching
    }
  });
}

test('closing ends the session, and waits for no broker that does not answer', async t => {
  const { cluster, consumer } = await setting(t);
  const orders = consumer({ maxWaitMs: 60_000 });
  await orders.getMessages(1, { timeoutMs: 1 });
  await until(() => polls(cluster).length > 0);
  fill(cluster, 1);
  await get(orders, 1);
  await until(() => polls(cluster).some(isLater));
  const id = polls(cluster).find(isLater)?.body.sessionId;
  const end = cluster.nextRequest(Fetch, ({ body }) => body.sessionEpoch === -1 && body.sessionId !== 0);
  await orders.close();
  assert.equal((await end).body.sessionId, id);

  const other = consumer({ maxWaitMs: 5 });
  await other.getMessages(1, { timeoutMs: null });
  await until(() => polls(cluster).at(-1)?.body.sessionId !== id && isLater(polls(cluster).at(-1) as SeenRequest<typeof Fetch>));
  cluster.on(Fetch).silent(1000);
  await other.close();
});

test('large batches do not starve those behind them', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 3 } });
  for (const partition of [0, 1, 2]) {
    for (let i = 0; i < 20; i++) cluster.append('orders', partition, [{ value: Buffer.alloc(2000) }]);
  }
  const orders = consumer({ maxBytes: 2100, prefetchBytes: 2100 });
  const counts = [0, 0, 0];
  for (let i = 0; i < 60; i++) {
    const [message] = await get(orders, 1);
    const partition = message?.partition ?? 0;
    counts[partition] = (counts[partition] ?? 0) + 1;
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 3, counts.join());
  }
});
