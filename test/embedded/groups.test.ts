import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { errorNumbers } from '../../src/base/broker-errors.js';
import type { EmbeddedCluster, EmbeddedClusterOptions } from '../../src/embedded/index.js';
import {
  FindCoordinator,
  Heartbeat,
  JoinGroup,
  LeaveGroup,
  ListGroups,
  OffsetCommit,
  type RequestOf,
  type ResponseOf,
  SyncGroup,
} from '../../src/protocol/index.js';
import type { RawClient } from './raw-client.js';
import { connectTo, ManualClock, only, startCluster } from './setting.js';

const groupId = 'billing';

/** `orders/0`, `orders/1` as a consumer's assignment. */
function assignmentOf(...partitions: number[]): Buffer {
  const bytes = Buffer.alloc(6 + 2 + 6 + 4 + 4 * partitions.length);
  bytes.writeInt32BE(1, 2);
  bytes.writeInt16BE(6, 6);
  bytes.write('orders', 8);
  bytes.writeInt32BE(partitions.length, 14);
  for (const [i, partition] of partitions.entries()) bytes.writeInt32BE(partition, 18 + 4 * i);
  return bytes;
}

/** One member of the group, on a connection of its own. */
class Member {
  readonly client: RawClient;
  readonly instanceId: string | null;
  memberId = '';
  generationId = -1;

  constructor(client: RawClient, instanceId: string | null = null) {
    this.client = client;
    this.instanceId = instanceId;
  }

  /** Below version 4, where nobody is told an id first. */
  async join(
    given: Partial<RequestOf<typeof JoinGroup>> = {},
    version = this.instanceId === null ? 3 : 5,
  ): Promise<ResponseOf<typeof JoinGroup>> {
    const joined = await this.client.request(JoinGroup, version, {
      groupId,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 30_000,
      memberId: this.memberId,
      groupInstanceId: this.instanceId,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.alloc(10) }],
      ...given,
    });
    if (joined.errorCode === 0) {
      this.memberId = joined.memberId;
      this.generationId = joined.generationId;
    }
    return joined;
  }

  /** @param shares Who reads what; from the leader. */
  async sync(shares: readonly (readonly [Member, ...number[]])[] = []): Promise<number> {
    const { errorCode } = await this.client.request(SyncGroup, 3, {
      groupId,
      ...this.#who,
      groupInstanceId: this.instanceId,
      assignments: shares.map(([{ memberId }, ...partitions]) => ({ memberId, assignment: assignmentOf(...partitions) })),
    });
    return errorCode;
  }

  async heartbeat(client = this.client): Promise<number> {
    return (await client.request(Heartbeat, 3, { groupId, ...this.#who, groupInstanceId: this.instanceId })).errorCode;
  }

  get #who() {
    return { memberId: this.memberId, generationId: this.generationId };
  }
}

async function memberOf(
  t: TestContext,
  cluster: EmbeddedCluster,
  { broker = 1, instanceId = null as string | null } = {},
): Promise<Member> {
  return new Member(await connectTo(t, cluster, broker), instanceId);
}

/** Has `ask` send a request, and goes on when the broker has taken it in; the answer may be far away. */
async function taken<T>(
  cluster: EmbeddedCluster,
  api: typeof JoinGroup | typeof SyncGroup,
  ask: () => Promise<T>,
): Promise<{ answer: Promise<T> }> {
  const seen = cluster.nextRequest(api);
  const answer = ask();
  await seen;
  return { answer };
}

/** A cluster whose time stands still, with two members that share `orders`. */
async function pair(t: TestContext, options: EmbeddedClusterOptions = {}) {
  const clock = new ManualClock();
  const cluster = await startCluster(t, { topics: { orders: 2 }, clock, ...options });
  cluster.moveCoordinator(1);
  const [a, b] = [await memberOf(t, cluster), await memberOf(t, cluster)];
  await a.join();
  const { answer } = await taken(cluster, JoinGroup, () => b.join());
  await Promise.all([a.join(), answer]);
  await share(a, b);
  return { cluster, clock, a, b };
}

/** The first gives itself partition 0 and the other one partition 1. */
const share = (a: Member, b: Member): Promise<unknown> =>
  Promise.all([
    a.sync([
      [a, 0],
      [b, 1],
    ]),
    b.sync(),
  ]);

const commit = async ({ client, memberId, generationId }: Member): Promise<number> => {
  const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }] }];
  const answer = await client.request(OffsetCommit, 8, { groupId, memberId, generationIdOrMemberEpoch: generationId, topics });
  return only(only(answer.topics).partitions).errorCode;
};

