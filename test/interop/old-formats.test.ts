import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { Admin, KafkaClient, PartialError, SimpleConsumer, SimpleProducer, UnsupportedError } from '../../src/index.js';
import { Fetch, Produce } from '../../src/protocol/index.js';
import { encodeBatch, type RecordBatch, type RecordInput, readBatches } from '../../src/records/index.js';
import { poll } from '../kafka/handle.js';
import { type KafkaHandle, kafkaTest, uniqueName } from '../kafka/kafka.js';
import { kcatConsume, kcatProduce } from '../support/kcat.js';
import { assertSameLines, connected, read } from './records.js';

/*
 * Message formats v0 and v1: in topics of a newer broker that were told to keep them, and on a broker that knows nothing else.
 */

const codecs = ['none', 'gzip', 'snappy', 'lz4'] as const;
const CREATED = 1_700_000_000_000;
const console_ = { consumer: 'kafka.tools.ConsoleConsumer', producer: 'kafka.tools.ConsoleProducer' };

interface Place {
  readonly version: '2.8.2' | '0.10.2.2';
  readonly magic: 0 | 1;
  readonly config: Readonly<Record<string, string | number>>;
}
const places: readonly Place[] = [
  { version: '2.8.2', magic: 0, config: { 'message.format.version': '0.9.0' } },
  { version: '2.8.2', magic: 1, config: { 'message.format.version': '0.10.2' } },
  { version: '0.10.2.2', magic: 0, config: { 'message.format.version': '0.9.0' } },
  { version: '0.10.2.2', magic: 1, config: {} },
];

/** Records with keys and without, tombstones and empty values, one large value, of one codec. */
const recordsOf = (codec: string, count = 300): { key: string | null; value: string | null; timestamp: number }[] =>
  Array.from({ length: count }, (_, i) => ({
    key: i % 7 === 0 ? null : `${codec} ${i}`,
    value: i % 11 === 0 ? null : i % 13 === 0 ? '' : i === 200 ? 'large '.repeat(40_000) : `value ${i} ${'xyz'.repeat(i % 50)}`,
    timestamp: CREATED + i,
  }));

/** What lies in the first partition, as the broker sends it: an answer holds what is in one segment. */
async function stored(client: KafkaClient, topic: string): Promise<readonly RecordBatch[]> {
  const topicId = (await client.metadata([topic])).topics.get(topic)?.id;
  const found: RecordBatch[] = [];
  for (;;) {
    const fetchOffset = found.at(-1)?.nextOffset ?? 0;
    const partitions = [{ partition: 0, fetchOffset, partitionMaxBytes: 50 * 2 ** 20 }];
    const body = { maxWaitMs: 100, minBytes: 1, maxBytes: 50 * 2 ** 20, topics: [{ topic, topicId, partitions }] };
    const answer = await client.request(Fetch, body, { to: { topic, partition: 0 } });
    const { records = null, errorCode, highWatermark = 0 } = answer.responses[0]?.partitions[0] ?? {};
    assert.equal(errorCode, 0);
    const batches = [...readBatches(records, { topic, partition: 0, fromOffset: fetchOffset })];
    found.push(...batches);
    if (batches.length === 0 || (found.at(-1)?.nextOffset ?? 0) >= highWatermark) return found;
  }
}

async function append(client: KafkaClient, topic: string, records: Buffer): Promise<number | undefined> {
  const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }];
  const answer = await client.request(Produce, { acks: -1, timeoutMs: 30_000, topicData }, { to: { topic, partition: 0 } });
  return answer.responses[0]?.partitionResponses[0]?.errorCode;
}

const clientOf = (t: TestContext, kafka: KafkaHandle, options: { apiVersions?: Record<string, number> } = {}): KafkaClient => {
  const client = new KafkaClient({ brokers: kafka.bootstrap, ...options });
  t.after(() => client.close());
  return client;
};

