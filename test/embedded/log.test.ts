import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PartitionLog } from '../../src/embedded/log.js';
import { encodeBatch, type RecordInput, readBatches } from '../../src/records/index.js';

const source = { topic: 'orders', partition: 0 };

function append(log: PartitionLog, records: readonly RecordInput[], baseOffset?: number): number {
  const bytes = encodeBatch(records);
  const batch = readBatches(bytes, source).next();
  assert.ok(batch);
  log.append(bytes, batch, 0, { baseOffset });
  return bytes.length;
}

const records = (count: number, timestamp = 1000): RecordInput[] =>
  Array.from({ length: count }, (_, i) => ({ value: `v${i}`, timestamp: timestamp + i }));

test('offsets go on from batch to batch, and a gap stays a gap', () => {
  const log = new PartitionLog(source);
  append(log, records(3));
  append(log, records(2), 10);
  assert.equal(log.endOffset, 12);
  assert.deepEqual(
    log.batches().map(({ baseOffset, lastOffset, bytes }) => [baseOffset, lastOffset, Number(bytes.readBigInt64BE(0))]),
    [
      [0, 2, 0],
      [10, 11, 10],
    ],
  );
  assert.equal(log.batchAt(2)?.baseOffset, 0);
  assert.equal(log.batchAt(3)?.baseOffset, 10, 'an offset in a gap is found at the next batch');
  assert.equal(log.batchAt(12), undefined);
});

test('a read begins with the batch that holds the offset and ends before the limit', () => {
  const log = new PartitionLog(source);
  const size = append(log, records(3));
  append(log, records(3));
  append(log, records(3));
  assert.equal(log.read(4, size * 2, false, false).chunks.length, 2);
  assert.equal(log.read(4, size * 2 - 1, false, false).chunks.length, 1);
  assert.equal(log.read(0, size - 1, false, false).chunks.length, 0);
  assert.equal(log.read(0, size - 1, true, false).sizeBytes, size, 'the first batch, whatever the limit');
  assert.equal(log.read(0, size + 7, false, true).sizeBytes, size + 7, 'cut off in the middle, when that is wanted');
  assert.equal(log.read(0, size - 1, false, true).sizeBytes, 0, 'but never the first');
  assert.equal(log.read(9, size, true, false).sizeBytes, 0);
});

test('trimming keeps the batch that straddles the new start, and nothing below it', () => {
  const log = new PartitionLog(source);
  for (let i = 0; i < 100; i++) append(log, records(3));
  const size = log.sizeBytes / 100;
  log.trim(151);
  assert.equal(log.startOffset, 151);
  assert.equal(log.batches()[0]?.baseOffset, 150);
  assert.equal(log.sizeBytes, size * 50);
  assert.equal(log.batchAt(0)?.baseOffset, 150);
  log.trim(20);
  assert.equal(log.startOffset, 151, 'it never goes back');
  log.trim(1000);
  assert.equal(log.startOffset, 300, 'nor past the end');
  assert.deepEqual(log.batches(), []);
});

test('retention forgets the oldest batches while the rest is large enough, and never the last', () => {
  const log = new PartitionLog(source);
  const size = append(log, records(3));
  for (let i = 0; i < 9; i++) append(log, records(3));
  log.retain(-1);
  assert.equal(log.startOffset, 0);
  log.retain(size * 4 - 1);
  assert.equal(log.startOffset, 18);
  log.retain(0);
  assert.equal(log.startOffset, 27);
  assert.equal(log.endOffset, 30);
});

test('a time is found at the first record that is not older', () => {
  const log = new PartitionLog(source);
  append(log, records(3, 1000));
  append(log, records(3, 500));
  append(log, records(3, 2000));
  assert.equal(log.atTime(0)?.offset, 0);
  assert.equal(log.atTime(1001)?.offset, 1);
  assert.equal(log.atTime(1003)?.offset, 6);
  assert.equal(log.atTime(2003), undefined);
  assert.deepEqual(log.atLargestTime(), { offset: 8, timestamp: 2002, leaderEpoch: 0 });
  log.trim(2);
  assert.equal(log.atTime(0)?.offset, 2);
});
