import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaConsumer } from '../../src/consumer/index.js';
import { ListOffsets } from '../../src/protocol/index.js';
import { rejection } from '../support/rejection.js';
import { fill, setting, until } from './setting.js';

test('offsets(which) gives one number of each partition, by its name or the old one, as setTopicPartitions takes it', async t => {
  const { cluster, client } = await setting(t, { topics: { orders: 2 } });
  fill(cluster, 5, { partition: 0 });
  fill(cluster, 3, { partition: 1 });
  const consumer = new KafkaConsumer(client, { topics: 'orders', groupId: 'billing', autoCommit: false });
  const messages = await consumer.getMessages(8, { timeoutMs: null });
  const inTwo = messages.filter(({ partition }) => partition === 0).slice(0, 2);
  await consumer.commit(inTwo);
  const offset = (...[zero, one]: readonly (number | undefined)[]) => [
    { topic: 'orders', partition: 0, offset: zero },
    { topic: 'orders', partition: 1, offset: one },
  ];
  const byPartition = (places: readonly { readonly partition: number }[]) => [...places].sort((a, b) => a.partition - b.partition);
  for (const [name, old, expected] of [
    ['position', 'fetch', offset(5, 3)],
    ['done', 'task_done', offset(2, 0)],
    ['committed', 'commit', offset(2, 0)],
    ['highWatermark', 'highwater', offset(5, 3)],
  ] as const) {
    assert.deepEqual(byPartition(consumer.offsets(name)), expected, name);
    assert.deepEqual(byPartition(consumer.offsets(old)), expected, old);
  }
  await consumer.setTopicPartitions(...consumer.offsets('done'));
  assert.deepEqual((await consumer.getMessages(6, { timeoutMs: null })).map(({ partition, offset: at }) => `${partition}:${at}`).sort(), [
    ...['0:2', '0:3', '0:4', '1:0', '1:1', '1:2'],
  ]);
  assert.throws(() => consumer.offsets('fetched' as never), {
    code: 'TIDE_INPUT',
    message: /^offsets\(\): expected one of position, done, /,
  });
});

test('getPartitionOffsets: where reading can begin, by end and by time', async t => {
  const { cluster, client } = await setting(t);
  cluster.append(
    'orders',
    0,
    [100, 200, 300].map(timestamp => ({ value: 'x', timestamp })),
  );
  const consumer = new KafkaConsumer(client);
  const at = (...args: readonly [(number | 'latest' | 'earliest')?, number?]) => consumer.getPartitionOffsets('orders', 0, ...args);
  assert.deepEqual(await at(), [3, 0]);
  assert.deepEqual(await at(-1, 5), [3, 0]);
  assert.deepEqual(await at('latest', 1), [3]);
  assert.deepEqual(await at(-2, 5), [0]);
  assert.deepEqual(await at('earliest'), [0]);
  assert.deepEqual(await at(150), [1, 0]);
  assert.deepEqual(await at(301, 1), [3]);
  assert.deepEqual(await at(0), [0]);
});

test('getPartitionOffsets: what it refuses, and when it ends', async t => {
  const { cluster, client } = await setting(t);
  const consumer = new KafkaConsumer(client);
  const refused = async (...args: readonly unknown[]) =>
    (await rejection(consumer.getPartitionOffsets(...(args as Parameters<typeof consumer.getPartitionOffsets>)))).code;
  assert.equal(await refused('or ders', 0), 'TIDE_INPUT');
  assert.equal(await refused('orders', -1), 'TIDE_INPUT');
  assert.equal(await refused('orders', 0, -3), 'TIDE_INPUT');
  assert.equal(await refused('orders', 0, 'newest'), 'TIDE_INPUT');
  assert.equal(await refused('orders', 0, -1, 0), 'TIDE_INPUT');
  assert.equal(await refused('orders', 0, -1, 1, { timeout: 5 }), 'TIDE_OPTION');
  assert.equal(cluster.requests(ListOffsets).length, 0);
  assert.equal(await refused('orders', 1), 'UNKNOWN_TOPIC_OR_PARTITION');
  const reason = new Error('no use any more');
  await assert.rejects(consumer.getPartitionOffsets('orders', 0, -1, 1, { signal: AbortSignal.abort(reason) }), reason);
  cluster.on(ListOffsets).hold();
  const late = await rejection(consumer.getPartitionOffsets('orders', 0, -1, 1, { timeoutMs: 50 }));
  assert.deepEqual([late.code, late.message], ['TIDE_TIMEOUT', 'getPartitionOffsets(): not done within 50 ms (timeoutMs)']);
  await consumer.close();
  assert.equal(await refused('orders', 0), 'TIDE_CLOSED');
});

test('a pattern in place of something else is read once, however long finding its partitions takes', async t => {
  const { cluster, client } = await setting(t, { topics: { orders: 2, 'orders-old': 1 } });
  for (const partition of [0, 1]) fill(cluster, 5, { partition });
  fill(cluster, 5, { topic: 'orders-old' });
  const consumer = new KafkaConsumer(client, { topics: 'orders' });
  await consumer.getMessages(10, { timeoutMs: null });
  const held = cluster.on(ListOffsets).hold();
  await consumer.setTopicPartitions(/^orders/);
  const asked = cluster.requests(ListOffsets).length;
  const reading = consumer.getMessages(15, { timeoutMs: null });
  await until(() => cluster.requests(ListOffsets).length > asked);
  for (let i = 0; i < 50; i++) {
    consumer.resume([]); // has it look around
    await new Promise(setImmediate);
  }
  held.release();
  const places = (await reading).map(({ topic, partition, offset }) => `${topic}/${partition}:${offset}`);
  assert.equal(new Set(places).size, 15);
  assert.equal(consumer.assignment().length, 3);
});
