import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type EncodeOptions, encodeBatch, type RecordBatch, readBatches } from '../../src/records/index.js';
import { missingForKafka, REQUIRED } from '../kafka/availability.js';
import { kafkaRecords, RECORDS_FOLDER } from './kafka-records.js';
import { sampleMessageSets } from './samples.js';

/** What messages say, in the words of KafkaRecords.java, which calls every plain message a batch. */
const describe = (batches: Iterable<RecordBatch>) =>
  Array.from(batches).flatMap(batch =>
    Array.from(batch, message => ({
      magic: batch.magic as number,
      compression: batch.compression as string,
      timestampType: message.timestampType as string,
      offset: message.offset,
      timestamp: message.timestamp,
      key: message.key?.toString('hex') ?? null,
      value: message.value?.toString('hex') ?? null,
    })),
  );

interface Golden {
  readonly name: string;
  readonly bytes: string;
  readonly messages: ReturnType<typeof describe>;
}

/** Message sets that Kafka's own classes wrote, and what these say of them. See test/golden/records/make.ts. */
const golden = readFileSync(join(RECORDS_FOLDER, 'message-sets.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map(line => JSON.parse(line) as Golden);
const read = (bytes: string) => readBatches(Buffer.from(bytes, 'hex'), { topic: 'orders', partition: 0 });
/** What was read, as it is written; append time hides the records' own. */
const again = (one: Golden, options: EncodeOptions): Buffer => {
  const records = one.messages.map(({ offset, timestamp, key, value }) => ({
    offset,
    timestamp,
    key: key === null ? null : Buffer.from(key, 'hex'),
    value: value === null ? null : Buffer.from(value, 'hex'),
  }));
  return encodeBatch(records, options);
};

for (const one of golden) {
  test(`what Kafka wrote in an old format is read as Kafka reads it: ${one.name}`, () => {
    assert.ok(one.messages.length >= 3);
    assert.deepEqual(describe(read(one.bytes)), one.messages);
  });
}

for (const { name, magic, appendTime } of [
  { name: 'some messages, v0, none', magic: 0, appendTime: undefined },
  { name: 'some messages, v1, none', magic: 1, appendTime: undefined },
  { name: 'compacted, with gaps, v0, none', magic: 0, appendTime: undefined },
  { name: 'compacted, with gaps, v1, none', magic: 1, appendTime: undefined },
  { name: 'append time, v1, none', magic: 1, appendTime: 1_700_000_000_099 },
] as const) {
  test(`the same messages are written with the same bytes as Kafka's: ${name}`, () => {
    const one = golden.find(each => each.name === name);
    assert.ok(one);
    assert.equal(again(one, { magic, appendTime }).toString('hex'), one.bytes);
  });
}

test('compressed messages are written with the bytes of Kafka, but for what its codec makes of them', () => {
  // Of all codecs only the framing of snappy leaves no choice for so few bytes: everything but the compressed block is compared.
  for (const magic of [0, 1] as const) {
    const one = golden.find(each => each.name === `some messages, v${magic}, snappy`);
    assert.ok(one);
    const [theirs, ours] = [Buffer.from(one.bytes, 'hex'), again(one, { magic, compression: 'snappy', baseOffset: 100 })];
    const head = magic === 0 ? 26 : 34;
    assert.deepEqual(ours.subarray(0, 8), theirs.subarray(0, 8), 'the offset of the last');
    assert.deepEqual(ours.subarray(16, head - 4), theirs.subarray(16, head - 4), 'format, attributes, timestamp, no key');
  }
});

const missing = missingForKafka();
test("message sets that are written here are valid for Kafka's own classes, and say the same there", {
  skip: missing !== undefined && !REQUIRED && `needs ${missing}`,
}, async () => {
  const samples = [...sampleMessageSets(), ...golden.map(({ bytes }) => Buffer.from(bytes, 'hex'))].map(bytes => bytes.toString('hex'));
  const lines = (await kafkaRecords('read-old', samples.map(hex => `${hex}\n`).join(''))).trim().split('\n');
  assert.equal(lines.length, samples.length);
  samples.forEach((hex, i) => {
    assert.deepEqual(describe(read(hex)), JSON.parse(lines[i] ?? ''));
  });
});
