import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KafkaConsumer } from '../../src/consumer/kafka-consumer.js';
import type { KafkaConsumerOptions } from '../../src/consumer/kafka-consumer-options.js';
import { OffsetCommitContext, withOffsets } from '../../src/context/index.js';
import { JoinGroup } from '../../src/protocol/index.js';
import { groupSetting as setting } from './group-setting.js';
import { fill, stored, until } from './setting.js';

test('a lone member reads everything, in order, and commits what is done', async t => {
  const { cluster, member } = await setting(t);
  const consumer = member();
  const next = [0, 0, 0, 0];
  let count = 0;
  for await (const { partition, offset } of consumer) {
    assert.equal(offset, next[partition]);
    next[partition] = offset + 1;
    if (++count === 100) break;
  }
  await consumer.close();
  const committed = stored(cluster, 'billing');
  assert.equal(
    Object.values(committed).reduce((sum, each) => sum + each, 0),
    99,
    'the last one was not done',
  );
  assert.equal(cluster.members('billing').length, 0);
});

test('members share the partitions; what one has done the other does not see', async t => {
  const { cluster, member } = await setting(t);
  const seen = new Map<string, number>();
  const work = async (consumer: KafkaConsumer, stop: AbortSignal) => {
    for await (const { partition, offset } of consumer.messages({ signal: stop })) {
      const place = `${partition}:${offset}`;
      seen.set(place, (seen.get(place) ?? 0) + 1);
      await new Promise(setImmediate);
    }
  };
  const stop = new AbortController();
  const [first, second] = [member(), member()];
  const one = work(first, stop.signal);
  await until(() => seen.size > 10);
  const two = work(second, stop.signal);
  await until(() => second.assignment().length === 2);
  await until(() => seen.size === 100);
  stop.abort();
  await Promise.all([one, two]);
  await Promise.all([first.close(), second.close()]);
  assert.deepEqual([...new Set(seen.values())], [1]);
  assert.deepEqual(stored(cluster, 'billing'), { 0: 25, 1: 25, 2: 25, 3: 25 });
});

test('what is in hand when a partition goes to another member is waited for, and committed', async t => {
  const { cluster, member } = await setting(t);
  const [first, second] = [member({ autoCommit: { everyMs: 60_000 } }), member()];
  const got = await first.getMessages(40, { timeoutMs: null });
  assert.equal(got.length, 40);
  const joining = second.getMessages(1, { timeoutMs: null });
  await until(() => cluster.members('billing').length === 2);
  assert.deepEqual(stored(cluster, 'billing'), { 0: 0, 1: 0, 2: 0, 3: 0 }, 'nobody has said that they are done');
  assert.equal(first.assignment().length, 4);
  const more = first.getMessages(1, { timeoutMs: null }); // now they are
  await until(() => first.assignment().length === 2);
  await Promise.all([more, joining]);
  const done = Object.values(stored(cluster, 'billing')).reduce((sum, each) => sum + each, 0);
  assert.ok(done >= 20, `${done}`);
  const before = new Set(got.map(({ partition, offset }) => `${partition}:${offset}`));
  for (const { partition, offset } of await joining) assert.ok(!before.has(`${partition}:${offset}`), 'done before');
});

test('a member that was thrown out joins again by itself; marks of before are refused, and the loop goes on', async t => {
  const { cluster, member } = await setting(t);
  const consumer = member({ autoCommit: false, marking: 'explicit' });
  const lost = new Promise(resolve => consumer.once('lost', resolve));
  const [early] = await consumer.getMessages(1, { timeoutMs: null });
  assert.ok(early);
  const [{ memberId } = assert.fail()] = cluster.members('billing');
  cluster.expireMember('billing', memberId);
  await lost;
  assert.throws(() => consumer.mark(early), { code: 'TIDE_PARTITION_LOST' });
  const [again] = await consumer.getMessages(1, { timeoutMs: null });
  assert.ok(again);
  consumer.mark(again);
  assert.equal(await consumer.commit(), true);
  assert.notEqual(cluster.members('billing')[0]?.memberId, memberId);
});

