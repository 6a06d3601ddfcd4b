import assert from 'node:assert/strict';
import { KafkaClient } from '../../src/client/client.js';
import { MultiProcessConsumer } from '../../src/multiprocess/index.js';
import { KeyedProducer } from '../../src/producer/index.js';
import { type KafkaVersion, kafkaTest, uniqueName } from '../kafka/kafka.js';
import { kcatConsume } from '../support/kcat.js';
import { handler, ranUntil } from './setting.js';

const PARTITIONS = 6;
const COUNT = 200;

/** Some handlers fail, and some end their threads, after they have sent their bills. */
const orderOf = (i: number): string => `order-${i}${i % 97 === 0 ? ' exit 1' : i % 53 === 0 ? ' fail 1' : ''}`;

for (const [version, groupProtocol] of [
  ['4.1.2', 'consumer'],
  ['4.1.2', 'classic'],
  ['2.8.2', 'classic'],
] as const satisfies readonly (readonly [KafkaVersion, 'classic' | 'consumer'])[]) {
  kafkaTest(
    `what handlers in threads send is seen exactly once, in order per key, though they fail and end their threads (${groupProtocol})`,
    async (t, kafka) => {
      const [orders, bills] = [await kafka.createTopic({ partitions: PARTITIONS }), await kafka.createTopic({ partitions: 2 })];
      const client = new KafkaClient({ brokers: kafka.bootstrap });
      t.after(() => client.close());
      const keyed = new KeyedProducer(client);
      await keyed.sendMany(Array.from({ length: COUNT }, (_, i) => ({ topic: orders, key: `order-${i}`, value: orderOf(i) })));
      const producer = new KeyedProducer(client, { transactionalId: uniqueName('bills') });
      const groupId = uniqueName('billing');
      const fleet = new MultiProcessConsumer(client, {
        ...{ topics: orders, groupId, groupProtocol, threads: 2, producer, transactionMs: 300, retryBackoffMs: 10 },
      });
      const replaced: Error[] = [];
      fleet.on('threadReplaced', ({ error }) => replaced.push(error));
      const ends = await Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => client.offsets.latest(orders, partition)));
      const coordinator = client.offsetCoordinator({ groupId });
      const isDone = async (): Promise<boolean> => {
        const stored = await Promise.all(ends.map((_, partition) => coordinator.offset(orders, partition)));
        return ends.every((end, partition) => end === 0 || stored[partition]?.offset === end);
      };
      await ranUntil(fleet, handler('billing.js'), 'all is committed', isDone, { workerData: bills });
      const seen = await kcatConsume({ bootstrap: kafka.bootstrap, topic: bills, args: ['-X', 'isolation.level=read_committed'] });
      const expected = Array.from({ length: COUNT }, (_, i) => `bill for order-${i}`);
      assert.deepEqual(seen.map(({ payload }) => payload).sort(), expected.sort());
      assert.ok(replaced.length > 0, 'threads ended');
    },
    { version, kcat: true },
  );
}
