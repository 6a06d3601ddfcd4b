import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { ListOffsets } from '../../src/protocol/index.js';
import { kafkaTest } from '../kafka/kafka.js';
import { clientSetting, rejection } from './setting.js';

const at = (...timestamps: readonly number[]) => timestamps.map(timestamp => ({ value: 'x', timestamp }));

test('earliest, latest, a time, and what lies before it', async t => {
  const { cluster, client } = await clientSetting(t, { topics: { orders: 2 } });
  const { offsets } = client;
  assert.deepEqual([await offsets.earliest('orders', 1), await offsets.latest('orders', 1)], [0, 0]);
  cluster.append('orders', 1, at(100, 200));
  cluster.append('orders', 1, at(300, 400));
  assert.deepEqual([await offsets.earliest('orders', 1), await offsets.latest('orders', 1)], [0, 4]);
  assert.deepEqual(await Promise.all([0, 100, 101, 300, 400, 401].map(time => offsets.atTime('orders', 1, time))), [
    0,
    0,
    1,
    2,
    3,
    undefined,
  ]);
  assert.deepEqual(await Promise.all([0, 100, 101, 300, 400, 401].map(time => offsets.beforeTime('orders', 1, time))), [
    undefined,
    undefined,
    0,
    1,
    2,
    3,
  ]);
  cluster.trim('orders', 1, 2);
  assert.deepEqual(await Promise.all([300, 301].map(time => offsets.beforeTime('orders', 1, time))), [undefined, 2]);
});

test('beforeTime of an empty log is undefined, and takes nothing for older that came meanwhile', async t => {
  const { cluster, client } = await clientSetting(t);
  assert.equal(await client.offsets.beforeTime('orders', 0, 5), undefined);
  cluster.append('orders', 0, at(1, 2));
  cluster.on(ListOffsets).answer(async ({ body }, proceed) => {
    const answer = await proceed();
    const [asked] = body.topics[0]?.partitions ?? [];
    if (asked?.timestamp === -1) cluster.append('orders', 0, at(900, 901));
    return answer;
  }, 2);
  assert.equal(await client.offsets.beforeTime('orders', 0, 500), 1);
});

test('list gives the end and the beginning, the highest first, and one where they are the same', async t => {
  const { cluster, client } = await clientSetting(t);
  assert.deepEqual(await client.offsets.list('orders', 0), [0]);
  cluster.append('orders', 0, at(1, 2, 3));
  cluster.append('orders', 0, at(4));
  cluster.trim('orders', 0, 3);
  assert.deepEqual(await client.offsets.list('orders', 0), [4, 3]);
  assert.deepEqual(await client.offsets.list('orders', 0, { maxCount: 1 }), [4]);
});

test('a leader that moves is found, and the error of the broker comes out', async t => {
  const { cluster, client } = await clientSetting(t, { brokers: 2 });
  cluster.append('orders', 0, at(1));
  await client.offsets.latest('orders', 0);
  cluster.moveLeader('orders', 0, 3 - cluster.leaderOf('orders', 0));
  assert.deepEqual(await Promise.all(Array.from({ length: 5 }, () => client.offsets.latest('orders', 0))), [1, 1, 1, 1, 1]);
  cluster.on(ListOffsets).failOnce('TOPIC_AUTHORIZATION_FAILED');
  const error = await rejection(client.offsets.earliest('orders', 0));
  assert.deepEqual([error.code, error.errno], ['TOPIC_AUTHORIZATION_FAILED', 29]);
  assert.equal((await rejection(client.offsets.latest('orders', 7))).code, 'UNKNOWN_TOPIC_OR_PARTITION');
});

test('a log that is said to have no end is an error: nobody is sent to offset 0 for it', async t => {
  const { cluster, client } = await clientSetting(t);
  cluster.append('orders', 0, at(1));
  const place = { topic: 'orders', partition: 0 };
  const asking: Record<string, () => Promise<unknown>> = {
    earliest: () => client.offsets.earliest('orders', 0),
    latest: () => client.offsets.latest('orders', 0),
    beforeTime: () => client.offsets.beforeTime('orders', 0, 5),
    list: () => client.offsets.list('orders', 0),
    lists: () => client.send.listOffsets([{ ...place, at: 'latest' }]),
  };
  cluster.on(ListOffsets).answer(async (_, proceed) => {
    const answer = await proceed();
    const topics = Array.from(answer?.topics ?? [], ({ name, partitions }) => ({
      name,
      partitions: Array.from(partitions ?? [], partition => ({ ...partition, offset: -1 })),
    }));
    return { ...answer, topics };
  }, Number.POSITIVE_INFINITY);
  for (const [name, ask] of Object.entries(asking)) {
    const { code, message } = await rejection(ask());
    assert.equal(code, 'TIDE_PROTOCOL', name);
    assert.match(message, /orders\/0 says that its log has no (earliest|latest) offset/);
  }
  assert.equal(await client.offsets.atTime('orders', 0, 5), undefined, 'for a time that is an answer');
});

test('isolation is asked for as given', async t => {
  const { cluster, client } = await clientSetting(t);
  await client.offsets.latest('orders', 0);
  await client.offsets.latest('orders', 0, { isolation: 'read_uncommitted' });
  assert.deepEqual(
    cluster.requests(ListOffsets).map(({ body }) => body.isolationLevel),
    [1, 0],
  );
});

test('bad input is refused before anything is sent', async t => {
  const { cluster, client } = await clientSetting(t);
  const { offsets } = client;
  const wrong: readonly [() => Promise<unknown>, string][] = [
    [() => offsets.earliest('', 0), 'TIDE_INPUT'],
    [() => offsets.latest('orders', -1), 'TIDE_INPUT'],
    [() => offsets.atTime('orders', 0, -1), 'TIDE_INPUT'],
    [() => offsets.beforeTime('orders', 0, Number.NaN), 'TIDE_INPUT'],
    [() => offsets.list('orders', 0, { maxCount: 0 }), 'TIDE_OPTION'],
    [() => offsets.latest('orders', 0, { isolation: 'none' } as object), 'TIDE_OPTION'],
  ];
  for (const [call, code] of wrong) assert.equal((await rejection(call())).code, code);
  assert.equal(cluster.requests().length, 0);
});

for (const version of ['4.1.2', '1.1.1'] as const) {
  kafkaTest(
    'offsets by end and by time',
    async (t, kafka) => {
      const client = new KafkaClient({ brokers: kafka.bootstrap });
      t.after(() => client.close());
      const { offsets } = client;
      const topic = await kafka.createTopic({ config: { 'retention.ms': -1 } });
      assert.equal(await offsets.beforeTime(topic, 0, 5), undefined);
      for (const timestamp of [1000, 2000, 3000]) await client.produce(topic, 0, ['a', 'b'], { timestamp });
      assert.deepEqual([await offsets.earliest(topic, 0), await offsets.latest(topic, 0), await offsets.list(topic, 0)], [0, 6, [6, 0]]);
      assert.deepEqual(await Promise.all([0, 1001, 3000, 3001].map(time => offsets.atTime(topic, 0, time))), [0, 2, 4, undefined]);
      assert.deepEqual(await Promise.all([1000, 1001, 3000, 3001].map(time => offsets.beforeTime(topic, 0, time))), [undefined, 1, 3, 5]);
      const points = await client.send.listOffsets([
        { topic, partition: 0, at: { timestampMs: 1500 } },
        { topic, partition: 0, at: 'latest' },
      ]);
      assert.deepEqual(points, [
        { offset: 2, timestamp: 2000 },
        { offset: 6, timestamp: -1 },
      ]);
    },
    { version },
  );
}
