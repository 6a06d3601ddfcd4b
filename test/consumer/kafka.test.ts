import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { SimpleConsumer, type SimpleConsumerOptions } from '../../src/consumer/index.js';
import { SimpleProducer } from '../../src/producer/index.js';
import { clusterTest, type KafkaHandle, type KafkaVersion, kafkaTest, uniqueName } from '../kafka/kafka.js';
import { next, offsets, read } from './setting.js';

function clientOf(t: TestContext, kafka: KafkaHandle): KafkaClient {
  const client = new KafkaClient({ brokers: kafka.bootstrap });
  t.after(() => client.close());
  return client;
}

async function produce(client: KafkaClient, topic: string, from: number, to: number): Promise<void> {
  const producer = new SimpleProducer(client);
  for (let i = from; i < to; i += 10) {
    await producer.sendMessages(topic, ...Array.from({ length: Math.min(10, to - i) }, (_, j) => String(i + j)));
  }
  await producer.close();
}

/** A file for one of Java's tools, which goes with the test. */
function jsonFile(t: TestContext, content: object): string {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'content.json');
  writeFileSync(file, JSON.stringify(content));
  return file;
}

const values = (messages: Iterable<{ value: Buffer | null }>) => Array.from(messages, ({ value }) => Number(value));
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

for (const version of ['4.3.1', '3.9.2', '2.8.2', '1.1.1'] satisfies KafkaVersion[]) {
  kafkaTest(
    'what was done is committed, and the next consumer goes on there',
    async (t, kafka) => {
      const client = clientOf(t, kafka);
      const topic = await kafka.createTopic({ partitions: 2 });
      await produce(client, topic, 0, 100);
      const options: SimpleConsumerOptions = { topic, groupId: uniqueName('audit') };
      const first = new SimpleConsumer(client, options);
      assert.equal(await first.pending(), 100);
      const before = await read(first, 60);
      await first.close();
      const second = new SimpleConsumer(client, options);
      const after = await second.getMessages(100, { block: 40, timeoutMs: 10_000 });
      assert.deepEqual(
        values([...before, ...after]).sort((a, b) => a - b),
        numbers(0, 100),
      );
      assert.equal(await second.pending(), 0);
      assert.equal((await second.committed(0))! + (await second.committed(1))!, 60);
      await second.seek(-10, 2);
      assert.equal((await second.getMessages(10, { timeoutMs: 10_000 })).length, 10);
    },
    { version },
  );
}

kafkaTest('a time, the end and the start of a log are found; what is not in it is answered by policy', async (t, kafka) => {
  const client = clientOf(t, kafka);
  const topic = await kafka.createTopic();
  await produce(client, topic, 0, 20);
  const [tenth] = await new SimpleConsumer(client, { topic }).getMessages(20, { timeoutMs: 5000 }).then(messages => messages.slice(10));
  assert.ok(tenth);
  const byTime = new SimpleConsumer(client, { topic, autoOffsetReset: { timestampMs: tenth.timestamp } });
  assert.equal((await byTime.getMessages(1, { timeoutMs: 5000 }))[0]?.timestamp, tenth.timestamp);
  const latest = new SimpleConsumer(client, { topic, autoOffsetReset: 'latest' });
  const pending = latest.getMessages(1, { timeoutMs: 10_000 });
  while (latest.position(0) === undefined) await new Promise(setImmediate);
  await produce(client, topic, 20, 21);
  assert.deepEqual(values(await pending), [20]);

  const partitions = [{ topic, partition: 0, offset: 15 }];
  await kafka.tool('org.apache.kafka.tools.DeleteRecordsCommand', [
    '--bootstrap-server',
    kafka.bootstrapText,
    '--offset-json-file',
    jsonFile(t, { partitions, version: 1 }),
  ]);
  const late = new SimpleConsumer(client, { topic, groupId: uniqueName('late') });
  assert.deepEqual(offsets(await late.getMessages(1, { timeoutMs: 5000 })), [15]);
  const event = next(late, 'outOfRange');
  await late.seek(3);
  assert.deepEqual(offsets(await late.getMessages(1, { timeoutMs: 5000 })), [15]);
  assert.deepEqual(await event, {
    topic,
    partition: 0,
    requestedOffset: 3,
    logStartOffset: 15,
    logEndOffset: 21,
    newOffset: 15,
    why: 'outside',
  });
});

kafkaTest('transactions of a Java producer are read when they are committed, and the position passes their markers', async (t, kafka) => {
  const client = clientOf(t, kafka);
  const topic = await kafka.createTopic();
  const arguments_ = ['--topic', topic, '--num-records', '500', '--record-size', '10', '--throughput', '-1'];
  const transaction = ['--transactional-id', uniqueName('perf'), '--transaction-duration-ms', '5'];
  await kafka.tool('org.apache.kafka.tools.ProducerPerformance', [
    ...arguments_,
    ...transaction,
    '--producer-props',
    `bootstrap.servers=${kafka.bootstrapText}`,
  ]);
  const orders = new SimpleConsumer(client, { topic });
  const messages = await read(orders, 500);
  assert.equal(messages.length, 500);
  await orders.getMessages(1, { timeoutMs: 100 });
  assert.ok((orders.position(0) ?? 0) > 500, 'markers have offsets of their own');
  assert.equal(await orders.pending(), 0);
});

clusterTest(
  'a node that dies costs nothing and repeats nothing',
  async (t, kafka) => {
    const client = clientOf(t, kafka);
    const topic = await kafka.createTopic({ partitions: 3 });
    await produce(client, topic, 0, 300);
    const orders = new SimpleConsumer(client, { topic, groupId: uniqueName('audit'), maxPartitionBytes: 200 });
    const seen: number[] = [];
    for await (const { value } of orders) {
      seen.push(Number(value));
      if (seen.length === 100) await kafka.nodes.find(({ running }) => running)?.kill();
      if (seen.length === 300) break;
    }
    assert.deepEqual(
      seen.sort((a, b) => a - b),
      numbers(0, 300),
    );
    await client.close(); // before the cluster is gone
  },
  { nodes: 3 },
);
