import assert from 'node:assert/strict';
import { Admin, type ElectionResult, type PartitionReassignment, type PartitionResult } from '../../src/admin/index.js';
import { PartialError } from '../../src/base/errors.js';
import { KafkaClient } from '../../src/client/client.js';
import { rejection } from '../client/setting.js';
import { poll } from '../kafka/handle.js';
import { clusterTest, type KafkaVersion, kafkaTest, uniqueName } from '../kafka/kafka.js';

const told = (results: readonly (ElectionResult | PartitionResult)[]) =>
  results.map(result => [result.partition, result.error?.code ?? ('elected' in result ? result.elected : undefined)]);
const resultsOf = <R>(error: Error): readonly R[] => {
  assert.ok(error instanceof PartialError, error.message);
  return error.results as readonly R[];
};

clusterTest(
  'leaders are elected and partitions moved, with a result for each',
  async (t, kafka) => {
    const client = new KafkaClient({ brokers: kafka.bootstrap });
    t.after(() => client.close());
    const admin = new Admin(client);
    const topic = uniqueName('moved');
    const assignments = [
      [1, 2],
      [3, 2],
      [3, 1],
    ];
    await admin.createTopics({ name: topic, assignments, configs: { 'min.insync.replicas': 1 } });
    const at = (partition: number) => ({ topic, partition });
    const seen = async (partition: number) => (await admin.describeTopics(topic))[0]?.partitions[partition];
    const settled = () => poll('moves that are over', 60_000, async () => (await admin.listPartitionReassignments()).length === 0);
    /** The controller is ahead of the broker that describes. */
    const untilSeen = (partition: number, leader: number, replicas: readonly number[]) =>
      poll(`${leader} to lead ${partition} of ${replicas}`, 30_000, async () => {
        const found = await seen(partition);
        return found?.leader === leader && found.replicas.join() === replicas.join();
      });
    for (const partition of [0, 1, 2]) await client.produce(topic, partition, 'before');

    // The same brokers in another order: nothing is copied, who leads leads on, and another one is preferred.
    await admin.alterPartitionReassignments({ ...at(0), replicas: [2, 1] });
    await settled();
    await untilSeen(0, 1, [2, 1]);
    assert.deepEqual(told(await admin.electLeaders('preferred', [at(1), at(0)])), [
      [1, false],
      [0, true],
    ]);
    await untilSeen(0, 2, [2, 1]);
    assert.deepEqual(await admin.electLeaders('preferred', 'all'), []);
    await client.produce(topic, 0, 'after');

    await admin.alterPartitionReassignments({ ...at(0), replicas: [3] });
    await settled();
    await untilSeen(0, 3, [3]);
    assert.deepEqual(
      (await client.fetch(topic, 0, 0)).messages.map(({ value }) => String(value)),
      ['before', 'after'],
    );

    const refused = await rejection(
      admin.alterPartitionReassignments([
        { ...at(0), replicas: [9] },
        { ...at(1), replicas: null },
        { ...at(7), replicas: [1] },
        { ...at(2), replicas: [1] },
      ]),
    );
    assert.deepEqual(told(resultsOf<PartitionResult>(refused)), [
      [0, 'INVALID_REPLICA_ASSIGNMENT'],
      [1, 'NO_REASSIGNMENT_IN_PROGRESS'],
      [7, 'UNKNOWN_TOPIC_OR_PARTITION'],
      [2, undefined],
    ]);
    await settled();

    // A broker that is gone: moves to it do not end, and can be left.
    await kafka.nodes[1]?.kill();
    await poll('a cluster that has noticed', 60_000, async () => (await seen(1))?.isr.join() === '3');
    await admin.alterPartitionReassignments({ ...at(2), replicas: [2] });
    const moving: PartitionReassignment[] = [{ ...at(2), replicas: [2, 1], addingReplicas: [2], removingReplicas: [1] }];
    assert.deepEqual(await admin.listPartitionReassignments([at(0), at(2)]), moving);
    assert.deepEqual(await admin.listPartitionReassignments(at(0)), []);
    await admin.alterPartitionReassignments({ ...at(2), replicas: null });
    assert.deepEqual(await admin.listPartitionReassignments(), []);
    await admin.alterPartitionReassignments({ ...at(1), replicas: [2, 3] });
    const absent = await rejection(admin.electLeaders('preferred', [at(1), at(8)]));
    assert.deepEqual(told(resultsOf<ElectionResult>(absent)), [
      [1, 'PREFERRED_LEADER_NOT_AVAILABLE'],
      [8, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ]);

    // Partition 1 is in sync on broker 3 alone. That one goes, and broker 2 comes back without what it has missed.
    await client.produce(topic, 1, 'lost');
    await kafka.nodes[2]?.kill();
    await kafka.nodes[1]?.restart();
    await poll('partitions without leaders', 60_000, async () => (await seen(1))?.leader === -1 && (await seen(0))?.leader === -1);
    const unclean = await rejection(admin.electLeaders('unclean', [at(0), at(1)]));
    assert.deepEqual(told(resultsOf<ElectionResult>(unclean)), [
      [0, 'ELIGIBLE_LEADERS_NOT_AVAILABLE'],
      [1, true],
    ]);
    await untilSeen(1, 2, [2, 3]);
    assert.deepEqual(
      (await client.fetch(topic, 1, 0)).messages.map(({ value }) => String(value)),
      ['before'],
    );
  },
  { nodes: 3 },
);

const tooOld: Readonly<Partial<Record<KafkaVersion, Readonly<Record<string, string>>>>> = {
  '1.1.1': {
    preferred: 'Kafka 2.2',
    unclean: 'Kafka 2.4',
    reassign: 'Kafka 2.4',
    moves: 'Kafka 2.4',
    producers: 'Kafka 2.8',
    transaction: 'Kafka 3.0',
    transactions: 'Kafka 3.0',
    long: 'Kafka 3.8',
  },
  '2.8.2': { transaction: 'Kafka 3.0', transactions: 'Kafka 3.0', long: 'Kafka 3.8' },
};
for (const version of ['1.1.1', '2.8.2'] satisfies KafkaVersion[]) {
  kafkaTest(
    'what a release does not have is TIDE_UNSUPPORTED and names the one that does; the rest works',
    async (t, kafka) => {
      const client = new KafkaClient({ brokers: kafka.bootstrap });
      t.after(() => client.close());
      const admin = new Admin(client);
      const topic = await kafka.createTopic();
      const place = { topic, partition: 0 };
      const calls: Readonly<Record<string, () => Promise<unknown>>> = {
        preferred: () => admin.electLeaders('preferred', place),
        unclean: () => admin.electLeaders('unclean', place),
        reassign: () => admin.alterPartitionReassignments({ ...place, replicas: [1] }),
        moves: () => admin.listPartitionReassignments(place),
        producers: () => admin.describeProducers(place),
        transaction: () => admin.describeTransactions('nobody'),
        transactions: () => admin.listTransactions(),
        long: () => admin.listTransactions({ longerThanMs: 1 }),
      };
      const needed: Record<string, unknown> = {};
      for (const [name, call] of Object.entries(calls)) {
        const error = await call().then(
          () => undefined,
          rejected => rejected,
        );
        if (error === undefined) continue;
        assert.equal(error.code, 'TIDE_UNSUPPORTED', `${name}: ${error.message}`);
        needed[name] = error.context.needs;
        assert.ok(error.message.includes(`needs ${error.context.needs} or newer (KIP-`), error.message);
      }
      assert.deepEqual(needed, tooOld[version]);
    },
    { version },
  );
}
