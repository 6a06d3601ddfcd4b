import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { SimpleProducer } from '../../src/index.js';
import { clusterTest, uniqueName } from '../kafka/kafka.js';
import { kcatConsume } from '../support/kcat.js';
import { noise } from '../support/noise.js';
import { assertSameLines, codecs, connected, read } from './records.js';

const kinds = ['idempotent', 'aborted', 'committed'] as const;

/** Short and long ones, of text and of what no codec makes smaller: several batches. */
const recordsOf = (topic: string, name: string) =>
  Array.from({ length: 120 }, (_, i) => ({
    topic,
    key: i % 3 === 0 ? null : `key ${i}`,
    value: i % 11 === 0 ? null : `${name} ${i} ${i % 2 === 0 ? 'xyz'.repeat(i * 3) : noise(i * 20, i).toString('base64')}`,
    timestamp: 1_700_000_000_000 + i,
  }));

clusterTest(
  'numbered batches of every codec, in transactions and without: Java, kcat and we read what is committed, and the log has them as they should be',
  async (t, kafka) => {
    const topic = await kafka.createTopic();
    const from = connected(t, kafka);
    const names = ['none' as const, ...codecs.filter(({ writes }) => writes).map(({ name }) => name)];
    const expected: { readonly key: string | null; readonly value: string | null; readonly timestamp: number }[] = [];
    for (const compression of names) {
      const byKind = kinds.map(kind => recordsOf(topic, `${compression} ${kind}`));
      const [alone = [], aborted = [], committed = []] = byKind;
      await from.producer({ compression, idempotent: true }).sendMany(alone);
      const transactional = new SimpleProducer(from.client, { compression, transactionalId: uniqueName(compression) });
      await transactional.begin();
      await transactional.sendMany(aborted);
      await transactional.abort();
      await transactional.begin();
      await transactional.sendMany(committed);
      await transactional.commit();
      expected.push(...alone, ...committed);
    }
    const lines = expected.map(({ key, value, timestamp }) => `${timestamp}\t${key}\t${value}`);

    const printed = ['print.timestamp=true', 'print.key=true'].flatMap(property => ['--property', property]);
    const limits = ['--max-messages', `${lines.length}`, '--timeout-ms', '30000', '--isolation-level', 'read_committed'];
    const address = ['--bootstrap-server', kafka.bootstrapText, '--topic', topic, '--from-beginning'];
    const byJava = await kafka.tool('org.apache.kafka.tools.consumer.ConsoleConsumer', [...address, ...limits, ...printed]);
    assertSameLines(
      byJava.trimEnd().split('\n'),
      lines.map(line => `CreateTime:${line}`),
    );
    const byKcat = await kcatConsume({ bootstrap: kafka.bootstrap, topic, args: ['-X', 'isolation.level=read_committed'] });
    assertSameLines(
      byKcat.map(({ ts, key, payload }) => `${ts}\t${key}\t${payload}`),
      lines,
    );
    const byUs = await read(from, topic, lines.length);
    assertSameLines(
      byUs.map(({ timestamp, key, value }) => `${timestamp}\t${key}\t${value}`),
      lines,
    );

    // Several: a segment ends where a record is a week older than the marker of a transaction.
    const directory = join(kafka.directory, 'data-1', `${topic}-0`);
    const segments = readdirSync(directory)
      .filter(name => name.endsWith('.log'))
      .sort();
    const files = segments.map(name => join(directory, name)).join(',');
    const dump = await kafka.tool('kafka.tools.DumpLogSegments', ['--files', files]);
    const heads = dump.split('\n').filter(line => line.startsWith('baseOffset: ') && line.includes(' isControl: false '));
    const counts = new Map<string, number>();
    for (const head of heads) {
      const { producerId, isTransactional, codec, count, sequence } =
        / count: (?<count>\d+) baseSequence: (?<sequence>\d+) .* producerId: (?<producerId>\d+) .* isTransactional: (?<isTransactional>\w+) .* compresscodec: (?<codec>\w+) .* isvalid: true/.exec(
          head,
        )?.groups ?? {};
      assert.ok(Number(producerId) >= 0 && Number(sequence) >= 0, head);
      const kind = `${codec} ${isTransactional === 'true' ? 'in transactions' : 'alone'}`;
      counts.set(kind, (counts.get(kind) ?? 0) + Number(count));
    }
    assert.deepEqual(
      [...counts],
      names.flatMap(name => [
        [`${name} alone`, 120],
        [`${name} in transactions`, 240],
      ]),
    );
  },
  { kcat: true },
);
