import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reader } from '../../src/bytes/reader.js';

test('what is read may take 128 MiB in all, parts of it included', () => {
  const words = 2 ** 24;
  const reader = new Reader(Buffer.alloc(8));
  reader.reserve(words / 2);
  reader.part(4).reserve(words / 2);
  for (const each of [reader, reader.part(1)]) {
    assert.throws(() => each.reserve(1), { code: 'TIDE_PROTOCOL', message: /would take more than 134217728 bytes of memory/ });
  }
  new Reader(Buffer.alloc(8)).reserve(words);
});
