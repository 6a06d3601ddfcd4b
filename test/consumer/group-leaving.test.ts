import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConsumerGroupHeartbeat, Heartbeat, OffsetCommit } from '../../src/protocol/index.js';
import { every, groupSetting, nextEvent, throwOut } from './group-setting.js';
import { stored, until } from './setting.js';

test('a member of the new protocol that leaves while its coordinator changes is out of the group', async t => {
  const { cluster, member } = await groupSetting(t);
  const consumer = member({ groupProtocol: 'consumer' });
  await consumer.getMessages(1, { timeoutMs: null });
  cluster.on(ConsumerGroupHeartbeat, ({ body }) => body.memberEpoch < 0).failOnce('NOT_COORDINATOR');
  await consumer.close();
  assert.deepEqual(cluster.members('billing'), []);
});

test('a member of the new protocol that is closed before it hears that it is one does not stay in the group', async t => {
  const { cluster, member } = await groupSetting(t);
  const consumer = member({ groupProtocol: 'consumer' });
  const joining = cluster.on(ConsumerGroupHeartbeat).hold();
  const reading = consumer.getMessages(1, { timeoutMs: null });
  reading.catch(() => {}); // looked at below
  await joining.held;
  const closing = consumer.close();
  joining.release();
  await closing;
  assert.deepEqual(cluster.members('billing'), []);
  await assert.rejects(reading, { code: 'TIDE_CLOSED' });
});

test('a member of the new protocol that hears from a commit and from a heartbeat that it is out joins again once', async t => {
  const { cluster, member } = await groupSetting(t, { consumerHeartbeatIntervalMs: 20 });
  const consumer = member({ groupProtocol: 'consumer', autoCommit: false });
  const lost = every(consumer, 'lost');
  const messages = await consumer.getMessages(10, { timeoutMs: null });
  throwOut(cluster);
  const beats = cluster.on(ConsumerGroupHeartbeat).hold();
  await beats.held; // it has been answered already
  await assert.rejects(consumer.commit(messages), { code: 'TIDE_PARTITION_LOST' });
  const settled = nextEvent(consumer, 'rebalance');
  beats.release();
  await settled;
  for (let i = 0; i < 3; i++) await cluster.nextRequest(ConsumerGroupHeartbeat);
  const joins = cluster.requests(ConsumerGroupHeartbeat).filter(({ body }) => body.memberEpoch === 0);
  assert.deepEqual([joins.length, lost.length, cluster.members('billing').length], [2, 1, 1]);
});

test('who closes while what was read before is being given up has what is done of it committed', async t => {
  const { cluster, member } = await groupSetting(t);
  const consumer = member({ autoCommit: { everyMs: 3_600_000 } });
  const failed = every(consumer, 'commitFailed');
  await consumer.getMessages(100, { timeoutMs: null });
  await consumer.getMessages(1, { block: false }); // all are done
  const committing = cluster.on(OffsetCommit).hold();
  await consumer.setTopicPartitions(['orders', 0]);
  const closing = consumer.close();
  await committing.held;
  committing.release();
  await closing;
  assert.deepEqual(stored(cluster, 'billing'), { 0: 25, 1: 25, 2: 25, 3: 25 });
  assert.deepEqual(failed, []);
});

test('what is done can be committed by hand while it is being given up', async t => {
  const { cluster, member } = await groupSetting(t);
  const consumer = member({ autoCommit: false, marking: 'explicit' });
  const messages = await consumer.getMessages(100, { timeoutMs: null });
  await consumer.setTopicPartitions(['orders', 0]);
  consumer.mark(messages.filter(({ partition }) => partition !== 3));
  assert.equal(await consumer.commit(), true);
  assert.deepEqual(stored(cluster, 'billing'), { 0: 25, 1: 25, 2: 25, 3: 0 });
  consumer.mark(messages);
});

for (const groupProtocol of ['classic', 'consumer'] as const) {
  test(`who is thrown out while it gives partitions up has lost them, and is told so (${groupProtocol})`, async t => {
    const { cluster, member } = await groupSetting(t, { consumerHeartbeatIntervalMs: 20 });
    const told: string[] = [];
    const first = member({
      ...{ groupProtocol, marking: 'explicit' },
      onRevoke: async taken => void told.push(`revoked ${taken.length}`),
      onLost: async taken => void told.push(`lost ${taken.length}`),
    });
    const messages = await first.getMessages(100, { timeoutMs: null });
    const memberId = cluster.members('billing')[0]?.memberId ?? assert.fail('it is no member');
    const joining = member({ groupProtocol }).getMessages(1, { timeoutMs: null });
    if (groupProtocol === 'classic')
      await cluster.nextRequest(Heartbeat, ({ body }) => body.memberId === memberId && body.generationId === 2);
    else await until(() => cluster.members('billing').find(each => each.memberId === memberId)?.partitions.length === 2);
    for (let i = 0; i < 3 && groupProtocol === 'consumer'; i++)
      await cluster.nextRequest(ConsumerGroupHeartbeat, ({ body }) => body.memberId === memberId); // it has been told
    cluster.expireMember('billing', memberId);
    first.mark(messages);
    assert.equal((await joining).length, 1);
    await until(() => told.length === 2);
    assert.deepEqual(told, ['lost 2', 'lost 2']);
  });
}
