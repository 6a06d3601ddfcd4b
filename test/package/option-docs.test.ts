import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const declarations = (file: string): string => readFileSync(new URL(`../../src/${file}.d.ts`, import.meta.url), 'utf8');

/** The options of a table of rules, and those of them that no TSDoc stands above. */
function optionsOf(table: string, texts: readonly string[]) {
  const head = `declare const ${table}: {\n`;
  const body = texts.find(text => text.includes(head))?.split(head)[1] ?? '';
  const lines = body.slice(0, body.indexOf('\n};')).split('\n');
  const at = lines.flatMap((line, i) => (/^ {4}\w+: /.test(line) ? [i] : []));
  const bare = at.filter(i => !lines[i - 1]?.endsWith('*/')).map(i => lines[i]?.trim().split(':')[0]);
  return { count: at.length, bare };
}

for (const [type, file, ...others] of [
  ['KafkaClientOptions', 'client/client-options'],
  ['SimpleConsumerOptions', 'consumer/simple-consumer-options', 'consumer/often-rules', 'consumer/reading-options'],
  ['KafkaConsumerOptions', 'consumer/kafka-consumer-options', 'consumer/reading-options'],
  ['DeserializerOptions', 'consumer/deserializers'],
  [
    'MultiProcessConsumerOptions',
    'multiprocess/options',
    'consumer/kafka-consumer-options',
    'consumer/often-rules',
    'consumer/reading-options',
  ],
  ['SimpleProducerOptions', 'producer/simple-producer', 'producer/options'],
  ['KeyedProducerOptions', 'producer/options'],
] as const) {
  test(`${type}: the declarations, which editors show, say what each option does`, () => {
    const texts = [file, ...others].map(declarations);
    const [declared = ''] = new RegExp(`type ${type}\\b[^;]*;`).exec(texts[0] ?? '') ?? [];
    const tables = [...declared.matchAll(/Given<typeof (\w+)>/g)].map(([, table = '']) => optionsOf(table, texts));
    assert.ok(tables.length > 0 && tables.every(({ count }) => count > 0), declared);
    assert.deepEqual(
      tables.flatMap(({ bare }) => bare),
      [],
    );
  });
}