test('the first rebalance of a group waits for more members, and longer when some come, but no longer than they want', async t => {
  const clock = new ManualClock();
  const cluster = await startCluster(t, { clock, initialRebalanceDelayMs: 3000 });
  const answers: Promise<unknown>[] = [];
  const joins = async (groupId: string) => {
    const member = await memberOf(t, cluster);
    const { answer } = await taken(cluster, JoinGroup, () => member.join({ groupId, rebalanceTimeoutMs: 7000 }));
    answers.push(answer);
  };
  const after = (ms: number) => {
    clock.advance(ms);
    return [cluster.groupState('alone'), cluster.groupState('three')];
  };
  await joins('alone');
  await joins('three');
  const waits = 'PreparingRebalance';
  assert.deepEqual(after(1000), [waits, waits]);
  await joins('three');
  assert.deepEqual(after(1999), [waits, waits]);
  assert.deepEqual(after(1), ['CompletingRebalance', waits], 'it is alone; the others wait for 3000 ms again');
  await joins('three');
  assert.deepEqual(after(3000), ['CompletingRebalance', waits], '1000 ms are left of 7000');
  assert.deepEqual(after(999), ['CompletingRebalance', waits]);
  assert.deepEqual(after(1), ['CompletingRebalance', 'CompletingRebalance']);
  await Promise.all(answers);
  assert.deepEqual(
    cluster.members('three').map(({ isLeader }) => isLeader),
    [true, false, false],
  );
});

test('a member without a heartbeat is out when its session is over, and the others share what it had', async t => {
  const { cluster, clock, a, b } = await pair(t);
  assert.deepEqual(
    cluster.members(groupId).map(({ memberId, isLeader, partitions, epoch }) => [memberId, isLeader, partitions, epoch]),
    [
      [a.memberId, true, ['orders/0'], 2],
      [b.memberId, false, ['orders/1'], 2],
    ],
  );
  clock.advance(9_999);
  assert.equal(await a.heartbeat(), 0);
  assert.equal(cluster.members(groupId).length, 2);
  clock.advance(1);
  assert.deepEqual(
    cluster.members(groupId).map(({ memberId }) => memberId),
    [a.memberId],
  );
  assert.equal(await b.heartbeat(), errorNumbers.UNKNOWN_MEMBER_ID);
  assert.equal(await a.heartbeat(), errorNumbers.REBALANCE_IN_PROGRESS);
  await a.join();
  await a.sync([[a, 0, 1]]);
  assert.deepEqual(only(cluster.members(groupId)).partitions, ['orders/0', 'orders/1']);
});

test('commits are signs of life too', async t => {
  const { cluster, clock, a } = await pair(t);
  clock.advance(9_999);
  assert.equal(await commit(a), 0);
  clock.advance(1);
  assert.deepEqual(
    cluster.members(groupId).map(({ memberId }) => memberId),
    [a.memberId],
  );
});

test('who does not join again in time is left behind, whatever its heartbeats', async t => {
  const { cluster, clock, a, b } = await pair(t);
  const { answer } = await taken(cluster, JoinGroup, () => b.join({ protocols: [{ name: 'range', metadata: Buffer.alloc(11) }] }));
  for (let i = 0; i < 3; i++) {
    clock.advance(9_000);
    assert.equal(await a.heartbeat(), errorNumbers.REBALANCE_IN_PROGRESS);
  }
  clock.advance(2_999);
  assert.equal(cluster.groupState(groupId), 'PreparingRebalance');
  clock.advance(1);
  const joined = await answer;
  assert.deepEqual([joined.leader, joined.members.length], [b.memberId, 1]);
  assert.equal(await a.heartbeat(), errorNumbers.UNKNOWN_MEMBER_ID);
});

test('members that do not ask for their part are out when the time for a rebalance is over', async t => {
  const { cluster, clock, a, b } = await pair(t);
  cluster.rebalance(groupId);
  const { answer } = await taken(cluster, JoinGroup, () => b.join());
  await a.join();
  await answer;
  const waiting = await taken(cluster, SyncGroup, () => b.sync());
  for (let i = 0; i < 4; i++) {
    clock.advance(7_500);
    if (i < 3) assert.equal(await a.heartbeat(), 0);
  }
  assert.equal(await waiting.answer, errorNumbers.REBALANCE_IN_PROGRESS);
  assert.deepEqual(
    cluster.members(groupId).map(({ memberId }) => memberId),
    [b.memberId],
  );
});

