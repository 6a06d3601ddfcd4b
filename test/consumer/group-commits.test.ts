import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Heartbeat, JoinGroup, OffsetCommit } from '../../src/protocol/index.js';
import { until as eventually } from '../group/watched.js';
import { every, groupSetting, nextEvent, throwOut } from './group-setting.js';
import { stored, until } from './setting.js';

test('a commit that meets a group which knows the next generation already is sent again in that, and nothing is lost for it', async t => {
  const { cluster, member } = await groupSetting(t);
  const [first, second] = [member({ autoCommit: false }), member({ autoCommit: false })];
  const lost = every(first, 'lost');
  const messages = await first.getMessages(100, { timeoutMs: null });
  await first.commit(messages);
  const [{ memberId } = assert.fail()] = cluster.members('billing');
  const joining = cluster.on(JoinGroup, ({ body }) => body.memberId === memberId).hold();
  const others = second.getMessages(1, { block: false });
  await joining.held; // the first has asked to join anew, and does not hear
  for (const { topic, partition } of messages.slice(0, 1)) await first.seek(7, undefined, { topic, partition });
  cluster.on(OffsetCommit).failOnce('ILLEGAL_GENERATION');
  const committed = first.commit();
  await until(() => cluster.requests(OffsetCommit).length >= 2);
  joining.release();
  assert.equal(await committed, true);
  assert.equal(stored(cluster, 'billing')[messages[0]?.partition ?? -1], 7);
  await others;
  await until(() => first.assignment().length === 2);
  assert.deepEqual(lost, []);
});

test('a commit that is told late of a member that was thrown out does not cost the member that it is again by then', async t => {
  const { cluster, member } = await groupSetting(t);
  const consumer = member({ autoCommit: false });
  const lost = every(consumer, 'lost');
  const messages = await consumer.getMessages(10, { timeoutMs: null });
  const beats = cluster.on(Heartbeat).hold();
  await beats.held;
  throwOut(cluster);
  const commits = cluster.on(OffsetCommit).hold();
  const committed = consumer.commit(messages);
  committed.catch(() => {}); // looked at below
  await commits.held;
  beats.release();
  const { memberId } = await nextEvent(consumer, 'rebalance');
  commits.release();
  await assert.rejects(committed, { code: 'TIDE_PARTITION_LOST' });
  await cluster.nextRequest(Heartbeat);
  await cluster.nextRequest(Heartbeat);
  assert.deepEqual([lost.length, cluster.members('billing')[0]?.memberId], [1, memberId]);
  assert.equal(await consumer.commit(await consumer.getMessages(10, { timeoutMs: null })), true);
});

test('a commit that is refused for itself costs a member nothing', async t => {
  const { cluster, member } = await groupSetting(t);
  const consumer = member({ autoCommit: false });
  const lost = every(consumer, 'lost');
  const messages = await consumer.getMessages(10, { timeoutMs: null });
  cluster.on(OffsetCommit).failOnce('OFFSET_METADATA_TOO_LARGE');
  await assert.rejects(consumer.commit(messages), { code: 'OFFSET_METADATA_TOO_LARGE' });
  await cluster.nextRequest(Heartbeat);
  await cluster.nextRequest(Heartbeat);
  assert.deepEqual([lost.length, consumer.assignment().length], [0, 4]);
  assert.equal(await consumer.commit(), true);
});

test('a member that lost its partitions and has them again in the same generation waits for the commit that was under way', async t => {
  const { cluster, member } = await groupSetting(t);
  const options = { assignors: ['range'], autoCommit: false, sessionTimeoutMs: 60_000 };
  const first = member(options);
  await first.getMessages(1, { timeoutMs: null });
  const [leader] = cluster.members('billing');
  const second = member(options);
  const rebalances = every(second, 'rebalance');
  const reading = second.getMessages(50, { timeoutMs: null });
  await eventually('both have a half', async () => {
    await first.getMessages(1, { block: false }); // what it had is done
    return second.assignment().length === 2;
  });
  const messages = await reading;
  const memberId = cluster.members('billing').find(each => each.memberId !== leader?.memberId)?.memberId ?? assert.fail();
  await until(() => rebalances.at(-1)?.partitions.length === 2);
  const before = rebalances.length;
  let isAway = true;
  cluster.on(OffsetCommit, () => isAway).failTimes(100_000, 'COORDINATOR_LOAD_IN_PROGRESS');
  const committing = second.commit(messages, { timeoutMs: null }).catch(() => {});
  await cluster.nextRequest(OffsetCommit);
  const lost = nextEvent(second, 'lost');
  cluster.on(Heartbeat, ({ body }) => body.memberId === memberId).failOnce('ILLEGAL_GENERATION');
  await lost;
  await until(() => rebalances.length > before);
  assert.deepEqual(rebalances.at(-1)?.generationId, rebalances[before - 1]?.generationId);
  await cluster.nextRequest(OffsetCommit);
  isAway = false;
  await committing;
  const next = await second.getMessages(50, { timeoutMs: 100 });
  for (const { partition, done } of second.offsets())
    assert.equal(done, stored(cluster, 'billing')[partition], `${next.length} came again`);
});
