import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeBatch, readBatches } from '../../src/records/index.js';

const MEBIBYTE = 2 ** 20;

for (const compression of ['none', 'gzip', 'snappy', 'lz4'] as const) {
  test(`an open batch of 1 MiB takes at most twice that, with the bytes it came in and the index of its records (${compression})`, () => {
    const value = (i: number) => `{"customer":${i * 7919},"amount":${i % 97},"ok":true,"note":"order ${i}"}`.padEnd(100, '.');
    const records = Array.from({ length: MEBIBYTE / 110 }, (_, i) => ({ value: value(i) }));
    const bytes = encodeBatch(records, { compression });
    const held = () => {
      const { arrayBuffers } = process.memoryUsage();
      return arrayBuffers;
    };
    const before = held() - bytes.length; // it is part of what the batch takes
    const batch = readBatches(bytes, { topic: 'orders', partition: 0 }).next()?.open();
    assert.equal(batch?.count, records.length);
    const taken = held() - before;
    assert.ok(taken <= 2 * MEBIBYTE, `${taken} bytes`);
    assert.ok((batch?.heldBytes ?? 0) <= 2 * MEBIBYTE, `${batch?.heldBytes} bytes by its own count`);
  });
}
