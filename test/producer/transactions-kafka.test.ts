import assert from 'node:assert/strict';
import { KafkaClient } from '../../src/client/client.js';
import { KeyedProducer, withTransaction } from '../../src/producer/index.js';
import { type KafkaVersion, kafkaTest, uniqueName } from '../kafka/kafka.js';
import { kcatConsume } from '../support/kcat.js';

for (const version of ['4.3.1', '4.1.2', '3.9.2', '2.8.2', '1.1.1'] satisfies KafkaVersion[]) {
  kafkaTest(
    'transactions: kcat sees what was committed, and never what was aborted or fenced',
    async (t, kafka) => {
      const client = new KafkaClient({ brokers: kafka.bootstrap });
      t.after(() => client.close());
      const topic = await kafka.createTopic({ partitions: 3 });
      const input = await kafka.createTopic({ partitions: 1 });
      const groupId = uniqueName('readers');
      const group = client.offsetCoordinator({ groupId });
      const options = { transactionalId: uniqueName('billing') };
      const producer = new KeyedProducer(client, options);

      const committed: string[] = [];
      for (let round = 0; round < 12; round++) {
        const values = Array.from({ length: 50 }, (_, i) => `${round}-${i}`);
        const aborted = round % 3 === 1;
        const work = withTransaction(producer, async tx => {
          await tx.sendMany(values.map(value => ({ topic, key: value, value })));
          await tx.sendOffsets(groupId, [{ topic: input, partition: 0, offset: round + 1 }]);
          if (aborted) throw new Error('changed my mind');
        });
        if (aborted) await assert.rejects(work, /changed my mind/);
        else {
          await work;
          committed.push(...values);
          // Before Kafka 2.5 nobody says that the markers are not there yet (KIP-447).
          let stored = await group.offset(input, 0);
          while (version === '1.1.1' && stored?.offset !== round + 1) stored = await group.offset(input, 0);
          assert.equal(stored?.offset, round + 1);
        }
      }

      await producer.begin();
      await producer.send({ topic, key: 'k', value: 'zombie' });
      const newer = new KeyedProducer(client, options);
      await newer.begin();
      await newer.send({ topic, key: 'k', value: 'alive' });
      committed.push('alive');
      await assert.rejects(producer.commit(), { code: 'TIDE_FENCED' });
      await newer.commit();

      const records = await kcatConsume({ bootstrap: kafka.bootstrap, topic, args: ['-X', 'isolation.level=read_committed'] });
      assert.deepEqual(records.map(({ payload }) => payload).sort(), committed.sort());
    },
    { version, kcat: true },
  );
}
