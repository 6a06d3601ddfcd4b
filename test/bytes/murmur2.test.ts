import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { murmur2 } from '../../src/bytes/murmur2.js';
import { PROJECT_ROOT } from '../kafka/project.js';

test('murmur2 hashes keys as the Java client does', () => {
  const golden = readFileSync(join(PROJECT_ROOT, 'test/golden/records/murmur2.txt'), 'utf8').trim().split(/\s+/);
  assert.equal(golden.length, 1000);
  golden.forEach((hash, i) => {
    const key = Uint8Array.from({ length: i % 41 }, (_, k) => i * 31 + k * 167 + ((i * k) >> 3));
    assert.equal((murmur2(key) >>> 0).toString(16).padStart(8, '0'), hash, `key ${i}`);
  });
});

test('murmur2 gives a signed integer', () => {
  // Values of the Java client's own tests.
  assert.equal(murmur2(Buffer.from('21')), -973932308);
  assert.equal(murmur2(Buffer.from('foobar')), -790332482);
  assert.equal(murmur2(Buffer.from('a-little-bit-long-string')), -985981536);
  assert.equal(murmur2(Buffer.from('abc')), 479470107);
});
