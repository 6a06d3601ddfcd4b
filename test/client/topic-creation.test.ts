import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { SimpleConsumer } from '../../src/consumer/index.js';
import { KeyedProducer } from '../../src/producer/index.js';
import { Metadata } from '../../src/protocol/index.js';
import { clusterTest, uniqueName } from '../kafka/kafka.js';
import { clientSetting, rejection } from './setting.js';

for (const emulate of ['4.1', '2.8', '1.1'] as const) {
  test(`allowAutoTopicCreation: a topic that is produced to is created, and waited for (as Kafka ${emulate})`, async t => {
    const { cluster, client } = await clientSetting(t, {
      autoCreateTopics: true,
      defaultPartitions: 3,
      emulate,
      client: { allowAutoTopicCreation: true },
    });
    const results = await new KeyedProducer(client).sendMessages('fresh', 'k', 'a', 'b');
    assert.deepEqual(
      results.map(({ offset }) => offset),
      [0, 1],
    );
    assert.equal(cluster.topics.get('fresh'), 3);
    assert.ok(cluster.requests(Metadata).every(({ body }) => body.allowAutoTopicCreation));
  });
}

test('a topic that is being created waits for a leader', async t => {
  const { cluster, client } = await clientSetting(t, { autoCreateTopics: true, client: { allowAutoTopicCreation: true } });
  cluster.on(Metadata, { topic: 'fresh' }).failTimes(3, 'LEADER_NOT_AVAILABLE');
  const [result] = await new KeyedProducer(client).sendMessages('fresh', 'k', 'a');
  assert.equal(result?.offset, 0);
});

test('a topic that is read from is created too', async t => {
  const { cluster, client } = await clientSetting(t, { autoCreateTopics: true, client: { allowAutoTopicCreation: true } });
  const consumer = new SimpleConsumer(client, { topic: 'fresh' });
  assert.deepEqual(await consumer.getMessages(1, { block: false }), []);
  assert.equal(cluster.topics.get('fresh'), 1);
});

test('without it, the default, a topic that does not exist is a typed error, and none is created though the broker would', async t => {
  const { cluster, client } = await clientSetting(t, { autoCreateTopics: true });
  const error = await rejection(new KeyedProducer(client).sendMessages('fresh', 'k', 'a'));
  assert.equal(error.code, 'UNKNOWN_TOPIC_OR_PARTITION');
  const read = await rejection(new SimpleConsumer(client, { topic: 'fresh' }).getMessages(1));
  assert.equal(read.code, 'UNKNOWN_TOPIC_OR_PARTITION');
  assert.equal((await client.metadata(['fresh'])).topics.get('fresh')?.errorCode, 3);
  assert.deepEqual([...cluster.topics.keys()], ['orders']);
});

test('a broker that does not create topics: a typed error, also with it', async t => {
  const { cluster, client } = await clientSetting(t, { autoCreateTopics: false, client: { allowAutoTopicCreation: true } });
  const error = await rejection(new KeyedProducer(client).sendMessages('fresh', 'k', 'a'));
  assert.equal(error.code, 'UNKNOWN_TOPIC_OR_PARTITION');
  assert.ok(!cluster.topics.has('fresh'));
});

clusterTest(
  'allowAutoTopicCreation decides, where the broker would create topics',
  async (t, kafka) => {
    const clientWith = (allowAutoTopicCreation: boolean) => {
      const client = new KafkaClient({ brokers: kafka.bootstrap, allowAutoTopicCreation });
      t.after(() => client.close());
      return client;
    };
    const [fresh, never] = [uniqueName('fresh'), uniqueName('never')];
    const off = clientWith(false);
    const error = await rejection(new KeyedProducer(off, { retry: { attempts: 3 } }).sendMessages(never, 'k', 'a'));
    assert.equal(error.code, 'UNKNOWN_TOPIC_OR_PARTITION');
    const [result] = await new KeyedProducer(clientWith(true)).sendMessages(fresh, 'k', 'a');
    assert.equal(result?.offset, 0);
    const { topics } = await off.metadata();
    assert.equal(topics.get(fresh)?.partitions.length, 2);
    assert.ok(!topics.has(never));
  },
  { properties: { 'auto.create.topics.enable': true, 'num.partitions': 2 } },
);
