import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CompressionName, encodeBatch, inflateBatches, isCompressed, type Message, readBatches } from '../../src/records/index.js';

const source = { topic: 'orders', partition: 0 };
const limit = 2 ** 20;

const batchOf = (baseOffset: number, compression: CompressionName): Buffer =>
  encodeBatch(
    Array.from({ length: 50 }, (_, i) => ({ key: `k${i}`, value: 'tea '.repeat(i), headers: [['n', `${i}`]], timestamp: 1000 + i })),
    { baseOffset, compression },
  );

const told = ({ offset, key, value, headers, timestamp, attributes }: Message) => ({ offset, key, value, headers, timestamp, attributes });
const read = (bytes: Uint8Array, inflated: boolean) =>
  [...readBatches(bytes, { ...source, inflated })].flatMap(batch => [...batch].map(told));

for (const compression of ['none', 'gzip', 'snappy', 'lz4'] as const) {
  test(`batches that were decompressed elsewhere read as before (${compression})`, () => {
    const bytes = Buffer.concat([batchOf(0, compression), batchOf(50, 'none'), batchOf(100, compression)]);
    const cut = Buffer.concat([bytes, batchOf(150, compression).subarray(0, 100)]);
    const inflated = inflateBatches(cut, limit);
    assert.ok(inflated !== undefined);
    assert.deepEqual(read(new Uint8Array(inflated), true), read(bytes, false));
    assert.equal(isCompressed(bytes), compression !== 'none');
    assert.equal(Buffer.from(inflated).includes('tea tea tea tea'), true);
  });
}

test('what is damaged, too large or of an old format is left to its reader', () => {
  const bytes = Buffer.concat([batchOf(0, 'gzip'), batchOf(50, 'gzip')]);
  assert.equal(inflateBatches(bytes, 100), undefined);
  for (const at of [16, 17, 21, 30, 57, 70, bytes.length - 3]) {
    const damaged = Buffer.from(bytes);
    damaged[at] = (damaged[at] ?? 0) ^ 0x40;
    assert.equal(inflateBatches(damaged, limit), undefined, `byte ${at}`);
  }
  const old = encodeBatch([{ value: 'tea' }], { magic: 1, compression: 'gzip' });
  assert.equal(inflateBatches(Buffer.concat([old, old]), limit), undefined);
  assert.equal(inflateBatches(Buffer.alloc(0), limit)?.byteLength, 0);
});