test('a reader that does not come back leaves the group, and joins again when it does', async t => {
  const { cluster, member } = await setting(t);
  const consumer = member({ maxPollIntervalMs: 80, autoCommit: false });
  const lost = new Promise(resolve => consumer.once('lost', resolve));
  const [first] = await consumer.getMessages(1, { timeoutMs: null });
  assert.ok(first);
  await lost;
  await until(() => cluster.members('billing').length === 0);
  const [again] = await consumer.getMessages(1, { timeoutMs: null });
  assert.equal(again?.offset, 0, 'it was not done');
  assert.equal(cluster.members('billing').length, 1);
});

test('a group that does not take the member is an error of the read; the next one asks again', async t => {
  const { cluster, member } = await setting(t);
  cluster.on(JoinGroup).failTimes(1, 'GROUP_AUTHORIZATION_FAILED');
  const consumer = member();
  await assert.rejects(consumer.getMessages(1, { timeoutMs: null }), { code: 'GROUP_AUTHORIZATION_FAILED' });
  assert.equal((await consumer.getMessages(1, { timeoutMs: null })).length, 1);
});

test('callbacks are told in order, and may seek', async t => {
  const { member } = await setting(t);
  const told: string[] = [];
  const consumer: KafkaConsumer = member({
    onAssign: async partitions => {
      told.push(`assign ${partitions.length}`);
      for (const partition of partitions) await consumer.seek(20, undefined, partition);
    },
    onRevoke: partitions => void told.push(`revoke ${partitions.length}`),
  });
  const messages = await consumer.getMessages(100, { block: 20, timeoutMs: null });
  assert.ok(messages.every(({ offset }) => offset >= 20));
  await consumer.close();
  assert.deepEqual(told, ['assign 4', 'revoke 4']);
});

test('a commit context of a member: what is marked is committed, what is not comes again', async t => {
  const { cluster, member } = await setting(t);
  const consumer = member({ autoCommit: false });
  await withOffsets(consumer, async context => {
    const messages = await consumer.getMessages(10, { timeoutMs: null });
    context.mark(messages.slice(0, 5));
  });
  assert.equal(
    Object.values(stored(cluster, 'billing')).reduce((sum, each) => sum + each, 0),
    5,
  );
});

test('a context that lost a partition can only be rolled back', async t => {
  const { cluster, member } = await setting(t);
  const consumer = member({ autoCommit: false });
  const context = OffsetCommitContext.begin(consumer);
  const messages = await consumer.getMessages(10, { timeoutMs: null });
  context.mark(messages);
  const lost = new Promise(resolve => consumer.once('lost', resolve));
  const [{ memberId } = assert.fail()] = cluster.members('billing');
  cluster.expireMember('billing', memberId);
  await lost;
  await assert.rejects(context.commit(), { code: 'TIDE_PARTITION_LOST' });
  assert.deepEqual(stored(cluster, 'billing'), {});
  assert.equal((await consumer.getMessages(10, { timeoutMs: null }))[0]?.offset, 0);
});

test('without a group, and with partitions that are listed, it reads by itself', async t => {
  const { cluster, member } = await setting(t);
  const alone = member({ groupId: undefined });
  assert.equal((await alone.getMessages(100, { timeoutMs: null })).length, 100);
  assert.equal(cluster.members('billing').length, 0);
  const tail = member({ groupId: undefined, autoOffsetReset: 'latest' });
  const next = tail.nextMessage();
  await until(() => tail.assignment().length === 4);
  fill(cluster, 1, { from: 1000 });
  assert.equal(String((await next).value), '1000');

  const listed = member({ topics: [['orders', 1, 7], { topic: 'orders', partition: 2 }] });
  const messages = await listed.getMessages(43, { timeoutMs: null });
  assert.deepEqual([...new Set(messages.map(({ partition }) => partition))].sort(), [1, 2]);
  assert.equal(messages.find(({ partition }) => partition === 1)?.offset, 7);
  await listed.commit(messages);
  assert.deepEqual(stored(cluster, 'billing'), { 1: 25, 2: 25 });
  assert.equal(cluster.members('billing').length, 0);
});

