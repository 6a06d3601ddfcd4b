import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { KafkaConsumer } from '../../src/consumer/index.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { Fetch, ListOffsets, OffsetCommit, OffsetFetch } from '../../src/protocol/index.js';
import { every, groupSetting, nextEvent } from './group-setting.js';
import { fill, stored, until } from './setting.js';

test('where a partition would begin is not stored once it has gone to another member, who may be further by then', async t => {
  const { cluster, member } = await groupSetting(t);
  const options = { assignors: ['range'], autoCommit: { everyMs: 60_000 } };
  const [first, second] = [member(options), member(options)];
  const failed = every(first, 'commitFailed');
  let isHeld = true;
  const finding = cluster.on(OffsetFetch, () => isHeld).hold();
  const reading = first.getMessages(1, { timeoutMs: null });
  await finding.held; // the first has everything, and does not know where to begin
  isHeld = false;
  const rebalanced = nextEvent(second, 'rebalance');
  const messages = second.getMessages(50, { timeoutMs: null });
  const { partitions } = await rebalanced;
  assert.equal(partitions.length, 2);
  assert.equal((await messages).length, 50);
  await second.commit(await messages);
  finding.release();
  await reading;
  await until(() => first.offsets().every(({ position }) => position !== undefined));
  await first.commit();
  const after = stored(cluster, 'billing');
  for (const { partition } of partitions) assert.equal(after[partition], 25, `orders/${partition}`);
  assert.ok(cluster.requests(OffsetCommit).length > 1);
  assert.deepEqual(failed, []);
});

test('partitions whose leader is away do not hold up the others, and are read when it is back', async t => {
  const cluster = await EmbeddedCluster.start({ brokers: 3, topics: { orders: 6 } });
  t.after(() => cluster.close());
  const partitions = [0, 1, 2, 3, 4, 5];
  for (const partition of partitions) fill(cluster, 10, { partition });
  const leader = cluster.leaderOf('orders', 0);
  const led = partitions.filter(partition => cluster.leaderOf('orders', partition) === leader);
  assert.ok(led.length > 0 && led.length < partitions.length);
  cluster.moveCoordinator((leader % 3) + 1);
  await cluster.stopBroker(leader, { moveLeaders: false });
  const client = new KafkaClient({ brokers: cluster.brokers, retry: { backoffMs: 5, maxBackoffMs: 20 } });
  t.after(() => client.close());
  const consumer = new KafkaConsumer(client, { topics: 'orders', groupId: 'billing', heartbeatMs: 20 });
  const read: number[] = [];
  for await (const { partition } of consumer) {
    read.push(partition);
    if (read.length === 10 * (partitions.length - led.length)) await cluster.startBroker(leader);
    if (read.length === 10 * partitions.length) break;
  }
  assert.deepEqual(
    read.slice(-10 * led.length).filter(partition => !led.includes(partition)),
    [],
    'those of the leader that was away come last',
  );
  await consumer.close();
  assert.equal(
    Object.values(stored(cluster, 'billing')).reduce((sum, each) => sum + each, 0),
    10 * partitions.length - 1,
  );
});

test('a topic that may not be read holds up no other: it is told, once for each attempt, and read as soon as it may be', async t => {
  const { cluster, member } = await groupSetting(t);
  cluster.createTopic('secrets', 2);
  fill(cluster, 5, { topic: 'secrets', perBatch: 1 });
  cluster.on(OffsetFetch, { topic: 'secrets' }).failTimes(5, 'TOPIC_AUTHORIZATION_FAILED');
  const consumer = member({ topics: ['orders', 'secrets'] });
  const errors: string[] = [];
  const read: string[] = [];
  while (read.length < 105) {
    try {
      for await (const { topic, partition, offset } of consumer) {
        read.push(`${topic}/${partition} ${offset}`);
        if (read.length >= 105) break;
      }
    } catch (error) {
      errors.push((error as { code: string }).code);
    }
  }
  assert.deepEqual([...new Set(errors)], ['TOPIC_AUTHORIZATION_FAILED']);
  assert.ok(errors.length < 5, 'one attempt found that it is the one topic only');
  assert.equal(new Set(read).size, 105);
  await consumer.close();
});

test('with the policy "none" a partition without an offset holds up no other, and is told until somebody seeks', async t => {
  const { member } = await groupSetting(t);
  const before = member({ topics: [{ orders: [0, 1, 2] }] });
  await before.commit(await before.getMessages(3, { timeoutMs: null }));
  await before.seekToBeginning();
  await before.commit();
  await before.close();
  const consumer = member({ autoOffsetReset: 'none' });
  const read: number[] = [];
  let errorCount = 0;
  while (read.length < 100) {
    try {
      for await (const { partition } of consumer) if (read.push(partition) === 100) break;
    } catch (error) {
      assert.match((error as Error).message, /orders\/3: no committed offset/);
      errorCount += 1;
      if (read.length === 75 && errorCount > 2) await consumer.seek(0, undefined, { topic: 'orders', partition: 3 });
    }
  }
  assert.deepEqual([...new Set(read.slice(75))], [3]);
});

test('a partition that cannot be fetched takes nothing away from what others gave: they are handed out, and it is told in between', async t => {
  const { cluster, member } = await groupSetting(t);
  const consumer = member({ autoCommit: false });
  cluster.on(Fetch, { topic: 'orders', partition: 2 }).failTimes(10_000, 'TOPIC_AUTHORIZATION_FAILED');
  const read = new Set<string>();
  let errorCount = 0;
  while (read.size < 75 || errorCount < 3) {
    try {
      // More than there is: it waits for those of the partition that cannot be read.
      for (const { partition, offset } of await consumer.getMessages(100, { timeoutMs: 5000 })) read.add(`${partition}:${offset}`);
    } catch (error) {
      assert.equal((error as { code: string }).code, 'TOPIC_AUTHORIZATION_FAILED');
      errorCount += 1;
    }
  }
  assert.ok([...read].every(place => !place.startsWith('2:')));
});

for (const [where, asked] of [
  ['where the group stands', OffsetFetch],
  ['where the policy begins', ListOffsets],
] as const) {
  test(`who moves a partition while it is looked up ${where} reads on from there`, async t => {
    const { cluster, member } = await groupSetting(t);
    if (asked === OffsetFetch) {
      const before = member();
      await before.commit(await before.getMessages(100, { timeoutMs: null }));
      await before.close();
    }
    const consumer = member({ autoOffsetReset: 'latest' });
    const finding = cluster.on(asked).hold();
    const reading = consumer.getMessages(23, { timeoutMs: null });
    await finding.held;
    await consumer.seek(2, undefined, { topic: 'orders', partition: 1 });
    finding.release();
    const messages = await reading;
    assert.deepEqual([messages.length, messages[0]?.partition, messages[0]?.offset], [23, 1, 2]);
    await until(() => consumer.offsets().every(({ position }) => position === 25));
    await consumer.commit(messages);
    if (asked === OffsetFetch) assert.deepEqual(stored(cluster, 'billing'), { 0: 25, 1: 25, 2: 25, 3: 25 });
  });
}
