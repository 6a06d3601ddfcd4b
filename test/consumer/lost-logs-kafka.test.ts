import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Admin } from '../../src/admin/index.js';
import { KafkaClient } from '../../src/client/client.js';
import { SimpleConsumer } from '../../src/consumer/index.js';
import { type KafkaHandle, type KafkaVersion, kafkaTest, uniqueName } from '../kafka/kafka.js';
import { next } from './setting.js';

const values = (messages: Iterable<{ value: Buffer | null }>) => Array.from(messages, ({ value }) => Number(value));
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

function clientOf(t: TestContext, kafka: KafkaHandle): KafkaClient {
  const client = new KafkaClient({ brokers: kafka.bootstrap });
  t.after(() => client.close());
  return client;
}

/** Moves the start of a log, as retention does. */
async function deleteBefore(t: TestContext, kafka: KafkaHandle, topic: string, offset: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'offsets.json');
  writeFileSync(file, JSON.stringify({ partitions: [{ topic, partition: 0, offset }], version: 1 }));
  const tool = kafka.version.startsWith('4') ? 'org.apache.kafka.tools.DeleteRecordsCommand' : 'kafka.admin.DeleteRecordsCommand';
  await kafka.tool(tool, ['--bootstrap-server', kafka.bootstrapText, '--offset-json-file', file]);
}

for (const version of ['4.1.2', '2.8.2'] satisfies KafkaVersion[]) {
  kafkaTest(
    'retention that passes where a group stands is answered by each policy, and told',
    async (t, kafka) => {
      const client = clientOf(t, kafka);
      const topic = await kafka.createTopic();
      await client.produce(topic, 0, numbers(0, 20).map(String));
      const groups = new Map([
        ['earliest', uniqueName('lost')],
        ['none', uniqueName('lost')],
        ['latest', uniqueName('lost')],
      ] as const);
      for (const groupId of groups.values()) {
        const first = new SimpleConsumer(client, { topic, groupId, autoCommit: false });
        await first.commit(await first.getMessages(5, { timeoutMs: 30_000 }));
        await first.close();
      }
      await deleteBefore(t, kafka, topic, 15);
      for (const [autoOffsetReset, groupId] of groups) {
        const consumer = new SimpleConsumer(client, { topic, groupId, autoOffsetReset, autoCommit: false });
        const event = next(consumer, 'outOfRange');
        const reading = consumer.getMessages(1, { timeoutMs: 30_000 });
        const range = { requestedOffset: 5, logStartOffset: 15, logEndOffset: 20 };
        const newOffset = { earliest: 15, latest: 20, none: undefined }[autoOffsetReset];
        if (autoOffsetReset === 'none') {
          await assert.rejects(reading, { code: 'OFFSET_OUT_OF_RANGE', message: /offset 5 is not in the log, which has 15 to 20/ });
        }
        assert.deepEqual(await event, { topic, partition: 0, ...range, newOffset, why: 'outside' });
        if (autoOffsetReset === 'earliest') assert.deepEqual(values(await reading), [15]);
        if (autoOffsetReset === 'latest') {
          await client.produce(topic, 0, '100');
          assert.deepEqual(values(await reading), [100]);
        }
        await consumer.close();
      }
    },
    { version },
  );
}

for (const version of ['4.1.2', '2.8.2'] satisfies KafkaVersion[]) {
  kafkaTest(
    'a topic that is deleted and made again while it is read is read from where the policy says, and told',
    async (t, kafka) => {
      const client = clientOf(t, kafka);
      const admin = new Admin(client);
      const topic = await kafka.createTopic();
      await client.produce(topic, 0, numbers(0, 20).map(String));
      const consumer = new SimpleConsumer(client, { topic, groupId: uniqueName('again') });
      assert.deepEqual(values(await consumer.getMessages(20, { timeoutMs: 30_000 })), numbers(0, 20));
      const event = next(consumer, 'outOfRange');
      await admin.deleteTopics([topic]);
      for (let made = false; !made; ) {
        made = await admin.createTopics({ name: topic, partitions: 1 }).then(
          () => true,
          () => false, // what was deleted may be there for a moment yet
        );
      }
      await client.produce(topic, 0, numbers(100, 110).map(String));
      const seen: number[] = [];
      while (!seen.includes(109)) {
        // A topic that is not there is an error for the reader, who may go on.
        seen.push(...(await consumer.getMessages(10, { block: 1, timeoutMs: 30_000 }).then(values, () => [])));
      }
      assert.deepEqual(seen, numbers(100, 110));
      const { why, newOffset } = await event;
      assert.deepEqual({ why, newOffset }, { why: 'recreated', newOffset: 0 });
    },
    { version },
  );
}