for (const { version, magic, config } of places) {
  const format = `message format v${magic}`;

  kafkaTest(
    `what we write is kept in ${format}, in each codec, and read by us, by kcat and by Java`,
    async (t, kafka) => {
      const topic = await kafka.createTopic({ config });
      const from = connected(t, kafka);
      const expected: { key: string | null; value: string | null; timestamp: number }[] = [];
      for (const compression of codecs) {
        const records = recordsOf(compression);
        const results = await from.producer({ compression }).sendMany(records.map(record => ({ topic, ...record })));
        assert.deepEqual(
          results.map(({ offset }) => offset),
          records.map((_, i) => expected.length + i),
        );
        expected.push(...records);
      }

      const batches = await stored(from.client, topic);
      assert.deepEqual([...new Set(batches.map(batch => batch.magic))], [magic]);
      assert.deepEqual(new Set(batches.map(batch => batch.compression)), new Set(codecs));

      const messages = await from.messages(topic, expected.length);
      const type = magic === 0 ? 'none' : 'create';
      assertSameLines(
        messages.map(m => JSON.stringify([m.offset, m.key?.toString() ?? null, m.value?.toString() ?? null, m.timestamp, m.timestampType])),
        expected.map(({ key, value, timestamp }, i) => JSON.stringify([i, key, value, magic === 0 ? -1 : timestamp, type])),
      );

      assertSameLines(
        (await kcatConsume({ bootstrap: kafka.bootstrap, topic })).map(each =>
          JSON.stringify([each.offset, each.key, each.payload, magic === 0 ? 'none' : each.ts]),
        ),
        expected.map(({ key, value, timestamp }, i) => JSON.stringify([i, key, value, magic === 0 ? 'none' : timestamp])),
      );

      const at = ['--bootstrap-server', kafka.bootstrapText, '--topic', topic, '--from-beginning'];
      const limits = ['--max-messages', `${expected.length}`, '--timeout-ms', '30000'];
      const printed = ['print.timestamp=true', 'print.key=true'].flatMap(property => ['--property', property]);
      assertSameLines(
        (await kafka.tool(console_.consumer, [...at, ...limits, ...printed])).replace(/\n$/, '').split('\n'),
        expected.map(({ key, value, timestamp }) => `${magic === 0 ? 'NO_TIMESTAMP' : `CreateTime:${timestamp}`}\t${key}\t${value}`),
      );
    },
    { version, kcat: true },
  );

  kafkaTest(
    `what Java and kcat write into ${format} is read, in each codec`,
    async (t, kafka) => {
      const topic = await kafka.createTopic({ config });
      const lines = Array.from({ length: 300 }, (_, i) => `key ${i}\tvalue ${i} ${'xyz'.repeat(i % 50)}`);
      for (const codec of codecs) {
        const at = ['--broker-list', kafka.bootstrapText, '--topic', topic, '--compression-codec', codec];
        await kafka.tool(console_.producer, [...at, '--property', 'parse.key=true'], { input: `${lines.join('\n')}\n` });
        const records = lines.map(line => line.split('\t') as [string, string]);
        await kcatProduce({ bootstrap: kafka.bootstrap, topic, args: ['-z', codec] }, records);
      }
      const from = connected(t, kafka);
      const seen = await read(from, topic, lines.length * codecs.length * 2);
      assertSameLines(
        seen.map(({ offset, key, value }) => `${offset}\t${key}\t${value}`),
        codecs.flatMap(() => [...lines, ...lines]).map((line, i) => `${i}\t${line}`),
      );
      assert.deepEqual([...new Set((await stored(from.client, topic)).map(batch => batch.magic))], [magic]);
    },
    { version, kcat: true },
  );

  kafkaTest(
    `the broker takes the message sets we encode, of either format and each codec, into ${format}`,
    async (t, kafka) => {
      const topic = await kafka.createTopic({ config });
      const client = clientOf(t, kafka, { apiVersions: { Produce: 2 } });
      const records: RecordInput[] = recordsOf('any', 20);
      const values: (string | null)[] = [];
      for (const written of [0, 1] as const) {
        for (const compression of codecs) {
          assert.equal(await append(client, topic, encodeBatch(records, { magic: written, compression })), 0, `v${written} ${compression}`);
          values.push(...records.map(({ value }) => (value === null ? null : String(value))));
        }
      }
      const damaged = encodeBatch(records, { magic: 1, compression: 'gzip' });
      damaged.writeUInt8(damaged.readUInt8(40) ^ 1, 40);
      assert.notEqual(await append(client, topic, damaged), 0, 'it looks at what it takes');
      assertSameLines(
        (await read(connected(t, kafka), topic, values.length)).map(({ offset, value }) => JSON.stringify([offset, value])),
        values.map((value, i) => JSON.stringify([i, value])),
      );
    },
    { version },
  );
}