test('rebalance() has all members join again', async t => {
  const { cluster, a, b } = await pair(t);
  cluster.rebalance(groupId);
  assert.equal(cluster.groupState(groupId), 'PreparingRebalance');
  assert.deepEqual([await a.heartbeat(), await b.heartbeat()], Array(2).fill(errorNumbers.REBALANCE_IN_PROGRESS));
  cluster.rebalance(groupId);
  const { answer } = await taken(cluster, JoinGroup, () => b.join());
  await a.join();
  await answer;
  assert.equal(await commit(a), errorNumbers.REBALANCE_IN_PROGRESS);
  const stable = cluster.untilStable(groupId, 2);
  await share(a, b);
  assert.deepEqual(
    (await stable).map(({ epoch, partitions }) => [epoch, partitions]),
    [
      [3, ['orders/0']],
      [3, ['orders/1']],
    ],
  );
  assert.throws(() => cluster.rebalance('nobody'), /it has no members/);
});

test('expireMember() takes a member out as its session timeout does', async t => {
  const { cluster, a, b } = await pair(t);
  cluster.expireMember(groupId, a.memberId);
  assert.deepEqual([await a.heartbeat(), await b.heartbeat()], [errorNumbers.UNKNOWN_MEMBER_ID, errorNumbers.REBALANCE_IN_PROGRESS]);
  const joined = await b.join();
  assert.equal(joined.leader, b.memberId, 'the next one leads');
  assert.throws(() => cluster.expireMember(groupId, a.memberId), /there is none/);
  cluster.expireMember(groupId, b.memberId);
  assert.equal(cluster.groupState(groupId), 'Empty');

  const pending = await a.client.request(JoinGroup, 4, { ...BARE, memberId: '' });
  cluster.expireMember(groupId, pending.memberId);
  const { errorCode } = await a.client.request(JoinGroup, 4, { ...BARE, memberId: pending.memberId });
  assert.equal(errorCode, errorNumbers.UNKNOWN_MEMBER_ID);
});

const BARE = { groupId, sessionTimeoutMs: 10_000, protocolType: 'consumer', protocols: [{ name: 'range', metadata: Buffer.alloc(6) }] };

test('an id that nobody joins with is forgotten when the session would be over, and nobody waits for it then', async t => {
  const { cluster, clock, a, b } = await pair(t);
  await b.client.request(JoinGroup, 4, { ...BARE, memberId: '' });
  cluster.rebalance(groupId);
  const joins = [await taken(cluster, JoinGroup, () => a.join()), await taken(cluster, JoinGroup, () => b.join())];
  clock.advance(9_999);
  assert.equal(cluster.groupState(groupId), 'PreparingRebalance');
  clock.advance(1);
  for (const { answer } of joins) assert.equal((await answer).errorCode, 0);
  await share(a, b);
  await b.client.request(JoinGroup, 4, { ...BARE, memberId: '' });
  clock.advance(9_999);
  assert.deepEqual([await a.heartbeat(), await b.heartbeat()], [0, 0]);
  clock.advance(1);
  assert.equal(cluster.groupState(groupId), 'Stable', 'it was no member');
});

test('the first JoinGroup of a member waits for five minutes at most', async t => {
  const { cluster, clock, a } = await pair(t);
  const third = await memberOf(t, cluster);
  const slow = { rebalanceTimeoutMs: 600_000 };
  const forThird = await taken(cluster, JoinGroup, () => third.join(slow));
  const forA = await taken(cluster, JoinGroup, () => a.join(slow));
  const b = cluster.members(groupId)[1]?.memberId ?? '';
  const stay = await connectTo(t, cluster);
  for (let i = 0; i < 60; i++) {
    await stay.request(Heartbeat, 3, { groupId, memberId: b, generationId: 2 });
    clock.advance(5_000);
  }
  assert.equal((await forThird.answer).errorCode, errorNumbers.UNKNOWN_MEMBER_ID);
  assert.deepEqual(
    cluster.members(groupId).map(({ memberId }) => memberId),
    [a.memberId, b],
    'the others have been members before',
  );
  cluster.expireMember(groupId, b);
  assert.equal((await forA.answer).members.length, 1);
});

