import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConsumerGroupHeartbeat } from '../../src/protocol/index.js';
import { groupSetting } from './group-setting.js';

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
