import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fetch, Heartbeat, JoinGroup, OffsetFetch } from '../../src/protocol/index.js';
import { groupSetting, nextEvent } from './group-setting.js';

/*
 * The first read finds out what is to be read. Meanwhile, or while it waits for messages, that may come to nothing: then the same read, or the
 * next, finds it out anew.
 */

const other = { topic: 'orders', partition: 1 };
const patiently = { timeoutMs: null };

test('a member that is fenced while its offsets are looked for joins again with the next read', async t => {
  const { cluster, member } = await groupSetting(t);
  const offsets = cluster.on(OffsetFetch).hold();
  const consumer = member({ groupInstanceId: 'first' });
  const read = consumer.getMessages(1, patiently);
  await offsets.held;
  const lost = nextEvent(consumer, 'lost');
  cluster.on(Heartbeat).failOnce('FENCED_INSTANCE_ID');
  await lost;
  offsets.release();
  await assert.rejects(read, { code: 'FENCED_INSTANCE_ID' });
  assert.equal((await consumer.getMessages(1, patiently)).length, 1);
  await consumer.close();
});

test('partitions that are replaced while their offsets are looked for: the same read waits for the others', async t => {
  const { cluster, member } = await groupSetting(t);
  const offsets = cluster.on(OffsetFetch).hold();
  const consumer = member({ topics: [{ topic: 'orders', partition: 0 }] });
  const read = consumer.getMessages(1, patiently);
  await offsets.held;
  await consumer.setTopicPartitions(other);
  offsets.release();
  assert.deepEqual(
    (await read).map(({ partition }) => partition),
    [1],
  );
  await consumer.close();
});

test('a subscription that is replaced while the group is joined: the same read waits for what is listed instead', async t => {
  const { cluster, member } = await groupSetting(t);
  const joining = cluster.on(JoinGroup).hold();
  const consumer = member();
  const read = consumer.getMessages(1, patiently);
  await joining.held;
  await consumer.setTopicPartitions(other);
  assert.deepEqual(
    (await read).map(({ partition }) => partition),
    [1],
  );
  await consumer.close();
  joining.release();
});

for (const topics of [['empty'], [{ topic: 'empty', partition: 0 }]])
  test(`what is read is replaced while a call, or a loop, waits for messages (${typeof topics[0]})`, async t => {
    const { cluster, member } = await groupSetting(t, { topics: { orders: 4, empty: 1 } });
    const caller = member({ topics });
    const read = caller.getMessages(1, patiently);
    await cluster.nextRequest(Fetch); // it finds nothing
    await caller.setTopicPartitions(other);
    assert.deepEqual(
      (await read).map(({ partition }) => partition),
      [1],
    );
    await caller.close();
    const looping = member({ topics });
    const loop = looping.messages();
    const next = loop.next();
    await cluster.nextRequest(Fetch); // it finds nothing
    await looping.setTopicPartitions(other);
    assert.equal((await next).value?.partition, 1);
    await loop.return?.();
    await looping.close();
  });