test('setTopicPartitions replaces what is read, at any time', async t => {
  const { cluster, member } = await setting(t);
  cluster.createTopic('bills', 2);
  fill(cluster, 5, { topic: 'bills' });
  const consumer = member({ topics: undefined });
  await assert.rejects(consumer.getMessages(1), { code: 'TIDE_STATE' });
  await consumer.setTopicPartitions('orders');
  assert.equal((await consumer.getMessages(10, { timeoutMs: null })).length, 10);
  await consumer.setTopicPartitions('orders', 'bills');
  const bills: number[] = [];
  for await (const { topic } of consumer) if (topic === 'bills' && bills.push(1) === 5) break;
  assert.equal(cluster.members('billing').length, 1);
  await consumer.setTopicPartitions({ bills: 0 });
  const message = await consumer.nextMessage();
  assert.deepEqual([message.topic, message.partition], ['bills', 0]);
  await until(() => cluster.members('billing').length === 0);
  fill(cluster, 1, { from: 1000 });
  await consumer.setTopicPartitions(/^ord/);
  assert.equal((await consumer.nextMessage()).topic, 'orders');
  await assert.rejects(consumer.setTopicPartitions('orders', /x/), { code: 'TIDE_INPUT' });
  await assert.rejects(consumer.setTopicPartitions({ re2: 'x' }), { code: 'TIDE_OPTION' });
});

test('a read that waits in vain fails with TIDE_CONSUMER_TIMEOUT, from a call and from a loop; reading on is fine', async t => {
  const { cluster, member } = await setting(t);
  const consumer = member({ consumerTimeoutMs: 50 });
  assert.equal((await consumer.getMessages(100, { timeoutMs: null })).length, 100);
  await assert.rejects(consumer.nextMessage(), { code: 'TIDE_CONSUMER_TIMEOUT' });
  const loop = async () => {
    for await (const _ of consumer);
  };
  await assert.rejects(loop(), { code: 'TIDE_CONSUMER_TIMEOUT' });
  fill(cluster, 1, { from: 1000 });
  assert.equal(String((await consumer.nextMessage()).value), '1000');
});

test('it moves to the beginning, the end, and a time; where it stands can be seen', async t => {
  const { cluster, member } = await setting(t);
  const consumer = member({ autoCommit: false });
  assert.equal((await consumer.fetchMessages(10)).length > 0, true);
  await consumer.seekToEnd();
  assert.deepEqual(
    consumer.offsets().map(({ position }) => position),
    [25, 25, 25, 25],
  );
  cluster.append('orders', 2, [{ value: 'young', timestamp: Date.now() + 60_000 }]);
  assert.equal(`${(await consumer.nextMessage()).value}`, 'young');
  const place = { topic: 'orders', partition: 2 };
  await consumer.seekToBeginning([place]);
  assert.equal(consumer.position(place), 0);
  await consumer.seekToTime(Date.now() + 30_000);
  assert.deepEqual(
    consumer
      .offsets()
      .map(({ partition, position, done }) => [partition, position, done])
      .sort(),
    [0, 1, 2, 3].map(partition => [partition, 25, 25]),
  );
  await assert.rejects(consumer.seekToBeginning([{ topic: 'orders', partition: 9 }]), { code: 'TIDE_NOT_OWNED' });
  assert.equal((await consumer.fetchMessages())[0]?.offset, 25);
  assert.equal(consumer.offsets().find(({ partition }) => partition === 2)?.lag, 0);
});

for (const [options, code] of [
  [{ groupId: '' }, 'TIDE_OPTION'],
  [{ topics: [/a/, 'b'] }, 'TIDE_INPUT'],
  [{ topics: { re2: 'a' } }, 'TIDE_OPTION'],
  [{ assignors: ['fair'] }, 'TIDE_OPTION'],
  [{ groupId: undefined, autoCommit: true }, 'TIDE_OPTION'],
  [{ heartbeatMs: 6000 }, 'TIDE_OPTION'],
  [{ topics: [['orders', 1], { orders: [1] }] }, 'TIDE_INPUT'],
] as const) {
  test(`${JSON.stringify(options)} is refused at once`, async t => {
    const { member } = await setting(t);
    assert.throws(() => member(options as KafkaConsumerOptions), { code });
  });
}
