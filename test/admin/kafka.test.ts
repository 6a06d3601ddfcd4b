import assert from 'node:assert/strict';
import { Admin, type CreatedTopic, type TopicResult } from '../../src/admin/index.js';
import { PartialError } from '../../src/base/errors.js';
import { ZERO_UUID } from '../../src/bytes/reader.js';
import { KafkaClient } from '../../src/client/client.js';
import { KeyedProducer } from '../../src/producer/index.js';
import { rejection } from '../client/setting.js';
import { type KafkaVersion, kafkaTest, uniqueName } from '../kafka/kafka.js';

for (const version of ['4.1.2', '1.1.1'] satisfies KafkaVersion[]) {
  kafkaTest(
    'topics are created, listed, described and deleted, with a result for each',
    async (t, kafka) => {
      const client = new KafkaClient({ brokers: kafka.bootstrap });
      t.after(() => client.close());
      const admin = new Admin(client);
      const [one, two, three, wide] = ['one', 'two', 'three', 'wide'].map(stem => uniqueName(stem)) as [string, string, string, string];
      const knowsIds = version !== '1.1.1';

      const [created] = await admin.createTopics({ name: one, partitions: 3, configs: { 'cleanup.policy': 'compact' } });
      assert.deepEqual([created?.name, created?.error, created?.partitions], [one, undefined, knowsIds ? 3 : -1]);
      assert.equal(created?.id === ZERO_UUID, !knowsIds);
      // At once, without a wait: it has leaders.
      assert.equal((await new KeyedProducer(client, { retry: { attempts: 1 } }).sendMessages(one, 'k', 'a'))[0]?.offset, 0);

      const error = await rejection(
        admin.createTopics([
          { name: two },
          { name: one },
          { name: wide, replicationFactor: 3 },
          { name: three, configs: { 'no.such.config': 1 } },
        ]),
      );
      assert.ok(error instanceof PartialError);
      assert.deepEqual(
        (error.results as readonly CreatedTopic[]).map(({ name, error: reason }) => [name, reason?.code]),
        [
          [two, undefined],
          [one, 'TOPIC_ALREADY_EXISTS'],
          [wide, 'INVALID_REPLICATION_FACTOR'],
          [three, 'INVALID_CONFIG'],
        ],
      );
      await admin.createTopics({ name: three }, { validateOnly: true });

      const listed = (await admin.listTopics()).filter(({ name }) => [one, two, three, wide].includes(name));
      assert.deepEqual(
        listed.map(({ name, partitionCount }) => [name, partitionCount]),
        [
          [one, 3],
          [two, knowsIds ? 3 : 1], // the broker's own number, where it can be asked to use it
        ],
      );
      const [described] = await admin.describeTopics([one]);
      assert.deepEqual(
        described?.partitions.map(({ partition, leader, isr }) => [partition, leader >= 0, isr.length]),
        [
          [0, true, 1],
          [1, true, 1],
          [2, true, 1],
        ],
      );
      assert.equal((await rejection(admin.describeTopics([three]))).code, 'UNKNOWN_TOPIC_OR_PARTITION');

      const gone = await rejection(admin.deleteTopics([one, three, two]));
      assert.ok(gone instanceof PartialError);
      assert.deepEqual(
        (gone.results as readonly TopicResult[]).map(({ error: reason }) => reason?.code),
        [undefined, 'UNKNOWN_TOPIC_OR_PARTITION', undefined],
      );
      assert.deepEqual(
        (await admin.listTopics()).filter(({ name }) => [one, two, three, wide].includes(name)),
        [],
      );
    },
    { version },
  );
}
