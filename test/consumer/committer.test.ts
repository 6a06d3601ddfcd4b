import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deadline } from '../../src/base/clock.js';
import { type Deferred, deferred } from '../../src/base/wait.js';
import { Committer } from '../../src/consumer/committer.js';
import type { Partition } from '../../src/consumer/partition.js';
import { ManualClock } from '../embedded/setting.js';

/** A committer whose commits are answered by hand, in the order in which they were sent. */
function committerSetting() {
  const clock = new ManualClock();
  const sent: string[] = [];
  const answers: Deferred<void>[] = [];
  const committer = new Committer({
    clock,
    autoCommit: undefined,
    partitions: () => [],
    failed: () => {},
    signal: new AbortController().signal,
    target: {
      commit: offsets => {
        sent.push(offsets.map(({ offset }) => offset).join());
        const answer = deferred();
        answers.push(answer);
        return answer.promise;
      },
      fetch: async partitions => partitions.map(() => undefined),
      forTransaction: async () => assert.fail('there is none'),
    },
  });
  const partition = { topic: 'orders', partition: 0, epoch: 0 } as Partition;
  const commit = (offset: number, timeoutMs?: number) =>
    committer.commitAt([{ partition, offset }], timeoutMs === undefined ? {} : { deadline: new Deadline(clock, timeoutMs) });
  return { clock, sent, answers, partition, commit };
}

test('a commit behind one that hangs keeps to its own deadline: it is not sent, and the next one still waits for the first', async () => {
  const { clock, sent, answers, partition, commit } = committerSetting();
  const first = commit(1);
  const late = assert.rejects(commit(2, 300), { code: 'TIDE_TIMEOUT', persistence: 'no' });
  const third = commit(3, 1000);
  clock.advance(300);
  await late;
  assert.deepEqual(sent, ['1']);
  answers[0]?.resolve();
  assert.equal(await first, true);
  await new Promise(setImmediate);
  assert.deepEqual(sent, ['1', '3']);
  answers[1]?.resolve();
  assert.equal(await third, true);
  assert.equal(partition.committed, 3);
  assert.equal(clock.pending, 0);
});
