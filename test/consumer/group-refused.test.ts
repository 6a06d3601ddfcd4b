import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConsumerGroupHeartbeat, FindCoordinator, JoinGroup, OffsetFetch } from '../../src/protocol/index.js';
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
