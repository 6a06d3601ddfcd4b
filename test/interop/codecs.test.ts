import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KafkaClient } from '../../src/index.js';
import { Produce } from '../../src/protocol/index.js';
import { type CompressionName, encodeBatch, type RecordInput, readBatches } from '../../src/records/index.js';
import { findProgram } from '../kafka/availability.js';
import { clusterTest, kafkaTest } from '../kafka/kafka.js';
import { run } from '../kafka/process.js';
import { kcat } from '../support/kcat.js';
import { noise } from '../support/noise.js';
import { assertSameLines, codecs, connected } from './records.js';

/*
 * Every codec, each way, in the sizes that matter: one short record, a hundred, a batch near the broker's limit; text, and what no codec
 * makes smaller.
 */

const CREATED = 1_700_000_000_000;
/** Lines of text and of noise, one list per batch. */
const texts: readonly (readonly string[])[] = [
  ['ten bytes!'],
  Array.from({ length: 100 }, (_, i) => `{"customer":${i * 7919},"amount":${i % 97},"note":"${'ab'.repeat(i % 60)}"}`),
  Array.from({ length: 9000 }, (_, i) => `{"customer":${i * 7919},"amount":${i % 97},"ok":true,"note":"order ${i}"}`.padEnd(90, '.')),
];
const noises: readonly (readonly string[])[] = [
  [noise(6, 1).toString('hex').slice(0, 10)],
  Array.from({ length: 100 }, (_, i) => noise(i * 3, i).toString('base64')),
  Array.from({ length: 280 }, (_, i) => noise(2304, i).toString('base64')),
];
const batches = [...texts, ...noises];
const lines = batches.flat();

const recordsOf = (values: readonly string[]): RecordInput[] =>
  values.map((value, i) => ({ key: i % 3 === 0 ? null : `k${i}`, value, timestamp: CREATED + i }));

/** Appends one batch exactly as it was encoded. */
async function append(client: KafkaClient, topic: string, batch: Buffer): Promise<void> {
  const topicId = (await client.metadata([topic])).topics.get(topic)?.id;
  const topicData = [{ name: topic, topicId, partitionData: [{ index: 0, records: batch }] }];
  const answer = await client.request(Produce, { acks: -1, timeoutMs: 30_000, topicData }, { to: { topic, partition: 0 } });
  assert.equal(answer.responses[0]?.partitionResponses[0]?.errorCode, 0);
}

for (const { version, consumer } of [
  { version: '4.1.2', consumer: 'org.apache.kafka.tools.consumer.ConsoleConsumer' },
  { version: '1.1.1', consumer: 'kafka.tools.ConsoleConsumer' },
] as const) {
  clusterTest(
    "Java's consumer and its log dump find batches of every codec, size and kind of data as they were written",
    async (t, kafka) => {
      const topic = await kafka.createTopic();
      const { client } = connected(t, kafka);
      const names: CompressionName[] = ['none'];
      for (const { name, writes } of codecs) if (writes && (name !== 'zstd' || version !== '1.1.1')) names.push(name);
      const expected: { readonly codec: string; readonly count: number }[] = [];
      for (const compression of names) {
        for (const values of batches) {
          await append(client, topic, encodeBatch(recordsOf(values), { compression }));
          expected.push({ codec: compression, count: values.length });
        }
      }
      const values = names.flatMap(() => batches.flatMap(recordsOf));

      const from = ['--bootstrap-server', kafka.bootstrapText, '--topic', topic, '--from-beginning'];
      const limits = ['--max-messages', `${values.length}`, '--timeout-ms', '30000'];
      const printed = ['print.timestamp=true', 'print.key=true'].flatMap(property => ['--property', property]);
      const read = await kafka.tool(consumer, [...from, ...limits, ...printed]);
      assertSameLines(
        read.trimEnd().split('\n'),
        values.map(({ key, value, timestamp }) => `CreateTime:${timestamp}\t${key}\t${value}`),
      );

      const segment = join(kafka.directory, 'data-1', `${topic}-0`, '00000000000000000000.log');
      const dump = await kafka.tool('kafka.tools.DumpLogSegments', ['--deep-iteration', '--print-data-log', '--files', segment]);
      const dumped = dump.split('\n');
      assertSameLines(
        dumped.flatMap(line => /(?:^\||offset: ).*? payload: (.*)$/.exec(line)?.[1] ?? []),
        values.map(({ value }) => String(value)),
      );
      if (version === '1.1.1') return; // it prints records alone
      const heads = dumped.filter(line => line.startsWith('baseOffset: '));
      assert.deepEqual(
        heads.map(line => ({
          codec: /compresscodec: (\w+)/.exec(line)?.[1],
          count: Number(/ count: (\d+)/.exec(line)?.[1]),
        })),
        expected,
      );
      for (const head of heads) assert.match(head, / isvalid: true/);
    },
    { version },
  );
}

const blobs = [noise(10, 1), noise(900_000, 2), Buffer.from(texts[2]?.join('\n') ?? '')];

for (const codec of codecs) {
  kafkaTest(
    `bytes and text of all sizes come through ${codec.name}, from kcat and to kcat`,
    async (t, kafka) => {
      const { client, messages } = connected(t, kafka);
      const directory = mkdtempSync(join(tmpdir(), 'tidemark-interop-'));
      t.after(() => rmSync(directory, { recursive: true }));
      const files = blobs.map((bytes, i) => {
        const file = join(directory, `${i}`);
        writeFileSync(file, bytes);
        return file;
      });
      if (codec.reads) {
        const topic = await kafka.createTopic();
        const sent = await kcat(['-P', '-b', kafka.bootstrapText, '-t', topic, '-z', codec.name, ...files]);
        assert.equal(sent.code, 0, sent.stderr);
        const seen = await messages(topic, blobs.length);
        assert.deepEqual(
          seen.map(({ value }) => value?.length),
          blobs.map(({ length }) => length),
        );
        for (const [i, { value }] of seen.entries()) assert.ok(blobs[i]?.equals(value ?? Buffer.alloc(0)), `message ${i}`);
      }
      if (codec.writes) {
        const topic = await kafka.createTopic();
        const sent = [...blobs.map(value => [{ value }]), ...batches.map(recordsOf)];
        for (const records of sent) {
          const batch = encodeBatch(records, { compression: codec.name });
          assert.equal(readBatches(batch, { topic, partition: 0 }).next()?.compression, codec.name);
          await append(client, topic, batch);
        }
        // Hashed, as no text has room for these bytes.
        const command = `"${findProgram('kcat')}" -C -q -e -b ${kafka.bootstrapText} -t ${topic} -o beginning -f %s | sha256sum`;
        const { stdout } = await run('/bin/sh', ['-c', command]);
        const hash = createHash('sha256');
        for (const value of [...blobs, ...lines]) hash.update(value);
        assert.equal(stdout.trim().split(/\s/)[0], hash.digest('hex'));
      }
      if (!codec.reads && !codec.writes) t.skip(`${codec.name} is not available here`);
    },
    { kcat: true },
  );
}
