// How to test your own code against a Kafka that misbehaves on command: node --test dist/examples/unit-test.js
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaClient, KeyedProducer } from 'tidemark';
import { EmbeddedCluster } from 'tidemark/embedded';
import { Produce } from 'tidemark/protocol';

/** The code under test. */
async function placeOrder(client: KafkaClient, customer: string, item: string): Promise<void> {
  await using producer = new KeyedProducer(client);
  await producer.sendMessages('orders', customer, JSON.stringify({ item }));
}

test('an order is stored under its customer', async () => {
  await using cluster = await EmbeddedCluster.start({ topics: { orders: 1 } });
  await using client = new KafkaClient({ brokers: cluster.brokers });
  await placeOrder(client, 'customer-7', 'tea');
  const [record] = cluster.records('orders', 0);
  assert.equal(record?.key?.toString(), 'customer-7');
  assert.deepEqual(JSON.parse(String(record?.value)), { item: 'tea' });
});

test('an order survives a leader that moves', async () => {
  await using cluster = await EmbeddedCluster.start({ brokers: 2, topics: { orders: 1 } });
  await using client = new KafkaClient({ brokers: cluster.brokers });
  cluster.on(Produce).failOnce('NOT_LEADER_OR_FOLLOWER');
  await placeOrder(client, 'customer-7', 'tea');
  assert.equal(cluster.records('orders', 0).length, 1);
});
