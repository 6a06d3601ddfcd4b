import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Deferred, deferred } from '../../src/base/wait.js';
import { coreOf, KafkaClient } from '../../src/client/client.js';
import { type GroupOffset, OffsetStore } from '../../src/client/offset-store.js';
import { type CommitTarget, Committer } from '../../src/consumer/committer.js';
import { EpochTrail } from '../../src/consumer/epoch-trail.js';
import { memberTarget } from '../../src/consumer/member-target.js';
import { OffsetRefresh } from '../../src/consumer/offset-refresh.js';
import type { Partition } from '../../src/consumer/partition.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import type { Membership } from '../../src/group/index.js';
import { ManualClock } from '../embedded/setting.js';

const partition = (id: number, committed: number | undefined, unsure = false) =>
  ({ topic: 'orders', partition: id, committed, unsure, epochs: new EpochTrail() }) as Partition;

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
    inTurn: work => work(),
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
      forgets: async () => true,
      forTransaction: async () => assert.fail('there is none'),
      refusedTransaction: error => error,
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

/** A consumer's commits and what states them again, by a clock of their own; each request is answered by hand. */
function refreshSetting(forgets = true) {
  const clock = new ManualClock();
  const ours = partition(0, 10);
  let held = 10;
  const log: string[] = [];
  const gates: Deferred<void>[] = [];
  const answered = async (what: string) => {
    log.push(what);
    const gate = deferred();
    gates.push(gate);
    await gate.promise;
  };
  const target: CommitTarget = {
    fetch: async partitions => {
      await answered(`fetch ${held}`);
      return partitions.map(({ topic, partition: id }) => ({ topic, partition: id, offset: held }));
    },
    commit: async offsets => {
      const [{ offset } = { offset: -1 }] = offsets;
      await answered(`commit ${offset}`);
      held = offset;
    },
    forgets: async () => forgets,
    forTransaction: async () => assert.fail('there is none'),
    refusedTransaction: error => error,
  };
  const signal = new AbortController().signal;
  const partitions = () => [ours];
  const failed = (error: Error) => void log.push(error.message);
  const committer = new Committer({ clock, target, autoCommit: undefined, partitions, failed, committed: () => {}, signal });
  const refresh = new OffsetRefresh({ clock, target, everyMs: 1000, partitions, inTurn: work => committer.inTurn(work), failed, signal });
  refresh.start();
  /** Answers the oldest request, and waits for what follows from that. */
  const answer = async () => {
    gates.shift()?.resolve();
    await new Promise(setImmediate);
  };
  const commit = (offset: number) => committer.commitAt([{ partition: ours, offset }], {});
  return { clock, ours, log, answer, commit, refresh };
}

test('what is committed while it is looked at, or while its turn is awaited, is not overwritten by what was committed before', async () => {
  const { clock, log, answer, commit, refresh } = refreshSetting();
  clock.advance(1000);
  await new Promise(setImmediate);
  const second = commit(20);
  await answer();
  await answer();
  await answer();
  await second;
  assert.deepEqual(log.splice(0), ['fetch 10', 'commit 10', 'commit 20']);

  const third = commit(30);
  await new Promise(setImmediate);
  clock.advance(1000);
  await answer();
  await answer();
  await answer();
  await third;
  assert.deepEqual(log.splice(0), ['commit 30', 'fetch 30', 'commit 30']);
  await refresh.stop();
});

test('what is not sure any more once it was looked at is not stated, and nothing is after the end', async () => {
  const { clock, ours, log, answer, commit, refresh } = refreshSetting();
  clock.advance(1000);
  await new Promise(setImmediate);
  ours.unsure = true;
  await answer();
  assert.deepEqual(log.splice(0), ['fetch 10']);

  ours.unsure = false;
  const second = commit(20);
  await new Promise(setImmediate);
  clock.advance(1000);
  const stopped = refresh.stop();
  await answer();
  await Promise.all([second, stopped]);
  assert.deepEqual(log.splice(0), ['commit 20']);
  assert.equal(clock.pending, 0);
});

test('where the brokers keep what is committed while the group has members, nothing is asked or stated', async () => {
  const { clock, log, refresh } = refreshSetting(false);
  clock.advance(1000);
  await new Promise(setImmediate);
  await refresh.stop();
  assert.deepEqual(log, []);
});

for (const [release, forgets] of [
  ['1.1', true],
  ['2.8', false],
  ['4.1', false],
] as const) {
  test(`brokers of Kafka ${release} ${forgets ? 'forget' : 'keep'} the offsets of a group with members`, async t => {
    const cluster = await EmbeddedCluster.start({ emulate: release });
    const client = new KafkaClient({ brokers: cluster.brokers });
    t.after(async () => {
      await client.close();
      await cluster.close();
    });
    const core = coreOf(client);
    const kit = { client: core, store: new OffsetStore(core), core: { partitions: [] } };
    assert.equal(await memberTarget(kit, 'billing', {} as Membership)?.forgets({}), forgets);
  });
}