for (const { version, magic, config } of places) {
  kafkaTest(
    `what compaction left of compressed messages keeps its offsets: message format v${magic}`,
    async (t, kafka) => {
      const compact = { 'cleanup.policy': 'compact', 'segment.ms': 100, 'min.cleanable.dirty.ratio': 0.01 };
      const topic = await kafka.createTopic({ config: { ...config, ...compact } });
      const from = connected(t, kafka);
      const producer = from.producer({ compression: 'gzip' });
      for (let round = 0; round < 4; round++) {
        await producer.sendMany(
          Array.from({ length: 10 }, (_, i) => ({ topic, key: i % 2 === 0 ? `${round} ${i}` : `${i}`, value: `${round} ${i}` })),
        );
      }
      const offsets = async () => (await stored(from.client, topic)).flatMap(batch => Array.from(batch, ({ offset }) => offset));
      await poll('a compacted log', 60_000, async () => {
        await producer.send({ topic, key: 'roll', value: 'x' }); // a segment ends with the first record after its time
        const found = await offsets();
        return found.filter(offset => offset < 40).length <= 25; // each even one, and the odd ones of the last round
      });
      const kept = (await stored(from.client, topic)).filter(({ nextOffset }) => nextOffset <= 40);
      const shapes = kept.map(({ compression, baseOffset, lastOffset, count }) => ({ compression, baseOffset, lastOffset, count }));
      const hasGaps = shapes.some(each => each.compression === 'gzip' && each.count > 1 && each.lastOffset - each.baseOffset >= each.count);
      assert.ok(hasGaps, JSON.stringify(shapes));
      const seen = await read(from, topic, 25);
      assert.deepEqual(
        seen.map(({ offset, key, value }) => ({ offset, key, value })),
        (await kcatConsume({ bootstrap: kafka.bootstrap, topic }))
          .map(({ offset, key, payload }) => ({ offset, key, value: payload }))
          .filter(({ offset }) => offset < 40),
      );
      assert.equal(new Set(seen.map(({ key }) => key)).size, 25, 'something of each key');
    },
    { version, kcat: true },
  );
}

