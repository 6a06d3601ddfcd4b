import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { KafkaConsumer } from '../../src/consumer/index.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { OffsetCommit, OffsetFetch } from '../../src/protocol/index.js';
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
