import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AbortedFilter, encodeBatch, encodeTransactionEnd, readBatches } from '../../src/records/index.js';

const data = (baseOffset: number, producerId: number, isTransactional = true): Buffer =>
  encodeBatch([{ value: 'a' }, { value: 'b' }], { baseOffset, producerId, producerEpoch: 0, baseSequence: 0, isTransactional });
const end = (baseOffset: number, producerId: number, type: 'abort' | 'commit'): Buffer =>
  encodeTransactionEnd({ type, producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp: 1, baseOffset });

/** The base offsets of what is for users. */
function kept(log: Buffer[], aborted?: ConstructorParameters<typeof AbortedFilter>[0]): number[] {
  const filter = new AbortedFilter(aborted);
  return [...readBatches(Buffer.concat(log), { topic: 'orders', partition: 0 })]
    .filter(batch => !filter.skips(batch))
    .map(b => b.baseOffset);
}

// Producers 1 and 2 at the same time; 1 aborts, commits, aborts; 2 commits; 3 is only idempotent.
const log = [
  data(0, 1), // aborted
  data(2, 2),
  data(4, 1), // aborted
  data(6, 3, false),
  end(8, 1, 'abort'),
  data(9, 1),
  end(11, 1, 'commit'),
  end(12, 2, 'commit'),
  data(13, 1), // aborted
  data(15, 1, false),
  end(17, 1, 'abort'),
];

test('what was aborted is passed over, and nothing else', () => {
  const aborted = [
    { producerId: 1, firstOffset: 0 },
    { producerId: 1, firstOffset: 13 },
  ];
  assert.deepEqual(kept(log, aborted), [2, 6, 9, 15]);
  assert.deepEqual(kept(log, aborted.toReversed()), [2, 6, 9, 15], 'the list need not be sorted');
});

test('without a list only control batches are passed over', () => {
  for (const none of [undefined, null, []]) assert.deepEqual(kept(log, none), [0, 2, 4, 6, 9, 13, 15]);
});

test('an answer that begins inside an aborted transaction', () => {
  assert.deepEqual(kept(log.slice(2), [{ producerId: 1, firstOffset: 0 }]), [6, 9, 13, 15]);
});

test('a transaction that is ended twice, and an answer of nothing but aborted data', () => {
  const aborted = [{ producerId: 1, firstOffset: 0 }];
  assert.deepEqual(kept([data(0, 1), end(2, 1, 'abort'), end(3, 1, 'abort'), data(4, 1)], aborted), [4]);
  assert.deepEqual(kept([data(0, 1), data(2, 1)], aborted), []);
});

test('a transaction that begins inside a batch-sized step of another producer', () => {
  const aborted = [{ producerId: 2, firstOffset: 2 }];
  assert.deepEqual(kept([data(0, 1), data(2, 2), end(4, 1, 'commit'), end(5, 2, 'abort')], aborted), [0]);
});