for (const version of ['2.8.2', '0.10.2.2'] as const) {
  kafkaTest(
    'append time of the broker is that of all messages, those in compressed ones too',
    async (t, kafka) => {
      const config = { 'message.timestamp.type': 'LogAppendTime', ...(version === '2.8.2' && { 'message.format.version': '0.10.2' }) };
      const topic = await kafka.createTopic({ config });
      const from = connected(t, kafka);
      const times: number[] = [];
      for (const compression of ['none', 'gzip', 'lz4'] as const) {
        const results = await from.producer({ compression }).sendMany(recordsOf(compression, 5).map(record => ({ topic, ...record })));
        times.push(...results.map(({ timestamp }) => timestamp));
      }
      const messages = await from.messages(topic, 15);
      assert.deepEqual(
        messages.map(({ timestamp }) => timestamp),
        times,
      );
      assert.deepEqual([...new Set(messages.map(({ timestampType }) => timestampType))], ['append']);
      assert.ok(times.every(time => time > CREATED + 1000));
    },
    { version },
  );

  kafkaTest(
    'reading begins at an offset inside a compressed message, and goes on where it was committed',
    async (t, kafka) => {
      const config = version === '2.8.2' ? { 'message.format.version': '0.10.2' } : {};
      const topic = await kafka.createTopic({ config });
      const client = clientOf(t, kafka);
      await using producer = new SimpleProducer(client, { compression: 'gzip' });
      const values = Array.from({ length: 100 }, (_, i) => `value ${i}`);
      await producer.sendMessages(topic, ...values);
      const groupId = uniqueName('old');
      const seen: string[] = [];
      for (const stopAt of [1, 38, 39, 100]) {
        await using consumer = new SimpleConsumer(client, { topic, groupId });
        assert.equal((await consumer.committed(0)) ?? 0, seen.length);
        for await (const message of consumer) {
          if (message.offset === stopAt) break; // not done, so that it comes again
          assert.equal(message.offset, seen.length);
          seen.push(String(message.value));
          if (seen.length === values.length) {
            consumer.mark(message);
            break;
          }
        }
      }
      assert.deepEqual(seen, values);
      await using last = new SimpleConsumer(client, { topic, groupId });
      assert.equal(await last.committed(0), 100);
      await last.seek(-3, 2);
      assert.deepEqual(
        (await last.getMessages(3, { timeoutMs: 30_000 })).map(({ offset }) => offset),
        [97, 98, 99],
      );
    },
    { version },
  );
}

kafkaTest(
  'what 0.10.2 is too old for is said by an error of its kind, for the records that need it alone',
  async (t, kafka) => {
    const topic = await kafka.createTopic();
    const client = clientOf(t, kafka);
    await using producer = new SimpleProducer(client, { compression: 'gzip' });
    const headers = { trace: 'abc' };
    await assert.rejects(
      producer.sendMany([
        { topic, value: 'first' },
        { topic, value: 'second', headers },
        { topic, value: 'third', headers: {} },
        { topic, value: 'fourth', headers },
      ]),
      (error: unknown) => {
        assert.ok(error instanceof PartialError);
        assert.equal(error.persistence, 'no');
        const [first, second, third, fourth] = error.results as { offset?: number }[];
        assert.deepEqual([first?.offset, third?.offset], [0, 1]);
        for (const refused of [second, fourth]) {
          assert.ok(refused instanceof UnsupportedError);
          assert.match(refused.message, /older than Kafka 0\.11 and cannot store headers/);
          assert.equal(refused.persistence, 'no');
        }
        return true;
      },
    );
    await assert.rejects(producer.send({ topic, value: 'alone', headers }), { code: 'TIDE_UNSUPPORTED' });
    assert.equal((await producer.send({ topic, value: 'last' })).offset, 2, 'what comes behind is sent');
    assert.deepEqual(
      (await read(connected(t, kafka), topic, 3)).map(({ value }) => value),
      ['first', 'third', 'last'],
    );
    await using unanswered = new SimpleProducer(client, { acks: 0 });
    await assert.rejects(unanswered.send({ topic, value: 'alone', headers }), { code: 'TIDE_UNSUPPORTED' });
  },
  { version: '0.10.2.2' },
);

kafkaTest(
  'topics are made, listed and deleted on 0.10.2',
  async (t, kafka) => {
    const admin = new Admin(clientOf(t, kafka));
    const name = uniqueName('made');
    await admin.createTopics({ name, partitions: 3, replicationFactor: 1 });
    assert.equal((await admin.listTopics()).filter(topic => topic.name === name).length, 1);
    assert.equal((await admin.describeTopics(name))[0]?.partitions.length, 3);
    await admin.deleteTopics(name);
    assert.equal((await admin.listTopics()).filter(topic => topic.name === name).length, 0);
  },
  { version: '0.10.2.2' },
);
