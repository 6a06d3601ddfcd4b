import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorNumbers } from '../../src/base/broker-errors.js';
import { KafkaClient } from '../../src/client/client.js';
import { KafkaConsumer } from '../../src/consumer/kafka-consumer.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { ConsumerGroupHeartbeat, Metadata } from '../../src/protocol/index.js';
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

test('a member of the new protocol is given what an answer has told it that was lost', async t => {
  const cluster = await EmbeddedCluster.start({ topics: { orders: 4 }, consumerHeartbeatIntervalMs: 20 });
  t.after(() => cluster.close());
  for (const partition of [0, 1, 2, 3]) fill(cluster, 25, { partition });
  const member = (clientId: string) => {
    const client = new KafkaClient({ brokers: cluster.brokers, clientId, retry: { backoffMs: 5, maxBackoffMs: 20 } });
    t.after(() => client.close({ timeoutMs: 1000 }).catch(() => {}));
    return new KafkaConsumer(client, { topics: 'orders', groupId: 'billing', groupProtocol: 'consumer', autoCommit: false });
  };
  const [first, second] = [member('first'), member('second')];
  await first.getMessages(100, { timeoutMs: null });
  let lost = 0;
  const ofSecond = ({ clientId }: { readonly clientId: string | null }) => clientId === 'second';
  cluster.on(ConsumerGroupHeartbeat, ofSecond).answer(async (_, next) => {
    const answer = await next();
    const gives = answer?.assignment?.topicPartitions.some(({ partitions }) => partitions.length > 0);
    if (answer === undefined || !gives || lost++ > 0) return answer;
    return { ...answer, errorCode: errorNumbers.COORDINATOR_NOT_AVAILABLE, assignment: null };
  }, Number.POSITIVE_INFINITY);
  const given = second.getMessages(50, { timeoutMs: null });
  await until(() => cluster.members('billing').length === 2);
  await first.getMessages(1, { block: false }); // it is done with what the second is to have
  const partitions = new Set((await given).map(({ partition }) => partition));
  assert.equal(partitions.size, 2);
  assert.ok(lost > 0);
  assert.equal(cluster.requests(ConsumerGroupHeartbeat).filter(({ body }) => body.memberEpoch === 0).length, 2, 'each has joined once');
});

test('a member of the new protocol is given topics that it cannot name yet as soon as it can', async t => {
  const cluster = await EmbeddedCluster.start({ topics: { orders: 1 }, consumerHeartbeatIntervalMs: 20 });
  t.after(() => cluster.close());
  fill(cluster, 5);
  const client = new KafkaClient({ brokers: cluster.brokers, retry: { attempts: 2, backoffMs: 5, maxBackoffMs: 20 } });
  t.after(() => client.close({ timeoutMs: 1000 }).catch(() => {}));
  let knows = false;
  cluster
    .on(Metadata, () => !knows)
    .answer(async (_, next) => {
      const answer = await next();
      return answer && { ...answer, topics: [] };
    }, Number.POSITIVE_INFINITY);
  const consumer = new KafkaConsumer(client, { topics: { re2: 'orders' }, groupId: 'billing', groupProtocol: 'consumer' });
  const rebalanced = new Promise<readonly unknown[]>(resolve => consumer.once('rebalance', ({ partitions }) => resolve(partitions)));
  const reading = consumer.getMessages(5, { timeoutMs: null });
  assert.deepEqual(await rebalanced, []);
  knows = true;
  assert.equal((await reading).length, 5);
});
