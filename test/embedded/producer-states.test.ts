import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorNumbers } from '../../src/base/broker-errors.js';
import { ProducerStates } from '../../src/embedded/producer-states.js';
import { encodeBatch, type RecordBatch, readBatches } from '../../src/records/index.js';

function batch(baseSequence: number, count = 1, producerEpoch = 0, producerId = 7): RecordBatch {
  const values = Array.from({ length: count }, () => ({ value: 'v' }));
  const bytes = encodeBatch(values, { producerId, producerEpoch, baseSequence });
  const read = readBatches(bytes, { topic: 'orders', partition: 0 }).next();
  assert.ok(read);
  return read;
}

const at = (baseOffset: number) => ({ baseOffset, maxTimestamp: baseOffset + 1000 });

const outOfOrder = { kind: 'refuse', error: errorNumbers.OUT_OF_ORDER_SEQUENCE_NUMBER };

test('a batch sent again is known by its sequence, for five batches back', () => {
  const sequences = new ProducerStates();
  for (let i = 0; i < 6; i++) {
    assert.deepEqual(sequences.judge(batch(i * 2, 2)), { kind: 'append' });
    sequences.remember(batch(i * 2, 2), at(100 + i * 2));
  }
  assert.deepEqual(sequences.judge(batch(10, 2)), { kind: 'duplicate', stored: at(110) });
  assert.deepEqual(sequences.judge(batch(2, 2)), { kind: 'duplicate', stored: at(102) });
  assert.deepEqual(sequences.judge(batch(0, 2)), outOfOrder, 'six back is forgotten');
  assert.deepEqual(sequences.judge(batch(10, 1)), outOfOrder, 'another batch with the same first sequence is no repetition');
});

test('a gap between sequences is refused', () => {
  const sequences = new ProducerStates();
  sequences.remember(batch(0, 3), at(0));
  assert.deepEqual(sequences.judge(batch(4)), outOfOrder);
  assert.deepEqual(sequences.judge(batch(3)), { kind: 'append' });
});

test('a new epoch begins at sequence 0, and an old one is refused', () => {
  const sequences = new ProducerStates();
  sequences.remember(batch(0, 3, 1), at(0));
  assert.deepEqual(sequences.judge(batch(3, 1, 2)), outOfOrder);
  assert.deepEqual(sequences.judge(batch(0, 1, 2)), { kind: 'append' });
  assert.deepEqual(sequences.judge(batch(3, 1, 0)), { kind: 'refuse', error: errorNumbers.INVALID_PRODUCER_EPOCH });
});

test('sequences begin again at 0 behind the largest', () => {
  const sequences = new ProducerStates();
  sequences.remember(batch(2 ** 31 - 2, 2), at(0));
  assert.deepEqual(sequences.judge(batch(0)), { kind: 'append' });
  sequences.remember(batch(2 ** 31 - 1, 3), at(2));
  assert.deepEqual(sequences.judge(batch(2)), { kind: 'append' }, 'also when a batch lies across the end');
});

test('batches of no idempotent producer are all taken', () => {
  const sequences = new ProducerStates();
  const plain = batch(-1, 1, -1, -1);
  sequences.remember(plain, at(0));
  assert.deepEqual(sequences.judge(plain), { kind: 'append' });
});
