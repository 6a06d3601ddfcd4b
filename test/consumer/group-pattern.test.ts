import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { KafkaConsumer } from '../../src/consumer/kafka-consumer.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { protocolOptions } from '../group/protocol-options.js';
import { fill } from './setting.js';

for (const groupProtocol of ['classic', 'consumer'] as const) {
  test(`a topic that matches the pattern of a member is read when it is created later (groupProtocol: ${groupProtocol})`, async t => {
    const cluster = await EmbeddedCluster.start({ topics: { orders: 1 }, consumerHeartbeatIntervalMs: 20 });
    const client = new KafkaClient({ brokers: cluster.brokers, metadataMaxAgeMs: 50 });
    t.after(async () => {
      await client.close({ timeoutMs: 1000 }).catch(() => {});
      await cluster.close();
    });
    fill(cluster, 1);
    const consumer = new KafkaConsumer(
      client,
      protocolOptions({ topics: /^(orders|bills)/, groupId: 'billing', groupProtocol, heartbeatMs: 20 }),
    );
    assert.equal((await consumer.nextMessage()).topic, 'orders');
    cluster.createTopic('bills', 1);
    fill(cluster, 1, { topic: 'bills' });
    assert.equal((await consumer.nextMessage()).topic, 'bills');
  });

  test(`a topic that a member names is read when it is created later (groupProtocol: ${groupProtocol})`, async t => {
    const cluster = await EmbeddedCluster.start({ topics: { orders: 1 }, consumerHeartbeatIntervalMs: 20 });
    const client = new KafkaClient({ brokers: cluster.brokers, metadataMaxAgeMs: 50 });
    t.after(async () => {
      await client.close({ timeoutMs: 1000 }).catch(() => {});
      await cluster.close();
    });
    const topics = ['bills', 'orders'];
    const consumer = new KafkaConsumer(client, protocolOptions({ topics, groupId: 'billing', groupProtocol, heartbeatMs: 20 }));
    fill(cluster, 1);
    assert.equal((await consumer.nextMessage()).topic, 'orders');
    cluster.createTopic('bills', 1);
    fill(cluster, 1, { topic: 'bills' });
    assert.equal((await consumer.nextMessage()).topic, 'bills');
  });
}
