import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { RequestTrace } from '../../src/base/diagnostics.js';
import { KafkaClient } from '../../src/client/client.js';
import { SimpleConsumer } from '../../src/consumer/index.js';
import { SimpleProducer } from '../../src/producer/index.js';
import { type KafkaVersion, kafkaTest } from '../kafka/kafka.js';

const partitions = 100;
/** More than a fetch that names nothing takes, less than one that names all. */
const fewBytes = 300;

for (const version of ['4.1.2', '2.8.2', '1.1.1'] satisfies KafkaVersion[]) {
  kafkaTest(
    'after a first fetch that names every partition the next ones name what has changed, and all is read in order',
    async (t, kafka) => {
      const topic = await kafka.createTopic({ partitions });
      const writer = new KafkaClient({ brokers: kafka.bootstrap });
      const client = new KafkaClient({ brokers: kafka.bootstrap, clientId: 'sessions' });
      t.after(() => Promise.all([writer.close(), client.close()]));
      /** How long the fetches were that were answered. */
      const sizes: number[] = [];
      const seen = (trace: unknown): void => {
        const { api, sentBytes, error } = trace as RequestTrace;
        if (api === 'Fetch' && error === undefined) sizes.push(sentBytes);
      };
      subscribe('tidemark:request', seen);
      t.after(() => unsubscribe('tidemark:request', seen));

      const producer = new SimpleProducer(writer);
      const write = async (from: number, to: number) => {
        for (let i = from; i < to; i++) await producer.sendMessages(topic, String(i)); // one partition after the other
      };
      const consumer = new SimpleConsumer(client, { topic, maxWaitMs: 100 });
      const next: number[] = new Array(partitions).fill(0);
      const read = async (count: number) => {
        for (const { partition, offset } of await consumer.getMessages(count, { timeoutMs: 60_000 })) {
          assert.equal(offset, next[partition]);
          next[partition] = offset + 1;
          count -= 1;
        }
        assert.equal(count, 0);
      };
      await write(0, 2 * partitions);
      await read(2 * partitions);
      assert.ok((sizes[0] ?? 0) > partitions * 10, `${sizes[0]} bytes name ${partitions} partitions`);
      const before = sizes.length;
      const quiet = () => sizes.slice(before).filter(bytes => bytes < fewBytes).length;
      while (quiet() < 5) assert.deepEqual(await consumer.getMessages(1, { timeoutMs: 100 }), []);
      const whole = sizes.length;
      // One after the other: an answer that has news of many is followed by a fetch that names as many.
      for (let i = 0; i < 20; i++) {
        await write(2 * partitions + i, 2 * partitions + i + 1);
        await read(1);
      }
      assert.ok(Math.max(...sizes.slice(whole)) < partitions * 10, 'nothing names all of them again');
      await consumer.close();
    },
    { version },
  );
}

for (const version of ['4.1.2', '1.1.1'] satisfies KafkaVersion[]) {
  kafkaTest(
    'large batches do not starve those behind them',
    async (t, kafka) => {
      const topic = await kafka.createTopic({ partitions: 3 });
      const client = new KafkaClient({ brokers: kafka.bootstrap });
      t.after(() => client.close());
      for (let i = 0; i < 30; i++) await client.produce(topic, i % 3, { value: Buffer.alloc(2000) });
      const consumer = new SimpleConsumer(client, { topic, maxBytes: 1, prefetchBytes: 2100 });
      const counts = [0, 0, 0];
      for (let i = 0; i < 30; i++) {
        const [message] = await consumer.getMessages(1, { timeoutMs: 60_000 });
        const partition = message?.partition ?? 0;
        counts[partition] = (counts[partition] ?? 0) + 1;
        assert.ok(Math.max(...counts) - Math.min(...counts) <= 3, counts.join());
      }
      assert.deepEqual(counts, [10, 10, 10]);
    },
    { version },
  );
}
