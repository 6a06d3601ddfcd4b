import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { kcatConsume, kcatProduce } from '../support/kcat.js';
import { isAlive } from './class-path.js';
import { clusterTest, KAFKA_VERSIONS, KafkaCluster, kafkaTest, requireKafka, sharedKafka } from './kafka.js';
import { apiVersions } from './wire.js';

for (const version of KAFKA_VERSIONS) {
  kafkaTest(
    'a record that kcat writes is read back as it was',
    async (_, kafka) => {
      const { bootstrap } = kafka;
      const topic = await kafka.createTopic({ partitions: 2 });
      await kcatProduce({ bootstrap, topic, args: ['-p', '1'] }, [['key with : and tab\t', 'two\nlines'], 'only a value']);
      const records = await kcatConsume({ bootstrap, topic });
      assert.deepEqual(
        records.map(({ partition, offset, key, payload }) => ({ partition, offset, key, payload })),
        [
          { partition: 1, offset: 0, key: 'key with : and tab\t', payload: 'two\nlines' },
          { partition: 1, offset: 1, key: null, payload: 'only a value' },
        ],
      );
    },
    { version, kcat: true },
  );
}

kafkaTest('all who ask share the same brokers', async (_, kafka) => {
  assert.deepEqual((await sharedKafka()).bootstrap, kafka.bootstrap);
});

kafkaTest('a Java tool of the release answers on stdout', async (_, kafka) => {
  const topic = await kafka.createTopic({ partitions: 3, config: { 'retention.ms': 4_242_000 } });
  const description = await kafka.tool('org.apache.kafka.tools.TopicCommand', [
    '--bootstrap-server',
    kafka.bootstrapText,
    '--describe',
    '--topic',
    topic,
  ]);
  assert.match(description, /PartitionCount: 3\b.*retention\.ms=4242000/);
});

kafkaTest('a refused topic says why', async (_, kafka) => {
  await assert.rejects(kafka.createTopic({ name: 'not a topic name' }), /cannot create topic not a topic name: error 17 .*name/);
});

clusterTest(
  'three nodes lose one, go on, take it back, and leave nothing behind',
  async (_, kafka) => {
    const topic = await kafka.createTopic({ partitions: 1 });
    const [leader] = await kafka.leaders(topic);
    const victim = kafka.nodes.find(node => node.id === leader);
    assert.ok(victim);
    await victim.kill();
    assert.equal(victim.running, false);
    await assert.rejects(apiVersions(victim.port), /ECONNREFUSED/);
    await kcatProduce({ bootstrap: kafka.bootstrap, topic }, ['written without the first leader']); // waits for the new leader
    assert.notEqual((await kafka.leaders(topic))[0], leader);

    await victim.restart();
    await kafka.untilReady();
    assert.equal(kafka.nodes.filter(node => node.running).length, 3);
    assert.equal((await kcatConsume({ bootstrap: [victim.address], topic })).length, 1);

    victim.pause();
    await assert.rejects(apiVersions(victim.port, 300), /no answer within 300 ms/);
    victim.resume();
    await apiVersions(victim.port);

    const pids = kafka.nodes.flatMap(node => node.pid ?? []);
    assert.equal(pids.length, 3);
    await kafka.close();
    assert.deepEqual(pids.filter(isAlive), []);
    assert.equal(existsSync(kafka.directory), false);
  },
  { nodes: 3, kcat: true },
);

test('a broker that cannot start says what its log says, and where the logs are', async t => {
  const reason = requireKafka();
  if (reason) return t.skip(reason);
  const error = await KafkaCluster.start({ properties: { 'message.max.bytes': 'plenty' } }).catch((reason: unknown) => reason);
  assert.ok(error instanceof Error);
  assert.match(error.message, /Kafka 4\.1\.2 did not start.*Invalid value plenty for configuration message\.max\.bytes/s);
  const [, logs] = /logs are in (.+)/.exec(error.message) ?? [];
  assert.ok(logs && existsSync(logs));
  rmSync(logs, { recursive: true });
});
