import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { murmur2Partitioner } from '../../src/producer/partitioners.js';
import { PROJECT_ROOT } from '../kafka/project.js';

/** The numbers that test/golden/partitions/KafkaPartitions.java makes its keys of. */
function numbers(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state >>> 8;
  };
}

test("murmur2Partitioner chooses the partition that Java's producer chooses, for 10,000 keys over 1 to 1000 partitions", () => {
  const chosen = readFileSync(join(PROJECT_ROOT, 'test/golden/partitions/java.txt'), 'utf8').trim().split(/\s+/);
  assert.equal(chosen.length, 10_000);
  const all = Array.from({ length: 1000 }, (_, partition) => ({ partition, leader: partition % 5 === 0 ? -1 : 1 }));
  const next = numbers();
  for (const [i, partition] of chosen.entries()) {
    const count = 1 + (next() % 1000);
    const key = Buffer.alloc(next() % 64);
    for (let k = 0; k < key.length; k++) key[k] = next();
    const found = murmur2Partitioner({ key }, all.slice(0, count), 'orders');
    assert.equal(found, Number.parseInt(partition, 36), `key ${i}, ${key.toString('hex')}, over ${count} partitions`);
  }
});
