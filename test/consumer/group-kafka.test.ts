import assert from 'node:assert/strict';
import { KafkaClient } from '../../src/client/client.js';
import { KafkaConsumer } from '../../src/consumer/index.js';
import { KeyedProducer } from '../../src/producer/index.js';
import { protocolOptions } from '../group/protocol-options.js';
import { until } from '../group/watched.js';
import { findProgram } from '../kafka/availability.js';
import { type KafkaVersion, kafkaTest, uniqueName } from '../kafka/kafka.js';
import { GuardedProcess } from '../kafka/process.js';

const COUNT = 3000;
const PARTITIONS = 6;

const kinds: readonly (readonly [version: KafkaVersion, groupProtocol: 'classic' | 'consumer'])[] = [
  ['4.3.1', 'consumer'],
  ['4.1.2', 'consumer'],
  ['4.1.2', 'classic'],
  ['2.8.2', 'classic'],
  ['1.1.1', 'classic'],
];

for (const [version, groupProtocol] of kinds) {
  kafkaTest(
    `members come and go while they read (${groupProtocol}): each message is done once, in order, and what is committed is what is done`,
    async (t, kafka) => {
      const topic = await kafka.createTopic({ partitions: PARTITIONS });
      const groupId = uniqueName('group');
      const clientOf = (): KafkaClient => {
        const client = new KafkaClient({ brokers: kafka.bootstrap });
        t.after(() => client.close({ timeoutMs: 1000 }).catch(() => {}));
        return client;
      };
      const client = clientOf();
      const values = Array.from({ length: COUNT }, (_, i) => ({ topic, key: `${i % 50}`, value: `${i}` }));
      await new KeyedProducer(client).sendMany(values);
      const done = new Map<string, number>();
      const next = new Map<number, number>();
      const member = () => {
        const times = { heartbeatMs: 100, sessionTimeoutMs: 6000 };
        const consumer = new KafkaConsumer(clientOf(), protocolOptions({ topics: [topic], groupId, groupProtocol, ...times }));
        const work = (async () => {
          for await (const { partition, offset, value } of consumer) {
            assert.equal(offset, next.get(partition) ?? 0, `partition ${partition}`);
            next.set(partition, offset + 1);
            done.set(`${value}`, (done.get(`${value}`) ?? 0) + 1);
            if (done.size % 10 === 0) await new Promise(setImmediate);
          }
        })();
        return { consumer, work };
      };
      const first = member();
      await until('the first reads', () => done.size > 100);
      const second = member();
      await until('the second has its share', () => second.consumer.assignment().length === PARTITIONS / 2 || done.size === COUNT);
      await first.consumer.close();
      await first.work;
      const third = member();
      await until('all is done', () => done.size === COUNT);
      await Promise.all([second, third].map(({ consumer }) => consumer.close()));
      await Promise.all([second.work, third.work]);
      assert.deepEqual([...new Set(done.values())], [1]);
      const ends = await client
        .offsetCoordinator({ groupId })
        .offsets(Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition })));
      assert.equal(
        ends.reduce((sum, end) => sum + (end?.offset ?? 0), 0),
        COUNT,
      );
    },
    { version },
  );
}

kafkaTest(
  'kcat takes over what a member has given up, behind what it has done',
  async (t, kafka) => {
    const topic = await kafka.createTopic({ partitions: 2 });
    const groupId = uniqueName('group');
    const client = new KafkaClient({ brokers: kafka.bootstrap });
    t.after(() => client.close());
    await new KeyedProducer(client, { partitioner: ({ key }) => Number(key) % 2 }).sendMany(
      Array.from({ length: 20 }, (_, i) => ({ topic, key: `${i}`, value: `${i}` })),
    );
    const consumer = new KafkaConsumer(client, { topics: [topic], groupId, assignors: ['roundrobin'], heartbeatMs: 100 });
    const ours: number[] = [];
    for await (const { value } of consumer) if (ours.push(Number(value)) === 10) break;
    const notDone = ours.pop();
    await consumer.close();
    const args = [
      '-b',
      kafka.bootstrapText,
      '-X',
      'auto.offset.reset=earliest',
      '-X',
      'partition.assignment.strategy=roundrobin',
      '-u',
      '-G',
      groupId,
      topic,
    ];
    const theirs = GuardedProcess.start(findProgram('kcat') ?? assert.fail(), args);
    t.after(() => theirs.kill());
    const read = () =>
      theirs.stdout
        .split('\n')
        .filter(line => /^\d+$/.test(line))
        .map(Number);
    await until('kcat reads the rest', () => read().length >= 11);
    await theirs.stop();
    assert.deepEqual(
      [...ours, ...read()].sort((a, b) => a - b),
      Array.from({ length: 20 }, (_, i) => i),
    );
    assert.ok(read().includes(notDone ?? -1));
  },
  { kcat: true },
);

kafkaTest('a refusal names both sides: assignors that have none in common, a session the broker does not allow', async (t, kafka) => {
  const topic = await kafka.createTopic({ partitions: 2 });
  const groupId = uniqueName('group');
  const client = new KafkaClient({ brokers: kafka.bootstrap });
  t.after(() => client.close());
  const first = new KafkaConsumer(client, { topics: topic, groupId, assignors: ['range'], heartbeatMs: 100 });
  await first.getMessages(1, { block: false });
  const second = new KafkaConsumer(client, { topics: topic, groupId, heartbeatMs: 100 });
  await assert.rejects(second.getMessages(1), {
    code: 'INCONSISTENT_GROUP_PROTOCOL',
    message: new RegExp(`join of group "${groupId}": .*its members divide the partitions by range, this one knows cooperative-sticky only`),
  });
  const hasty = new KafkaConsumer(client, { topics: topic, groupId: uniqueName('group'), sessionTimeoutMs: 900, heartbeatMs: 300 });
  await assert.rejects(hasty.getMessages(1), {
    code: 'INVALID_SESSION_TIMEOUT',
    message: /sessionTimeoutMs is 900, and the broker allows 1000 to 1800000/,
  });
});
