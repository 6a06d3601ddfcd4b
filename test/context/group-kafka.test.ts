import assert from 'node:assert/strict';
import { KafkaClient } from '../../src/client/client.js';
import { KafkaConsumer } from '../../src/consumer/index.js';
import { withOffsets } from '../../src/context/index.js';
import { KeyedProducer } from '../../src/producer/index.js';
import { ConsumerGroupHeartbeat, LeaveGroup } from '../../src/protocol/index.js';
import { protocolOptions } from '../group/protocol-options.js';
import { until } from '../group/watched.js';
import { type KafkaVersion, kafkaTest, uniqueName } from '../kafka/kafka.js';
import { kcatConsume } from '../support/kcat.js';
import { rejection } from '../support/rejection.js';

const PARTITIONS = 4;
const COUNT = 800;
const PER_CONTEXT = 20;

const kinds: readonly (readonly [version: KafkaVersion, groupProtocol: 'classic' | 'consumer'])[] = [
  ['4.1.2', 'consumer'],
  ['4.1.2', 'classic'],
  ['2.8.2', 'classic'],
];

for (const [version, groupProtocol] of kinds) {
  kafkaTest(
    `two members transform what they read in transactions, through a division in the middle and a member that is thrown out: each once (${groupProtocol})`,
    async (t, kafka) => {
      const [orders, bills] = [await kafka.createTopic({ partitions: PARTITIONS }), await kafka.createTopic({ partitions: 1 })];
      const groupId = uniqueName('billing');
      const clientOf = (): KafkaClient => {
        const client = new KafkaClient({ brokers: kafka.bootstrap, retry: { backoffMs: 20, maxBackoffMs: 100 } });
        t.after(() => client.close({ timeoutMs: 2000 }).catch(() => {}));
        return client;
      };
      const admin = clientOf();
      const numbers = Array.from({ length: COUNT }, (_, i) => `${i}`);
      await new KeyedProducer(admin).sendMany(numbers.map(value => ({ topic: orders, key: value, value })));

      const stop = new AbortController();
      /** Why contexts failed. */
      const refusals: string[] = [];
      let memberId = '';
      const member = (name: string, atWork: (count: number) => unknown = () => {}) => {
        const client = clientOf();
        const producer = new KeyedProducer(client, { transactionalId: `${groupId}-${name}` });
        // The member hears from the group so seldom that it works on when the group has gone on without it.
        const times = { heartbeatMs: name === 'first' ? 2500 : 100, sessionTimeoutMs: 10_000 };
        const options = { topics: orders, groupId, groupProtocol, autoCommit: false, ...times };
        const consumer = new KafkaConsumer(client, protocolOptions(options));
        consumer.on('rebalance', rebalance => {
          if (name === 'first') memberId = rebalance.memberId;
        });
        let count = 0;
        const transform = () =>
          withOffsets(
            consumer,
            async context => {
              const messages = await consumer.getMessages(PER_CONTEXT, { block: 1, timeoutMs: 200 });
              await producer.sendMany(messages.map(({ value }) => ({ topic: bills, key: 'k', value })));
              context.mark(messages);
              if (messages.length > 0) await atWork(++count); // who had nothing to commit would not be refused
            },
            { producer },
          );
        const work = (async () => {
          while (!stop.signal.aborted) {
            try {
              await transform();
            } catch (error) {
              refusals.push(error instanceof Error && 'code' in error ? `${error.code}` : `${error}`);
            }
          }
        })();
        return { consumer, work };
      };

      /** The group goes on without the first member, which is not asked. */
      const throwOut = async (): Promise<void> => {
        if (groupProtocol === 'consumer')
          await admin.request(ConsumerGroupHeartbeat, { groupId, memberId, memberEpoch: -1 }, { to: { group: groupId } });
        else await admin.request(LeaveGroup, { groupId, members: [{ memberId }] }, { to: { group: groupId } });
      };
      const begun = { second: false, out: false };
      const first = member('first', async count => {
        if (count === 5) begun.second = true;
        if (count === 8) {
          await throwOut();
          begun.out = true;
        }
      });
      await until('the first works', () => begun.second);
      const second = member('second');
      const coordinator = admin.offsetCoordinator({ groupId });
      const places = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: orders, partition }));
      const done = async (): Promise<number> => (await coordinator.offsets(places)).reduce((sum, stored) => sum + (stored?.offset ?? 0), 0);
      for (let sum = 0; sum < COUNT; sum = await done()) await new Promise(resolve => setTimeout(resolve, 50));
      stop.abort();
      await Promise.all([first.work, second.work]);
      await Promise.all([first.consumer.close(), second.consumer.close()]);
      assert.ok(begun.out);
      assert.ok(refusals.includes('TIDE_PARTITION_LOST'), refusals.join());
      const read = await kcatConsume({ bootstrap: kafka.bootstrap, topic: bills, args: ['-X', 'isolation.level=read_committed'] });
      assert.deepEqual(
        read.map(({ payload }) => Number(payload)).sort((a, b) => a - b),
        numbers.map(Number),
      );
      t.diagnostic(`refused: ${refusals.join() || 'none'}`);
    },
    { version, kcat: true },
  );
}

kafkaTest(
  'a broker that cannot check members in transactions says what it needs, and nothing is committed',
  async (t, kafka) => {
    const topic = await kafka.createTopic({ partitions: 1 });
    const client = new KafkaClient({ brokers: kafka.bootstrap });
    t.after(() => client.close({ timeoutMs: 2000 }).catch(() => {}));
    await new KeyedProducer(client).sendMessages(topic, 'k', 'tea');
    const groupId = uniqueName('billing');
    const consumer = new KafkaConsumer(client, { topics: topic, groupId, autoCommit: false, heartbeatMs: 100, sessionTimeoutMs: 6000 });
    const producer = new KeyedProducer(client, { transactionalId: groupId });
    const work = withOffsets(consumer, async context => context.mark(await consumer.getMessages(1, { timeoutMs: null })), { producer });
    assert.equal((await rejection(work)).code, 'TIDE_UNSUPPORTED');
    assert.equal(await consumer.committed({ topic, partition: 0 }), undefined);
  },
  { version: '1.1.1' },
);
