import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EpochTrail } from '../../src/consumer/epoch-trail.js';

const before = (trail: EpochTrail, ...offsets: number[]): number[] => offsets.map(offset => trail.before(offset));

test('the epoch of the record before an offset, and where newer ones begin', () => {
  const trail = new EpochTrail();
  assert.deepEqual(before(trail, 0, 10), [-1, -1]);
  trail.add(5, 1);
  trail.add(8, 1);
  trail.add(10, 4);
  assert.deepEqual(before(trail, 5, 6, 10, 11, 100), [-1, 1, 1, 4, 4]);
  assert.deepEqual([trail.endOf(0), trail.endOf(1), trail.endOf(3), trail.endOf(4)], [5, 10, 10, Number.POSITIVE_INFINITY]);
});

test('reading that begins behind a record of a known epoch', () => {
  const trail = new EpochTrail();
  trail.add(5, 1);
  trail.restart(0, 3);
  assert.deepEqual(before(trail, 0, 7), [3, 3]);
  trail.restart(20, 3);
  assert.deepEqual(before(trail, 19, 20, 21), [-1, 3, 3]);
  trail.restart(20);
  assert.deepEqual(before(trail, 20, 21), [-1, -1]);
});

test('what is fetched again takes the place of what was fetched there', () => {
  const trail = new EpochTrail();
  trail.add(5, 1);
  trail.add(10, 2);
  trail.add(20, 3);
  trail.add(10, 4);
  assert.deepEqual(before(trail, 10, 11, 30), [1, 4, 4]);
  trail.truncate(10);
  assert.deepEqual(before(trail, 11, 30), [1, 1]);
});

test('records whose epoch is not known are told from those before', () => {
  const trail = new EpochTrail();
  trail.add(5, 2);
  trail.add(10, -1);
  assert.deepEqual(before(trail, 10, 11), [2, -1]);
});

test('what lies below is forgotten, but for the record before', () => {
  const trail = new EpochTrail();
  for (const [from, epoch] of [
    [0, 0],
    [10, 1],
    [20, 2],
  ] as const)
    trail.add(from, epoch);
  trail.forget(20);
  assert.deepEqual(before(trail, 5, 20, 21), [-1, 1, 2]);
  trail.forget(21);
  assert.deepEqual(before(trail, 20, 21), [-1, 2]);
});
