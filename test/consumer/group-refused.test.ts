import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { KafkaConsumer } from '../../src/consumer/index.js';
import { ConsumerGroupHeartbeat, FindCoordinator, JoinGroup, Metadata, OffsetFetch } from '../../src/protocol/index.js';
import { until } from '../group/watched.js';
import { groupSetting, nextEvent } from './group-setting.js';
import { elsewhere } from './setting.js';

const refusal = { code: 'GROUP_AUTHORIZATION_FAILED', message: /billing/ };

for (const [api, groupProtocol] of [
  [FindCoordinator, 'classic'],
  [JoinGroup, 'classic'],
  [ConsumerGroupHeartbeat, 'consumer'],
] as const) {
  test(`a group that may not be used is one error for each read, and one question (${api.name})`, async t => {
    const { cluster, member } = await groupSetting(t);
    cluster
      .on<typeof FindCoordinator | typeof JoinGroup | typeof ConsumerGroupHeartbeat>(api)
      .failTimes(1000, 'GROUP_AUTHORIZATION_FAILED');
    const consumer = member({ groupProtocol });
    const asked = () => cluster.requests(api).length;
    const loop = async () => {
      for await (const _ of consumer) assert.fail('it may not');
    };
    await assert.rejects(loop(), refusal);
    const once = asked();
    await elsewhere(cluster);
    assert.equal(asked(), once, 'nothing is asked while nobody reads');
    await assert.rejects(consumer.getMessages(1, { timeoutMs: null }), refusal);
    assert.equal(asked(), once * 2);
    assert.ok(once <= 2, `${once}`);
    await consumer.close();
  });
}

test('offsets of a group that may not be read are told once for all partitions, and asked for again when they were', async t => {
  const { cluster, member } = await groupSetting(t);
  cluster.on(OffsetFetch).failTimes(1000, 'GROUP_AUTHORIZATION_FAILED');
  const consumer = member();
  const asked = () => cluster.requests(OffsetFetch).length;
  const assigned = nextEvent(consumer, 'assigned');
  await assert.rejects(consumer.getMessages(1, { timeoutMs: null }), refusal);
  assert.equal((await assigned).partitions.length, 4);
  const once = asked();
  await assert.rejects(consumer.getMessages(1, { timeoutMs: null }), refusal);
  assert.equal(asked(), once + 1, 'one question, one error');
});

for (const groupProtocol of ['classic', 'consumer', 'auto'] as const) {
  test(`a read that waits for a coordinator which cannot be had is told so after requestTimeoutMs, and the next one reads (${groupProtocol})`, async t => {
    const { cluster } = await groupSetting(t);
    let isAway = true;
    cluster.on(FindCoordinator, () => isAway).failTimes(100_000, 'COORDINATOR_NOT_AVAILABLE');
    const client = new KafkaClient({ brokers: cluster.brokers, requestTimeoutMs: 150, retry: { backoffMs: 5, maxBackoffMs: 20 } });
    t.after(() => client.close({ timeoutMs: 1000 }));
    const consumer = new KafkaConsumer(client, { topics: 'orders', groupId: 'billing', groupProtocol });
    const away = { code: 'COORDINATOR_NOT_AVAILABLE', retriable: true };
    await assert.rejects(consumer.getMessages(1, { timeoutMs: null }), away);
    await assert.rejects(consumer.nextMessage(), away);
    isAway = false;
    assert.equal((await consumer.nextMessage()).topic, 'orders');
    await consumer.close();
  });
}

for (const groupProtocol of ['classic', 'consumer'] as const) {
  test(`a member that is told for good what it may not read leaves: others have its partitions at once (${groupProtocol})`, async t => {
    const { cluster, member } = await groupSetting(t, { consumerSessionTimeoutMs: 300_000, consumerHeartbeatIntervalMs: 20 });
    const options = { groupProtocol, autoCommit: false, sessionTimeoutMs: 300_000 };
    const [first, second] = [member(options), member(options)];
    await first.getMessages(1, { timeoutMs: null });
    const joining = second.getMessages(1, { timeoutMs: null });
    await first.getMessages(100, { timeoutMs: null, block: 1 });
    await joining;
    cluster.on(Metadata, { topic: 'secret' }).failTimes(100_000, 'TOPIC_AUTHORIZATION_FAILED');
    await first.setTopicPartitions('orders', 'secret');
    await first.getMessages(1, { block: false }).catch(() => {}); // what it had is done
    await until('everything is with the other', () => second.assignment().length === 4);
    await assert.rejects(first.getMessages(1, { timeoutMs: null }), { code: 'TOPIC_AUTHORIZATION_FAILED' });
  });
}
