import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EpochTrail } from '../../src/consumer/epoch-trail.js';

const before = (trail: EpochTrail, ...offsets: number[]): number[] => offsets.map(offset => trail.before(offset));

test('the epoch of the record before an offset, and where newer ones begin', () => {
  const trail = new EpochTrail();
  assert.deepEqual(before(trail, 0, 10), [-1, -1]);
  trail.add(5, 8, 1);
  trail.add(8, 10, 1);
  trail.add(10, 12, 4);
  assert.deepEqual(before(trail, 5, 6, 10, 11, 12), [-1, 1, 1, 4, 4]);
  assert.deepEqual([trail.endOf(0), trail.endOf(1), trail.endOf(3), trail.endOf(4)], [5, 10, 10, Number.POSITIVE_INFINITY]);
});

test('whose an offset was that is not there any more is known between records of the same leader only', () => {
  const trail = new EpochTrail();
  trail.add(0, 5, 1);
  trail.add(8, 10, 1);
  trail.add(15, 20, 2);
  assert.deepEqual(before(trail, 7, 10, 11, 15, 16, 20, 21), [1, 1, -1, -1, 2, 2, -1]);
  assert.equal(trail.endOf(1), 10);
});

test('reading that begins behind a record of a known epoch', () => {
  const trail = new EpochTrail();
  trail.add(5, 7, 1);
  trail.restart(0, 3);
  assert.deepEqual(before(trail, 0, 1), [3, -1]);
  trail.restart(20, 3);
  assert.deepEqual(before(trail, 19, 20, 21), [-1, 3, -1]);
  trail.add(20, 22, 3);
  assert.deepEqual(before(trail, 21, 22), [3, 3]);
  trail.restart(20);
  assert.deepEqual(before(trail, 20, 21), [-1, -1]);
});

test('what is fetched again takes the place of what was fetched there', () => {
  const trail = new EpochTrail();
  trail.add(5, 10, 1);
  trail.add(10, 20, 2);
  trail.add(20, 30, 3);
  trail.add(10, 12, 4);
  assert.deepEqual(before(trail, 10, 11, 12, 13), [1, 4, 4, -1]);
  trail.truncate(8);
  assert.deepEqual(before(trail, 8, 9), [1, -1]);
});

test('records whose epoch is not known are told from those before', () => {
  const trail = new EpochTrail();
  trail.add(5, 10, 2);
  trail.add(10, 12, -1);
  assert.deepEqual(before(trail, 10, 11), [2, -1]);
});

test('what lies below is forgotten, but for the record before', () => {
  const trail = new EpochTrail();
  for (const epoch of [0, 1, 2]) trail.add(epoch * 10, epoch * 10 + 10, epoch);
  trail.forget(20);
  assert.deepEqual(before(trail, 5, 20, 21), [-1, 1, 2]);
  trail.forget(21);
  assert.deepEqual(before(trail, 20, 21), [-1, 2]);
});
