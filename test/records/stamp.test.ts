import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  encodeBatch,
  encodeTransactionEnd,
  type RecordBatch,
  readBatches,
  stampAppendTime,
  stampOffset,
  stampProducer,
  validateBatch,
} from '../../src/records/index.js';

const source = { topic: 'orders', partition: 3 };
const records = [
  { value: 'a', timestamp: 10 },
  { value: 'b', timestamp: 20 },
];
const read = (bytes: Buffer): RecordBatch => {
  const batch = readBatches(bytes, source).next();
  assert.ok(batch);
  return batch;
};

test('a stored batch is told its offset and epoch, append time and producer, and stays sound', () => {
  const bytes = encodeBatch(records);
  stampOffset(bytes, 2 ** 40 + 5, 9);
  assert.deepEqual(
    [...read(bytes)].map(m => m.offset),
    [2 ** 40 + 5, 2 ** 40 + 6],
  );
  assert.equal(read(bytes).leaderEpoch, 9);
  stampProducer(bytes, 2 ** 35, 4, 77);
  assert.deepEqual([read(bytes).producerId, read(bytes).producerEpoch, read(bytes).baseSequence], [2 ** 35, 4, 77]);
  assert.equal(read(bytes).timestampType, 'create');
  stampAppendTime(bytes, 99);
  assert.equal(read(bytes).timestampType, 'append');
  assert.deepEqual(
    [...read(bytes)].map(m => m.timestamp),
    [99, 99],
  );
});

test('one sound batch of a producer is accepted', () => {
  assert.equal(validateBatch(encodeBatch(records), source).count, 2);
  assert.equal(validateBatch(encodeBatch(records, { compression: 'gzip' }), source).count, 2);
  const idempotent = { producerId: 1, producerEpoch: 0, baseSequence: 0, isTransactional: true };
  assert.equal(validateBatch(encodeBatch(records, idempotent), source).isTransactional, true);
});

test('what a producer may not send is refused', () => {
  const one = encodeBatch(records);
  const refused = (bytes: Uint8Array, message: RegExp): void =>
    assert.throws(() => validateBatch(bytes, source), { code: 'TIDE_CORRUPT', message });
  refused(Buffer.alloc(0), /expected one whole batch, got 0 bytes/);
  refused(one.subarray(0, -1), /expected one whole batch, got \d+ bytes/);
  refused(Buffer.concat([one, encodeBatch(records, { baseOffset: 2 })]), /bytes follow the one batch/);
  refused(encodeBatch([]), /a batch without records/);
  refused(encodeBatch([{ offset: 0 }, { offset: 2 }]), /its offsets have gaps/);
  refused(encodeBatch(records, { lastOffsetDelta: 5 }), /its offsets have gaps/);
  refused(encodeBatch([{ offset: 1 }], { lastOffsetDelta: 1 }), /its offsets have gaps/);
  refused(encodeBatch(records, { appendTime: 5 }), /append time/);
  refused(encodeBatch(records, { producerId: 1 }), /a producer id without epoch and sequence/);
  refused(encodeBatch(records, { isTransactional: true }), /a transaction without a producer id/);
  refused(encodeTransactionEnd({ type: 'commit', producerId: 1, producerEpoch: 0, coordinatorEpoch: 0, timestamp: 1 }), /a control batch/);
  const flipped = Buffer.from(one);
  flipped[65] = (flipped[65] ?? 0) ^ 1;
  refused(flipped, /checksum/);
});
