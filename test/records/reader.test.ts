import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeBatch, encodeTransactionEnd, readBatches, scanBatches, stampOffset } from '../../src/records/index.js';

const source = { topic: 'orders', partition: 3 };
const batchAt = (baseOffset: number, count: number): Buffer =>
  encodeBatch(
    Array.from({ length: count }, (_, i) => ({ value: `value ${baseOffset + i}`, timestamp: 1000 })),
    { baseOffset },
  );
const offsets = (bytes: Uint8Array, fromOffset?: number): number[] =>
  [...readBatches(bytes, { ...source, fromOffset })].flatMap(batch => Array.from(batch, message => message.offset));

test('no bytes are no batches', () => {
  for (const nothing of [null, new Uint8Array(0)]) {
    const reader = readBatches(nothing, source);
    assert.equal(reader.next(), undefined);
    assert.equal(reader.partial, false);
  }
});

test('batches are read one after another from any place in memory', () => {
  const bytes = Buffer.concat([Buffer.from('frame'), batchAt(10, 2), batchAt(12, 1), batchAt(20, 2)]);
  const view = new Uint8Array(bytes.buffer, bytes.byteOffset + 5, bytes.length - 5);
  assert.deepEqual(offsets(view), [10, 11, 12, 20, 21]);
});

test('messages below the offset asked for are left out', () => {
  const bytes = Buffer.concat([batchAt(10, 3), batchAt(13, 3)]);
  assert.deepEqual(offsets(bytes, 12), [12, 13, 14, 15]);
  assert.deepEqual(offsets(bytes, 13), [13, 14, 15]);
  const [below] = readBatches(bytes, { ...source, fromOffset: 13 });
  assert.equal(below?.count, 0);
  assert.equal(below?.recordCount, 3);
  assert.equal(below?.next(), undefined);
  assert.equal(below?.at(0), undefined);
});

test('a cursor goes through a batch once, and can be moved within it', () => {
  const [batch] = readBatches(batchAt(10, 4), { ...source, fromOffset: 11 });
  assert.ok(batch);
  assert.equal(batch.next()?.offset, 11);
  assert.equal(batch.remaining, 2);
  batch.seek(13);
  assert.equal(batch.next()?.offset, 13);
  assert.equal(batch.next(), undefined);
  batch.seek(0);
  assert.equal(batch.next()?.offset, 11, 'not below the offset asked for');
  assert.equal(batch.count, 3);
  assert.equal(batch.offsetAt(2), 13);
  assert.equal(batch.at(3), undefined);
  assert.equal(batch.at(-1), undefined);
});

test('a batch without records still moves the position', () => {
  const [batch] = readBatches(encodeBatch([], { baseOffset: 30, lastOffsetDelta: 9 }), source);
  assert.equal(batch?.count, 0);
  assert.equal(batch?.nextOffset, 40);
});

test('a last batch that is cut short, anywhere, is no error: what was whole is read, and what a fetch must ask for is known', () => {
  const whole = batchAt(10, 2);
  const cut = batchAt(12, 3);
  for (let length = 1; length < cut.length; length++) {
    const reader = readBatches(Buffer.concat([whole, cut.subarray(0, length)]), source);
    assert.equal(reader.next()?.count, 2);
    assert.equal(reader.partial, false);
    assert.equal(reader.next(), undefined);
    assert.equal(reader.partial, true);
    assert.equal(reader.bytesNeeded, length < 12 ? 61 : cut.length);
    assert.equal(reader.next(), undefined);
  }
});

test('where reading will end is seen without reading', () => {
  const bytes = Buffer.concat([batchAt(10, 2), batchAt(12, 3)]);
  assert.deepEqual(scanBatches(bytes), { nextOffset: 15, wholeBytes: bytes.length, bytesNeeded: 0 });

  test('who appended a batch is seen without reading', () => {
    const ledBy = (offset: number, leaderEpoch: number): Buffer => {
      const batch = batchAt(offset, 2);
      stampOffset(batch, offset, leaderEpoch);
      return batch;
    };
    const bytes = Buffer.concat([ledBy(10, 3), ledBy(12, 3), ledBy(17, 5)]);
    const seen = (part: Buffer): number[][] => {
      const places: number[][] = [];
      scanBatches(part, (...place) => places.push(place));
      return places;
    };
    const whole = [
      [10, 12, 3],
      [12, 14, 3],
      [17, 19, 5],
    ];
    assert.deepEqual(seen(bytes), whole);
    assert.deepEqual(seen(bytes.subarray(0, -1)), whole.slice(0, 2));
  });
  const first = batchAt(10, 2).length;
  assert.deepEqual(scanBatches(bytes.subarray(0, -1)), { nextOffset: 12, wholeBytes: first, bytesNeeded: bytes.length - first });
  assert.deepEqual(scanBatches(bytes.subarray(0, first + 11)), { nextOffset: 12, wholeBytes: first, bytesNeeded: 0 });
  assert.deepEqual(scanBatches(Buffer.alloc(100)), { nextOffset: undefined, wholeBytes: 0, bytesNeeded: 0 });
});

test('records are decompressed and checked on first use, so that batches passed over cost nothing', () => {
  const bytes = encodeBatch([{ value: 'x' }], { compression: 'gzip' });
  const [batch] = readBatches(bytes, { ...source, maxDecompressedBytes: 1 });
  assert.equal(batch?.nextOffset, 1);
  assert.throws(() => batch?.open(), { code: 'TIDE_TOO_LARGE' });
  assert.throws(() => batch?.next(), { code: 'TIDE_TOO_LARGE' });
});

test('a control batch of a kind nobody knows is told apart from the end of a transaction', () => {
  const type = (key: Buffer | null) => readBatches(encodeBatch([{ key }], { isControl: true }), source).next()?.controlType;
  assert.equal(type(Buffer.from([0, 0, 0, 0])), 'abort');
  assert.equal(type(Buffer.from([0, 1, 0, 1])), 'commit');
  assert.equal(type(Buffer.from([0, 0, 0, 2])), 'other');
  assert.equal(type(Buffer.from([0xff, 0xff, 0, 0])), 'other');
  assert.equal(type(Buffer.from([0, 0, 0])), 'other');
  assert.equal(type(null), 'other');
  assert.equal(readBatches(encodeBatch([], { isControl: true }), source).next()?.controlType, 'other');
  assert.equal(readBatches(batchAt(0, 1), source).next()?.controlType, undefined);
  const end = { type: 'abort', producerId: 1, producerEpoch: 0, coordinatorEpoch: 0, timestamp: 1 } as const;
  assert.equal(readBatches(encodeTransactionEnd(end), source).next()?.controlType, 'abort');
});
