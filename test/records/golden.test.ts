import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { AbortedFilter, encodeBatch, encodeTransactionEnd, type RecordBatch, readBatches } from '../../src/records/index.js';
import { missingForKafka, REQUIRED } from '../kafka/availability.js';
import { describeBatches } from './describe.js';
import { kafkaRecords, RECORDS_FOLDER } from './kafka-records.js';
import { sampleBatches } from './samples.js';

interface Golden {
  readonly name: string;
  readonly bytes: string;
  readonly batches: ReturnType<typeof describeBatches>;
}

/** Batches that Kafka's own classes wrote, and what these say of them. See test/golden/records/make.ts. */
const golden = readFileSync(join(RECORDS_FOLDER, 'batches.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map(line => JSON.parse(line) as Golden);
const named = (name: string): Golden => {
  const found = golden.find(one => one.name === name);
  assert.ok(found, name);
  return found;
};
const read = (one: Golden): RecordBatch[] => [...readBatches(Buffer.from(one.bytes, 'hex'), { topic: 'orders', partition: 0 })];

for (const one of golden) {
  test(`what Kafka wrote is read as Kafka reads it: ${one.name}`, () => {
    assert.deepEqual(describeBatches(read(one)), one.batches);
  });
}

for (const name of ['some records, none', 'append time and a large offset', 'transactional', 'compacted, with gaps', 'many lengths']) {
  test(`the same records are written with the same bytes as Kafka's: ${name}`, () => {
    const one = named(name);
    const [batch] = read(one);
    assert.ok(batch);
    const appended = batch.timestampType === 'append';
    // With append time the records' own timestamps are hidden behind the broker's: they are what KafkaRecords.java gave.
    const own = read(named('some records, none'))[0];
    const written = encodeBatch(
      [...batch].map((m, i) => ({ ...m, timestamp: appended ? (own?.at(i)?.timestamp ?? -1) : m.timestamp, headers: m.headers })),
      {
        ...batch,
        compression: 'none',
        lastOffsetDelta: batch.lastOffset - batch.baseOffset,
        appendTime: appended ? batch.maxTimestamp : undefined,
      },
    );
    assert.equal(written.toString('hex'), one.bytes);
  });
}

test("the end of a transaction is written with the same bytes as Kafka's", () => {
  const at = { timestamp: 1_700_000_000_000, leaderEpoch: 3 };
  const commit = encodeTransactionEnd({
    type: 'commit',
    producerId: 2 ** 33,
    producerEpoch: 12,
    coordinatorEpoch: 5,
    baseOffset: 20,
    ...at,
  });
  const abort = encodeTransactionEnd({ type: 'abort', producerId: 4, producerEpoch: 0, coordinatorEpoch: 6, baseOffset: 21, ...at });
  assert.equal(commit.toString('hex'), named('commit').bytes);
  assert.equal(abort.toString('hex'), named('abort').bytes);
});

test("Kafka's transaction markers are told apart and passed over", () => {
  const [commit] = read(named('commit'));
  const [abort] = read(named('abort'));
  assert.ok(commit && abort);
  assert.equal(commit.controlType, 'commit');
  assert.equal(abort.controlType, 'abort');
  assert.equal(new AbortedFilter().skips(commit), true);
});

const missing = missingForKafka();
test("what is written here is valid for Kafka's own classes", {
  skip: missing !== undefined && !REQUIRED && `needs ${missing}`,
}, async () => {
  const samples = sampleBatches();
  const lines = await kafkaRecords('read', samples.map(bytes => `${bytes.toString('hex')}\n`).join(''));
  const theirs = lines
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as unknown);
  assert.equal(theirs.length, samples.length);
  samples.forEach((bytes, i) => {
    assert.deepEqual(describeBatches(readBatches(bytes, { topic: 'orders', partition: 0 })), theirs[i]);
  });
});
