import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { Metadata } from '../../src/protocol/index.js';

test('partitions are counted and looked up, asked about when that is not known, or not known any more', async t => {
  const cluster = await EmbeddedCluster.start({ brokers: 2, topics: { orders: 3 } });
  t.after(() => cluster.close());
  await using client = new KafkaClient({ brokers: cluster.brokers, retry: { backoffMs: 5, maxBackoffMs: 10 } });
  assert.deepEqual(client.knownBrokers(), []);
  assert.equal(await client.partitionCount('orders'), 3);
  assert.equal(await client.partitionExists('orders', 2), true);
  assert.equal(cluster.requests(Metadata).length, 1);
  assert.equal(await client.partitionExists('orders', 3), false);
  assert.equal(await client.partitionExists('missing', 0), false);
  await assert.rejects(client.partitionCount('missing'), { code: 'UNKNOWN_TOPIC_OR_PARTITION', message: /topic missing/ });
  await assert.rejects(client.partitionCount('no/name'), { code: 'TIDE_INPUT' });
  await assert.rejects(client.partitionExists('orders', -1), { code: 'TIDE_INPUT' });
});

test('a partition that was added since is found', async t => {
  const cluster = await EmbeddedCluster.start({ topics: { orders: 2 } });
  t.after(() => cluster.close());
  await using client = new KafkaClient({ brokers: cluster.brokers, retry: { backoffMs: 5, maxBackoffMs: 10 } });
  cluster.on(Metadata).answer(async (_, proceed) => {
    const answer = await proceed();
    return answer && { ...answer, topics: answer.topics?.map(topic => ({ ...topic, partitions: topic.partitions?.slice(0, 1) })) };
  }, 1);
  assert.equal(await client.partitionCount('orders'), 1);
  assert.equal(await client.partitionExists('orders', 1), true);
});

test('the brokers of the cluster are known by id and by address', async t => {
  const cluster = await EmbeddedCluster.start({ brokers: 3 });
  t.after(() => cluster.close());
  await using client = new KafkaClient({ brokers: cluster.brokers[0] ?? '' });
  await client.connect();
  assert.deepEqual(
    client
      .knownBrokers()
      .map(({ host, port }) => `${host}:${port}`)
      .sort(),
    [...cluster.brokers].sort(),
  );
  const [{ id = -1, host = '', port = 0 } = {}] = client.knownBrokers();
  assert.deepEqual([client.isKnownBroker(id), client.isKnownBroker(`${host}:${port}`)], [true, true]);
  assert.deepEqual([client.isKnownBroker(99), client.isKnownBroker('elsewhere:9092')], [false, false]);
  assert.throws(() => client.isKnownBroker('no address'), { code: 'TIDE_INPUT' });
});