test('a group has room for so many members', async t => {
  const { cluster, a, b } = await pair(t, { maxGroupSize: 2 });
  const third = await memberOf(t, cluster);
  assert.equal((await third.join()).errorCode, errorNumbers.GROUP_MAX_SIZE_REACHED);
  assert.deepEqual([await a.heartbeat(), await b.heartbeat()], [0, 0]);
});

test('another coordinator goes on with the members of the last assignment; who waits at the first is sent to it', async t => {
  const { cluster, a, b } = await pair(t, { brokers: 2 });
  const elsewhere = await connectTo(t, cluster, 2);
  const newcomer = await memberOf(t, cluster);
  const { answer } = await taken(cluster, JoinGroup, () => newcomer.join());
  assert.equal(cluster.groupState(groupId), 'PreparingRebalance');
  cluster.moveCoordinator(2, groupId);
  assert.equal((await answer).errorCode, errorNumbers.NOT_COORDINATOR);
  assert.equal(await a.heartbeat(), errorNumbers.NOT_COORDINATOR);
  assert.equal(cluster.groupState(groupId), 'Stable');
  assert.deepEqual([await a.heartbeat(elsewhere), await b.heartbeat(elsewhere)], [0, 0]);
  assert.deepEqual(
    cluster.members(groupId).map(({ memberId, isLeader, partitions }) => [memberId, isLeader, partitions]),
    [
      [a.memberId, true, ['orders/0']],
      [b.memberId, false, ['orders/1']],
    ],
  );
  const { coordinators } = await elsewhere.request(FindCoordinator, 4, { coordinatorKeys: [groupId] });
  assert.equal(only(coordinators).nodeId, 2);
  const listed = async (client: RawClient) => (await client.request(ListGroups, 4, {})).groups.map(({ groupId }) => groupId);
  assert.deepEqual([await listed(a.client), await listed(elsewhere)], [[], [groupId]]);
});

test('a generation that was never assigned is gone with its coordinator', async t => {
  const { cluster, a, b } = await pair(t, { brokers: 2 });
  cluster.rebalance(groupId);
  const { answer } = await taken(cluster, JoinGroup, () => b.join());
  await a.join();
  await answer;
  assert.equal(a.generationId, 3);
  await cluster.stopBroker(1);
  const left = await connectTo(t, cluster, 2);
  assert.equal(await a.heartbeat(left), errorNumbers.ILLEGAL_GENERATION);
  assert.equal(only([...new Set(cluster.members(groupId).map(({ epoch }) => epoch))]), 2);
});

test('faults are for groups as for everything else', async t => {
  const { cluster, a, b } = await pair(t);
  cluster.on(Heartbeat, { group: groupId }).failTimes(2, 'REBALANCE_IN_PROGRESS');
  cluster.on(Heartbeat, { group: 'another' }).failOnce('UNKNOWN_MEMBER_ID');
  assert.deepEqual([await a.heartbeat(), await b.heartbeat(), await a.heartbeat()], [27, 27, 0]);
  cluster.on(JoinGroup).failOnce('COORDINATOR_LOAD_IN_PROGRESS');
  assert.equal((await a.join()).errorCode, errorNumbers.COORDINATOR_LOAD_IN_PROGRESS);
  assert.equal(cluster.groupState(groupId), 'Stable', 'nothing of it was applied');
  cluster.on(LeaveGroup).dropAnswer();
  await assert.rejects(b.client.request(LeaveGroup, 3, { groupId, members: [{ memberId: b.memberId }] }), /closed/);
  assert.deepEqual(
    cluster.members(groupId).map(({ memberId }) => memberId),
    [a.memberId],
  );
});

test('reset() forgets groups: who waits is told so, and no timer is left', async t => {
  const { cluster, clock, a } = await pair(t);
  const third = await memberOf(t, cluster);
  const { answer } = await taken(cluster, JoinGroup, () => third.join());
  assert.ok(clock.pending > 0);
  cluster.reset();
  assert.equal((await answer).errorCode, errorNumbers.UNKNOWN_MEMBER_ID);
  assert.equal(clock.pending, 0);
  await a.join({ memberId: '' });
  assert.equal(cluster.groupState(groupId), 'CompletingRebalance');
  cluster.reset();
  assert.equal(clock.pending, 0);
  assert.equal(cluster.groupState(groupId), undefined);
  assert.equal(await a.heartbeat(), errorNumbers.UNKNOWN_MEMBER_ID);
});
