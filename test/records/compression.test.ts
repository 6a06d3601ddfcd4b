import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaError } from '../../src/base/errors.js';
import { putChecksum } from '../../src/records/builder.js';
import { BatchBuilder, compressionNames, encodeBatch, readBatches } from '../../src/records/index.js';

const source = { topic: 'orders', partition: 3 };

test('the codecs stand at the places of their numbers', () => {
  assert.deepEqual(compressionNames, ['none', 'gzip', 'snappy', 'lz4', 'zstd']);
});

test('gzip makes repeated records small, more so with a higher level', () => {
  const records = Array.from({ length: 500 }, (_, i) => ({ key: `customer-${i % 50}`, value: `{"amount":${i * 7},"currency":"EUR"}` }));
  const size = (level?: number): number => encodeBatch(records, { compression: 'gzip', level }).length;
  assert.ok(size() < encodeBatch(records).length / 3);
  assert.ok(size(9) < size(1));
});

test('a small batch that would fill memory when decompressed is refused by the bound, which the error names', () => {
  const bomb = encodeBatch([{ value: Buffer.alloc(64 * 2 ** 20) }], { compression: 'gzip', baseOffset: 7 });
  assert.ok(bomb.length < 100_000);
  const [batch] = readBatches(bomb, { ...source, maxDecompressedBytes: 2 ** 20 });
  const before = process.memoryUsage().arrayBuffers;
  assert.throws(
    () => batch?.open(),
    (error: unknown) => {
      assert.ok(error instanceof KafkaError);
      assert.equal(error.code, 'TIDE_TOO_LARGE');
      assert.match(error.message, /orders\/3 at offset 7: \d+ bytes of gzip are more than maxDecompressedBytes \(1048576\)/);
      assert.deepEqual(error.context, { topic: 'orders', partition: 3, offset: 7, maxDecompressedBytes: 2 ** 20 });
      return true;
    },
  );
  assert.ok(process.memoryUsage().arrayBuffers - before < 8 * 2 ** 20);
  const [whole] = readBatches(bomb, source);
  assert.equal(whole?.next()?.value?.length, 64 * 2 ** 20);
});

for (const [id, name] of [
  [2, 'snappy'],
  [3, 'lz4'],
  [4, 'zstd'],
] as const) {
  test(`${name} is refused by name, in both directions`, () => {
    const refused = { code: 'TIDE_UNSUPPORTED', message: new RegExp(`compression "${name}"`) };
    const builder = new BatchBuilder();
    builder.append(null, 'value', 1);
    assert.throws(() => builder.seal({ compression: name }), refused);
    assert.equal(builder.count, 1, 'the builder is as it was');
    const batch = builder.seal();
    batch.writeInt16BE(id, 21);
    putChecksum(batch);
    assert.throws(() => readBatches(batch, source).next()?.open(), refused);
  });
}
