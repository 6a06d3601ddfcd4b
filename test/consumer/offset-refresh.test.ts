import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GroupOffset } from '../../src/client/offset-store.js';
import { OffsetRefresh } from '../../src/consumer/offset-refresh.js';
import type { Partition } from '../../src/consumer/partition.js';
import { ManualClock } from '../embedded/setting.js';

const partition = (id: number, committed: number | undefined, unsure = false) =>
  ({ topic: 'orders', partition: id, committed, unsure }) as Partition;

test('what is committed is stated again in time; what others stored since, what is not known, and nothing stay as they are', async () => {
  const clock = new ManualClock();
  const held = new Map([
    [0, 5],
    [1, 9],
    [2, 3],
  ]);
  const commits: (readonly GroupOffset[])[] = [];
  const failures: Error[] = [];
  let refusal: Error | undefined;
  const refresh = new OffsetRefresh({
    clock,
    everyMs: 1000,
    partitions: () => [partition(0, 5), partition(1, 8), partition(2, 3, true), partition(3, 7), partition(4, undefined)],
    failed: error => failures.push(error),
    signal: new AbortController().signal,
    target: {
      fetch: async partitions => {
        if (refusal !== undefined) throw refusal;
        return partitions.map(({ topic, partition: id }) => {
          const offset = held.get(id);
          return offset === undefined ? undefined : { topic, partition: id, offset, metadata: 'a note' };
        });
      },
      commit: async offsets => void commits.push(offsets),
    },
  });
  refresh.start();
  clock.advance(999);
  await new Promise(setImmediate);
  assert.deepEqual(commits, []);
  clock.advance(1);
  await new Promise(setImmediate);
  assert.deepEqual(commits, [[{ topic: 'orders', partition: 0, offset: 5, metadata: 'a note' }]]);
  refusal = new Error('refused');
  clock.advance(1000);
  await new Promise(setImmediate);
  assert.deepEqual(failures, [refusal]);
  refusal = undefined;
  clock.advance(1000);
  await new Promise(setImmediate);
  assert.equal(commits.length, 2);
  await refresh.stop();
  assert.equal(clock.pending, 0);
});
