import assert from 'node:assert/strict';
import { Admin, type TransactionDescription } from '../../src/admin/index.js';
import { KafkaError, PartialError } from '../../src/base/errors.js';
import { KafkaClient } from '../../src/client/client.js';
import { KeyedProducer } from '../../src/producer/index.js';
import { rejection } from '../client/setting.js';
import { poll } from '../kafka/handle.js';
import { type KafkaVersion, kafkaTest, uniqueName } from '../kafka/kafka.js';

for (const [version, nodes] of [
  ['4.1.2', 3],
  ['3.9.2', 1],
] satisfies [KafkaVersion, number][]) {
  kafkaTest(
    'producers and transactions are described and listed',
    async (t, kafka) => {
      const client = new KafkaClient({ brokers: kafka.bootstrap });
      t.after(() => client.close());
      const admin = new Admin(client);
      const topic = await kafka.createTopic({ partitions: 2 });
      const ids = [uniqueName('open'), uniqueName('done'), uniqueName('nobody')] as const;
      const [open, done, nobody] = ids;
      const producers = [open, done].map(transactionalId => new KeyedProducer(client, { transactionalId, transactionTimeoutMs: 50_000 }));
      const before = Date.now();
      for (const producer of producers) {
        await producer.begin();
        for (const partition of [0, 1]) await producer.send({ topic, partition, value: 'a' });
      }
      await producers[0]?.sendOffsets(uniqueName('billing'), [{ topic, partition: 0, offset: 1 }]);
      await producers[1]?.commit();
      await poll('the end of a transaction', 30_000, async () => (await admin.describeTransactions(done))[0]?.state === 'CompleteCommit');

      const error = await rejection(admin.describeTransactions(ids));
      assert.ok(error instanceof PartialError);
      const [first, second, third] = error.results as readonly (TransactionDescription | KafkaError)[];
      assert.ok(first !== undefined && !(first instanceof KafkaError) && second !== undefined && !(second instanceof KafkaError));
      assert.ok(third instanceof KafkaError);
      assert.deepEqual([error.code, third.code, third.context['transactionalId']], [third.code, 'TRANSACTIONAL_ID_NOT_FOUND', nobody]);
      assert.deepEqual(
        [first.transactionalId, first.state, first.transactionTimeoutMs, second.state, second.topicPartitions],
        [open, 'Ongoing', 50_000, 'CompleteCommit', []],
      );
      const began = first.transactionStartTimeMs ?? 0;
      assert.ok(began >= before - 1000 && began <= Date.now() + 1000, `${began}`);
      assert.deepEqual(first.topicPartitions.map(place => (place.topic === topic ? place.partition : place.topic)).sort(), [
        0,
        1,
        '__consumer_offsets',
      ]);

      const described = await admin.describeProducers([1, 0].map(partition => ({ topic, partition })));
      assert.deepEqual(
        described.map(({ partition, producers: known }) => [partition, known.length]),
        [
          [1, 2],
          [0, 2],
        ],
      );
      const stateOf = (producerId: number) => described[1]?.producers.find(known => known.producerId === producerId);
      const [writing, ended] = [stateOf(first.producerId), stateOf(second.producerId)];
      assert.deepEqual([writing?.currentTransactionStartOffset, writing?.lastSequence, writing?.coordinatorEpoch], [0, 0, undefined]);
      assert.equal(ended?.currentTransactionStartOffset, undefined);
      assert.ok((ended?.coordinatorEpoch ?? -1) >= 0);

      const listed = async (...options: Parameters<Admin['listTransactions']>) =>
        (await admin.listTransactions(...options)).flatMap(({ transactionalId, producerId, state, coordinatorId }) =>
          transactionalId === open || transactionalId === done ? [[transactionalId, producerId, state, coordinatorId]] : [],
        );
      const lineOf = ({ transactionalId, producerId, state, coordinatorId }: TransactionDescription) => [
        transactionalId,
        producerId,
        state,
        coordinatorId,
      ];
      assert.deepEqual(await listed(), [lineOf(second), lineOf(first)]); // "done" before "open"
      assert.deepEqual(await listed({ states: ['Ongoing', 'Empty'] }), [lineOf(first)]);
      assert.deepEqual(await listed({ producerIds: [second.producerId] }), [lineOf(second)]);
      assert.deepEqual(await listed({ states: ['Ongoing'], longerThanMs: 3_600_000 }), []);
      await poll('a transaction of a second', 30_000, async () => (await listed({ states: ['Ongoing'], longerThanMs: 1000 })).length === 1);
      await producers[0]?.abort();
    },
    { version, nodes },
  );
}
