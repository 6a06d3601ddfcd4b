import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deadline } from '../../src/base/clock.js';
import { type Deferred, deferred } from '../../src/base/wait.js';
import type { AutoCommit } from '../../src/consumer/auto-commit.js';
import { Committer } from '../../src/consumer/committer.js';
import { EpochTrail } from '../../src/consumer/epoch-trail.js';
import type { Partition } from '../../src/consumer/partition.js';
import { ManualClock } from '../embedded/setting.js';

/** A committer whose commits are answered by hand, in the order in which they were sent. */
function committerSetting(autoCommit?: AutoCommit) {
  const clock = new ManualClock();
  const sent: string[] = [];
  const answers: Deferred<void>[] = [];
  /** How far the work of its one partition is done. */
  const epochs = new EpochTrail();
  const progress = {
    topic: 'orders',
    partition: 0,
    epoch: 0,
    epochs,
    doubts: 0,
    placed: true,
    done: 0,
    keepFrom: Number.POSITIVE_INFINITY,
  };
  const partition = progress as Partition;
  const committer = new Committer({
    clock,
    autoCommit,
    partitions: () => [partition],
    failed: () => {},
    committed: () => {},
    signal: new AbortController().signal,
    target: {
      commit: offsets => {
        sent.push(offsets.map(({ offset }) => offset).join());
        const answer = deferred();
        answers.push(answer);
        return answer.promise;
      },
      fetch: async partitions => partitions.map(() => undefined),
      forgets: async () => true,
      forTransaction: async () => assert.fail('there is none'),
      refusedTransaction: error => error,
    },
  });
  const commit = (offset: number, timeoutMs?: number) =>
    committer.commitAt([{ partition, offset }], timeoutMs === undefined ? {} : { deadline: new Deadline(clock, timeoutMs) });
  return { clock, sent, answers, partition, progress, committer, commit };
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

test('a commit by hand starts the time of the automatic ones anew', async () => {
  const { clock, sent, answers, progress, committer } = committerSetting({ everyN: Number.POSITIVE_INFINITY, everyMs: 80 });
  const answered = async () => {
    answers.shift()?.resolve();
    await new Promise(setImmediate);
  };
  committer.start();
  for (const done of [1, 2, 3]) {
    progress.done = done;
    clock.advance(79);
    const byHand = committer.commit();
    await new Promise(setImmediate);
    await answered();
    assert.equal(await byHand, true);
  }
  progress.done = 4;
  clock.advance(79);
  await new Promise(setImmediate);
  assert.deepEqual(sent, ['1', '2', '3']);
  clock.advance(1);
  await new Promise(setImmediate);
  assert.deepEqual(sent, ['1', '2', '3', '4']);
  await answered();
  await committer.stop();
  assert.equal(clock.pending, 0);
});

test('a commit does not make sure of what a rollback has left unsure meanwhile', async () => {
  const { answers, partition, progress, commit } = committerSetting();
  partition.unsure = true;
  const overtaken = commit(1);
  await new Promise(setImmediate);
  progress.doubts += 1; // it was rolled back
  answers[0]?.resolve();
  await overtaken;
  assert.deepEqual([partition.committed, partition.unsure], [1, true]);
  const next = commit(0);
  await new Promise(setImmediate);
  answers[1]?.resolve();
  await next;
  assert.deepEqual([partition.committed, partition.unsure], [0, false]);
});
