import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coreOf, KafkaClient } from '../../src/client/client.js';
import { listOffsets, type OffsetQuestion } from '../../src/client/list-offsets.js';
import { SimpleProducer } from '../../src/producer/index.js';
import { ApiVersions, ListOffsets } from '../../src/protocol/index.js';
import { type KafkaVersion, kafkaTest } from '../kafka/kafka.js';
import { type ClientSettingOptions, clientSetting, rejection } from './setting.js';

/** Partition 0 holds offsets 3 to 9 of the times 1300 to 1900, partition 1 is empty, "audit" holds one message of the time 5000. */
async function logSetting(t: Parameters<typeof clientSetting>[0], options: ClientSettingOptions = {}) {
  const setting = await clientSetting(t, { topics: { orders: 2, audit: 1 }, ...options });
  const { cluster, core } = setting;
  for (let i = 0; i < 10; i++) cluster.append('orders', 0, [{ value: 'x', timestamp: 1000 + 100 * i }]);
  cluster.trim('orders', 0, 3);
  cluster.append('audit', 0, [{ value: 'x', timestamp: 5000 }]);
  const ask = (...questions: readonly OffsetQuestion[]) => listOffsets(core, questions, 'read_committed');
  return { ...setting, ask };
}

const at = (point: OffsetQuestion['at'], partition = 0, topic = 'orders'): OffsetQuestion => ({ topic, partition, at: point });
const time = (timestampMs: number) => ({ timestampMs });
const [first, last] = ListOffsets.versions;

for (let version = first; version <= last; version++) {
  test(`ListOffsets v${version}: ends and times, in the order asked`, async t => {
    const { cluster, ask } = await logSetting(t, { client: { apiVersions: { ListOffsets: version } } });
    assert.deepEqual(
      await ask(at('latest'), at('earliest', 1), at('latest', 0, 'audit'), at('latest', 1), at('earliest', 0, 'audit')),
      [10, 0, 1, 0, 0],
    );
    assert.deepEqual(await ask(at('earliest')), [3]);
    assert.deepEqual(await ask(at(time(1500))), [5]);
    assert.deepEqual(await ask(at(time(1501))), [6], 'the first message at or after it');
    assert.deepEqual(await ask(at(time(0))), [3]);
    assert.deepEqual(await ask(at(time(1901)), at(time(0), 1)), [undefined, undefined], 'none so young');
    for (const request of cluster.requests(ListOffsets)) {
      assert.equal(request.version, version);
      assert.equal(request.body.isolationLevel, version >= 2 ? 1 : 0);
      for (const { currentLeaderEpoch } of request.body.topics.flatMap(({ partitions }) => partitions))
        assert.equal(currentLeaderEpoch, version >= 4 ? 0 : -1);
    }
  });

  test(`ListOffsets v${version}: a leader that moved is followed, fenced or not`, async t => {
    const { cluster, ask } = await logSetting(t, { brokers: 2, client: { apiVersions: { ListOffsets: version } } });
    assert.deepEqual(await ask(at('latest')), [10]);
    cluster.moveLeader('orders', 0, 2);
    cluster.moveLeader('orders', 0, 1);
    cluster.moveLeader('orders', 0, 2);
    assert.deepEqual(await ask(at('latest'), at('latest', 1)), [10, 0]);
    cluster.moveLeader('orders', 0, 1);
    cluster.moveLeader('orders', 0, 2); // the same broker, but a later epoch
    assert.deepEqual(await ask(at('latest')), [10]);
  });
}

test('read_uncommitted asks for the very end', async t => {
  const { cluster, core } = await logSetting(t);
  assert.deepEqual(await listOffsets(core, [at('latest')], 'read_uncommitted'), [10]);
  assert.equal(cluster.requests(ListOffsets)[0]?.body.isolationLevel, 0);
});

test('one broker refuses: its error is thrown, with the place', async t => {
  const { cluster, ask } = await logSetting(t, { brokers: 2 });
  cluster.on(ListOffsets, { partition: 1 }).failOnce('TOPIC_AUTHORIZATION_FAILED');
  const error = await rejection(ask(at('latest'), at('latest', 1)));
  assert.equal(error.code, 'TOPIC_AUTHORIZATION_FAILED');
  assert.match(error.message, /list the offsets of orders\/1/);
  assert.deepEqual({ ...error.context }, { topic: 'orders', partition: 1 });
});

for (const code of ['OFFSET_NOT_AVAILABLE', 'LEADER_NOT_AVAILABLE', 'UNKNOWN_LEADER_EPOCH', 'KAFKA_STORAGE_ERROR'] as const) {
  test(`${code} passes: asked again`, async t => {
    const { cluster, ask } = await logSetting(t);
    cluster.on(ListOffsets).failTimes(2, code);
    assert.deepEqual(await ask(at('latest'), at('latest', 1)), [10, 0]);
    assert.equal(cluster.requests(ListOffsets).length, 3);
  });
}

test('many at once, while leaders move and a broker stops: every answer is right', async t => {
  const { cluster, core } = await clientSetting(t, { brokers: 3, topics: { orders: 6 } });
  for (let partition = 0; partition < 6; partition++)
    for (let i = 0; i < partition; i++) cluster.append('orders', partition, [{ value: 'x' }]);
  const questions = Array.from({ length: 6 }, (_, partition) => at('latest', partition));
  const asked = Array.from({ length: 10 }, () => listOffsets(core, questions, 'read_committed'));
  await cluster.nextRequest(ListOffsets);
  cluster.moveLeader('orders', 4, 1);
  await cluster.stopBroker(2);
  for (const offsets of await Promise.all(asked)) assert.deepEqual(offsets, [0, 1, 2, 3, 4, 5]);
});

for (const version of ['4.1.2', '1.1.1'] satisfies KafkaVersion[]) {
  kafkaTest(
    'ends and times in every version of ListOffsets',
    async (t, kafka) => {
      const topic = await kafka.createTopic({ partitions: 2 });
      const clientWith = (apiVersions: Record<string, number>) => {
        const client = new KafkaClient({ brokers: kafka.bootstrap, apiVersions });
        t.after(() => client.close());
        return client;
      };
      const client = clientWith({});
      const now = Date.now();
      const producer = new SimpleProducer(client);
      await producer.sendMany(Array.from({ length: 10 }, (_, i) => ({ topic, partition: 0, value: 'x', timestamp: now + 1000 * i })));
      const { apiKeys } = await client.request(ApiVersions, { clientSoftwareName: 'test', clientSoftwareVersion: '1' });
      const theirs = apiKeys.find(({ apiKey }) => apiKey === ListOffsets.key) ?? assert.fail();
      const versions = [];
      for (let pinned = Math.max(first, theirs.minVersion); pinned <= Math.min(last, theirs.maxVersion); pinned++) versions.push(pinned);
      t.diagnostic(`ListOffsets ${versions}`);
      for (const pinned of versions) {
        const core = coreOf(clientWith({ ListOffsets: pinned }));
        for (const isolation of ['read_committed', 'read_uncommitted'] as const) {
          const points = [at('latest', 0, topic), at('earliest', 0, topic), at('latest', 1, topic), at(time(now), 1, topic)];
          assert.deepEqual(await listOffsets(core, points, isolation), [10, 0, 0, undefined], `v${pinned}`);
          assert.deepEqual(await listOffsets(core, [at(time(now + 3500), 0, topic)], isolation), [4], `v${pinned}`);
          assert.deepEqual(await listOffsets(core, [at(time(now + 60_000), 0, topic)], isolation), [undefined], `v${pinned}`);
        }
      }
    },
    { version },
  );
}
