import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeldBackWatch } from '../../src/consumer/held-back-watch.js';
import { Outstanding } from '../../src/consumer/outstanding.js';
import type { Lease, Partition } from '../../src/consumer/partition.js';
import { ManualClock } from '../embedded/setting.js';

function watchSetting() {
  const clock = new ManualClock();
  const outstanding = new Outstanding();
  const read = { topic: 'orders', partition: 3, outstanding, lease: {} as Lease };
  const told: string[] = [];
  const watch = new HeldBackWatch(
    clock,
    800,
    () => [read as Partition],
    ({ topic, partition, offset, count, heldMs }) => told.push(`${topic}/${partition} ${offset} ${count} ${heldMs}`),
  );
  const pass = (ms: number) => {
    for (let passed = 0; passed < ms; passed += 100) clock.advance(100);
  };
  return { clock, outstanding, read, told, watch, pass };
}

test('a message that is not marked is told when it has held for the longest time, once', () => {
  const { clock, outstanding, told, watch, pass } = watchSetting();
  watch.start();
  watch.start();
  assert.equal(clock.pending, 1);
  for (const offset of [5, 6, 7]) outstanding.addOne(offset);
  pass(100); // it is seen
  outstanding.mark(6);
  pass(700);
  assert.deepEqual(told, []);
  pass(100);
  assert.deepEqual(told, ['orders/3 5 2 800']);
  pass(5000);
  assert.equal(told.length, 1);
  watch.stop();
  assert.equal(clock.pending, 0);
});

test('where done moves on, or what was handed out is taken back, its time begins anew', () => {
  const { outstanding, read, told, watch, pass } = watchSetting();
  watch.start();
  for (const offset of [5, 6]) outstanding.addOne(offset);
  pass(800);
  outstanding.mark(5);
  pass(800);
  assert.deepEqual(told, []);
  read.lease = {} as Lease; // the same offset, handed out once more
  pass(800);
  assert.deepEqual(told, []);
  pass(100);
  assert.deepEqual(told, ['orders/3 6 1 800']);
  outstanding.mark(6);
  pass(100);
  outstanding.addOne(9);
  pass(900);
  assert.deepEqual(told, ['orders/3 6 1 800', 'orders/3 9 1 800']);
});
