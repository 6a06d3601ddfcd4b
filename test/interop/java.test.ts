import { kafkaTest } from '../kafka/kafka.js';
import { noise } from '../support/noise.js';
import { assertSameLines, codecs, connected, read } from './records.js';

const newer = { consumer: 'org.apache.kafka.tools.consumer.ConsoleConsumer', producer: 'org.apache.kafka.tools.ConsoleProducer' };
const older = { consumer: 'kafka.tools.ConsoleConsumer', producer: 'kafka.tools.ConsoleProducer' };
const earlier = { at: '--bootstrap-server', formatter: '--property', reader: '--property' };
const releases = [
  { version: '4.1.2', tools: newer, flags: earlier },
  { version: '4.3.1', tools: newer, flags: { ...earlier, formatter: '--formatter-property', reader: '--reader-property' } },
  { version: '3.9.2', tools: { ...newer, producer: older.producer }, flags: earlier },
  { version: '2.8.2', tools: older, flags: earlier },
  { version: '1.1.1', tools: older, flags: { ...earlier, at: '--broker-list' } },
] as const;

for (const { version, tools, flags } of releases) {
  kafkaTest(
    "Java's console consumer reads what is written, in each codec",
    async (t, kafka) => {
      const topic = await kafka.createTopic();
      const names = [
        'none' as const,
        ...codecs.filter(({ writes, name }) => writes && (name !== 'zstd' || version !== '1.1.1')).map(({ name }) => name),
      ];
      const { producer } = connected(t, kafka);
      const expected: string[] = [];
      for (const compression of names) {
        const records = Array.from({ length: 300 }, (_, i) => ({
          topic,
          key: i % 7 === 0 ? null : `key ${i}`,
          value: i % 11 === 0 ? null : `${compression} ${i} ${'xyz'.repeat(i % 50)}`,
          timestamp: 1_700_000_000_000 + i,
        }));
        await producer({ compression }).sendMany(records);
        expected.push(...records.map(({ key, value, timestamp }) => `CreateTime:${timestamp}\t${key}\t${value}`));
      }
      const properties = ['print.timestamp=true', 'print.key=true'].flatMap(property => [flags.formatter, property]);
      const limits = ['--from-beginning', '--max-messages', `${expected.length}`, '--timeout-ms', '30000'];
      const output = await kafka.tool(tools.consumer, [
        '--bootstrap-server',
        kafka.bootstrapText,
        '--topic',
        topic,
        ...limits,
        ...properties,
      ]);
      assertSameLines(output.trimEnd().split('\n'), expected);
    },
    { version },
  );

  kafkaTest(
    "what Java's console producer writes is read, in each codec",
    async (t, kafka) => {
      const topic = await kafka.createTopic();
      const lines = [
        ...Array.from({ length: 300 }, (_, i) => `key ${i}\tvalue ${i} ${'xyz'.repeat(i % 50)}`),
        ...Array.from({ length: 6000 }, (_, i) => `key ${i}\t${`{"customer":${i * 7919},"ok":true}`.padEnd(90, '.')}`), // in one batch, nearly
        ...Array.from({ length: 100 }, (_, i) => `noise\t${noise(i * 60, i).toString('base64')}`),
      ];
      const names = [
        'none',
        ...codecs.filter(({ reads, name }) => reads && (name !== 'zstd' || version !== '1.1.1')).map(({ name }) => name),
      ];
      for (const name of names) {
        const largest = ['--max-partition-memory-bytes', '900000'];
        const args = [
          flags.at,
          kafka.bootstrapText,
          '--topic',
          topic,
          '--compression-codec',
          name,
          flags.reader,
          'parse.key=true',
          ...largest,
        ];
        await kafka.tool(tools.producer, args, { input: `${lines.join('\n')}\n` });
      }
      const from = connected(t, kafka);
      const seen = await read(from, topic, lines.length * names.length);
      assertSameLines(
        seen.map(({ key, value }) => `${key}\t${value}`),
        names.flatMap(() => lines),
      );
    },
    { version },
  );
}
