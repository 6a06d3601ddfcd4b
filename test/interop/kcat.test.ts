import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../kafka/availability.js';
import { kafkaTest } from '../kafka/kafka.js';
import { run } from '../kafka/process.js';
import { type KcatInput, kcat, kcatConsume, kcatProduce } from '../support/kcat.js';
import { assertSameLines, codecs, connected, read, type Seen, written } from './records.js';

for (const version of ['4.1.2', '4.3.1', '3.9.2', '2.8.2', '1.1.1'] as const) {
  kafkaTest(
    'what kcat writes is read as it was written: keys, values, headers, nulls and nothings, timestamps',
    async (t, kafka) => {
      const topic = await kafka.createTopic();
      const target = { bootstrap: kafka.bootstrap, topic };
      const records: KcatInput[] = [
        ['key', 'value'],
        ['', 'Gr\u00fc\u00dfe, \u4e16\u754c \u{1f30a}'],
        ['only a key', ''],
      ];
      const before = Date.now();
      await kcatProduce({ ...target, args: ['-H', 'a=1', '-H', 'a=2', '-H', 'none', '-H', 'empty='] }, records);
      await kcatProduce({ ...target, args: ['-Z'] }, records);
      const headers = [
        ['a', '1'],
        ['a', '2'],
        ['none', null],
        ['empty', ''],
      ] as const;

      const seen = await read(connected(t, kafka), topic, 6);
      assert.deepEqual(
        seen.map(({ timestamp: _, ...rest }) => rest),
        [
          { offset: 0, key: 'key', value: 'value', headers },
          { offset: 1, key: '', value: 'Gr\u00fc\u00dfe, \u4e16\u754c \u{1f30a}', headers },
          { offset: 2, key: 'only a key', value: '', headers },
          { offset: 3, key: 'key', value: 'value', headers: [] },
          { offset: 4, key: null, value: 'Gr\u00fc\u00dfe, \u4e16\u754c \u{1f30a}', headers: [] },
          { offset: 5, key: 'only a key', value: null, headers: [] },
        ],
      );
      assert.deepEqual(
        seen.map(({ timestamp }) => timestamp),
        (await kcatConsume(target)).map(({ ts }) => ts),
      );
      for (const { timestamp } of seen) assert.ok(timestamp >= before && timestamp <= Date.now(), `${timestamp}`);
    },
    { version, kcat: true },
  );

  kafkaTest(
    'kcat reads what is written as it was meant: keys, values, headers, nulls and nothings, timestamps',
    async (t, kafka) => {
      const topic = await kafka.createTopic();
      await connected(t, kafka)
        .producer()
        .sendMany(written.map(record => ({ topic, ...record })));
      const seen = (await kcatConsume({ bootstrap: kafka.bootstrap, topic })).map(
        ({ offset, ts, key, payload, headers = [] }): Seen => ({
          offset,
          timestamp: ts,
          key,
          value: payload,
          headers: Array.from({ length: headers.length / 2 }, (_, i) => [headers[2 * i] ?? null, headers[2 * i + 1] ?? null] as const),
        }),
      );
      assert.deepEqual(
        seen,
        written.map(({ key, value, headers, timestamp }, offset) => ({ offset, timestamp, key, value, headers })),
      );
      assert.deepEqual(await read(connected(t, kafka), topic, written.length), seen, 'and so do we');
    },
    { version, kcat: true },
  );
}

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i));

kafkaTest(
  'every byte is kept, from kcat and to kcat',
  async (t, kafka) => {
    const topic = await kafka.createTopic();
    const directory = mkdtempSync(join(tmpdir(), 'tidemark-interop-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const file = join(directory, 'bytes');
    writeFileSync(file, everyByte);
    const sent = await kcat(['-P', '-b', kafka.bootstrapText, '-t', topic, file]);
    assert.equal(sent.code, 0, sent.stderr);
    const client = connected(t, kafka);
    await client.producer().send({ topic, value: everyByte });
    const [first, second] = await client.messages(topic, 2);
    assert.deepEqual([first?.value, second?.value], [everyByte, everyByte]);

    const command = `"${findProgram('kcat')}" -C -q -b ${kafka.bootstrapText} -t ${topic} -o 1 -c 1 -f %s | od -An -v -tu1`;
    const { stdout } = await run('/bin/sh', ['-c', command]);
    assert.deepEqual(Buffer.from(stdout.trim().split(/\s+/).map(Number)), everyByte);
  },
  { kcat: true },
);

for (const codec of codecs) {
  kafkaTest(
    `batches that kcat compressed with ${codec.name} are read`,
    async (t, kafka) => {
      if (!codec.reads) return t.skip(`${codec.name} cannot be read here`);
      const topic = await kafka.createTopic();
      const values = Array.from({ length: 2000 }, (_, i) => `value ${i} ${'ab'.repeat(i % 60)}`);
      await kcatProduce({ bootstrap: kafka.bootstrap, topic, args: ['-z', codec.name] }, values);
      const seen = await read(connected(t, kafka), topic, values.length);
      assertSameLines(
        seen.map(({ value }) => value),
        values,
      );
    },
    { kcat: true },
  );

  kafkaTest(
    `kcat reads batches compressed with ${codec.name}`,
    async (t, kafka) => {
      if (!codec.writes) return t.skip(`${codec.name} cannot be written here`);
      const topic = await kafka.createTopic();
      const values = Array.from({ length: 2000 }, (_, i) => `value ${i} ${'ab'.repeat(i % 60)}`);
      await connected(t, kafka)
        .producer({ compression: codec.name })
        .sendMessages(topic, ...values);
      const seen = await kcatConsume({ bootstrap: kafka.bootstrap, topic });
      assertSameLines(
        seen.map(({ payload }) => payload),
        values,
      );
    },
    { kcat: true },
  );
}
