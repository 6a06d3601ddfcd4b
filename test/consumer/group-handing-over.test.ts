import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { KafkaConsumer } from '../../src/consumer/kafka-consumer.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { ConsumerGroupHeartbeat } from '../../src/protocol/index.js';
import { fill, until } from './setting.js';

test('what is in hand is not given away by a heartbeat that has other news (the new protocol)', async t => {
  const cluster = await EmbeddedCluster.start({ topics: { orders: 4 }, consumerHeartbeatIntervalMs: 20 });
  t.after(() => cluster.close());
  for (const partition of [0, 1, 2, 3]) fill(cluster, 25, { partition });
  const member = (clientId: string) => {
    const client = new KafkaClient({ brokers: cluster.brokers, clientId });
    t.after(() => client.close({ timeoutMs: 1000 }).catch(() => {}));
    return new KafkaConsumer(client, { topics: 'orders', groupId: 'billing', groupProtocol: 'consumer', autoCommit: false });
  };
  const [first, second] = [member('first'), member('second')];
  assert.equal((await first.getMessages(100, { timeoutMs: null })).length, 100);
  const joining = second.getMessages(1, { timeoutMs: null });
  await until(() => cluster.members('billing').find(({ clientId }) => clientId === 'first')?.partitions.length === 2);
  for (let i = 0; i < 3; i++) await cluster.nextRequest(ConsumerGroupHeartbeat, { clientId: 'first' }); // it has been told
  const news = cluster.nextRequest(ConsumerGroupHeartbeat, { clientId: 'first' });
  await first.setTopicPartitions('orders', 'bills');
  const { body } = await news;
  assert.deepEqual(
    body.topicPartitions?.flatMap(({ partitions }) => partitions),
    [0, 1, 2, 3],
  );
  for (let i = 0; i < 3; i++) await cluster.nextRequest(ConsumerGroupHeartbeat, { clientId: 'second' });
  assert.deepEqual(second.assignment(), []);
  await first.getMessages(1, { block: false }); // it is done with them
  await until(() => second.assignment().length === 2);
  assert.equal((await joining).length, 1);
});
