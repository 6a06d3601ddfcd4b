import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { errorNumbers } from '../../src/base/broker-errors.js';
import type { EmbeddedCluster, EmbeddedClusterOptions } from '../../src/embedded/index.js';
import {
  ApiVersions,
  ConsumerGroupDescribe,
  ConsumerGroupHeartbeat,
  JoinGroup,
  type RequestOf,
  type ResponseOf,
} from '../../src/protocol/index.js';
import type { RawClient } from './raw-client.js';
import { connectTo, ManualClock, only, startCluster } from './setting.js';

const groupId = 'billing';

type Beat = RequestOf<typeof ConsumerGroupHeartbeat>;

/** One member of the group. */
class Member {
  readonly client: RawClient;
  readonly memberId: string;
  epoch = 0;
  partitions: NonNullable<Beat['topicPartitions']> = [];

  constructor(client: RawClient, memberId: string) {
    this.client = client;
    this.memberId = memberId;
  }

  /** Says what it has, unless it is told to say something else. */
  async beat(given: Partial<Beat> = {}): Promise<ResponseOf<typeof ConsumerGroupHeartbeat>> {
    const { memberId, epoch: memberEpoch, partitions: topicPartitions } = this;
    const answer = await this.client.request(ConsumerGroupHeartbeat, 1, { groupId, memberId, memberEpoch, topicPartitions, ...given });
    if (answer.errorCode === 0) this.epoch = answer.memberEpoch;
    if (answer.assignment !== null) this.partitions = answer.assignment.topicPartitions;
    return answer;
  }

  join(given: Partial<Beat> = {}): Promise<ResponseOf<typeof ConsumerGroupHeartbeat>> {
    return this.beat({ memberEpoch: 0, topicPartitions: [], rebalanceTimeoutMs: 20_000, subscribedTopicNames: ['orders'], ...given });
  }
}

/** A cluster whose time stands still, with a member that reads all of `orders`. */
async function alone(t: TestContext, options: EmbeddedClusterOptions = {}) {
  const clock = new ManualClock();
  const cluster = await startCluster(t, { topics: { orders: 4 }, clock, ...options });
  cluster.moveCoordinator(1);
  const client = await connectTo(t, cluster);
  const [a, b] = [new Member(client, 'a'), new Member(client, 'b')];
  await a.join();
  return { cluster, clock, client, a, b };
}

const partitionsOf = (cluster: EmbeddedCluster): [string, readonly string[]][] =>
  cluster.members(groupId).map(({ memberId, partitions }) => [memberId, partitions]);

test('a partition goes to another member only when the one before has given it up', async t => {
  const { cluster, a, b } = await alone(t);
  const stable = cluster.untilStable(groupId, 2);
  await b.join();
  await a.beat();
  assert.deepEqual(partitionsOf(cluster), [
    ['a', ['orders/0', 'orders/1']],
    ['b', []],
  ]);
  await b.beat();
  assert.deepEqual(b.partitions, [], 'a has not said that it gave them up');
  await a.beat();
  await b.beat();
  assert.deepEqual(
    (await stable).map(({ memberId, epoch, partitions }) => [memberId, epoch, partitions]),
    [
      ['a', 2, ['orders/0', 'orders/1']],
      ['b', 2, ['orders/2', 'orders/3']],
    ],
  );
});

test('a member without a heartbeat is out when its session is over', async t => {
  const { cluster, clock, a, b } = await alone(t, { consumerSessionTimeoutMs: 9_000, consumerHeartbeatIntervalMs: 700 });
  const joined = await b.join();
  assert.equal(joined.heartbeatIntervalMs, 700);
  clock.advance(8_999);
  await b.beat();
  clock.advance(1);
  assert.deepEqual(partitionsOf(cluster), [['b', []]]);
  await b.beat();
  assert.deepEqual(only(b.partitions).partitions, [0, 1, 2, 3]);
  assert.equal((await a.beat()).errorCode, errorNumbers.UNKNOWN_MEMBER_ID);
});

test('a member that does not give up in time what it should is out, whatever its heartbeats', async t => {
  const { cluster, clock, a, b } = await alone(t);
  await b.join();
  await a.beat();
  const all = { topicPartitions: [{ topicId: only(a.partitions).topicId, partitions: [0, 1, 2, 3] }] };
  for (let i = 0; i < 2; i++) {
    clock.advance(9_999);
    await a.beat(all);
  }
  clock.advance(1);
  assert.equal(cluster.members(groupId).length, 2);
  clock.advance(1);
  assert.deepEqual(partitionsOf(cluster), [['b', []]]);
});

test('one that gives up in time stays', async t => {
  const { cluster, clock, a, b } = await alone(t);
  await b.join();
  await a.beat();
  clock.advance(19_999);
  await a.beat();
  clock.advance(20_000);
  assert.equal(cluster.members(groupId).length, 2);
});

test('rebalance() begins a new epoch, in which everybody keeps what it has', async t => {
  const { cluster, a } = await alone(t);
  cluster.rebalance(groupId);
  assert.equal(cluster.groupState(groupId), 'Assigning');
  const { memberEpoch, assignment } = await a.beat();
  assert.deepEqual([memberEpoch, assignment], [2, null]);
  assert.equal(cluster.groupState(groupId), 'Stable');
});

test('expireMember() fences a member', async t => {
  const { cluster, clock, a } = await alone(t);
  cluster.expireMember(groupId, 'a');
  assert.equal(cluster.groupState(groupId), 'Empty');
  assert.equal(clock.pending, 0);
  assert.equal((await a.beat()).errorCode, errorNumbers.UNKNOWN_MEMBER_ID);
  assert.throws(() => cluster.rebalance(groupId), /it has no members/);
  await a.join();
  assert.equal(a.epoch, 3, 'one for its end, one for its return');
});

test('the assignor is the one that most members ask for', async t => {
  const { client, a, b } = await alone(t);
  const assignor = async () => only((await client.request(ConsumerGroupDescribe, 1, { groupIds: [groupId] })).groups).assignorName;
  assert.equal(await assignor(), 'uniform');
  await a.beat({ serverAssignor: 'uniform' });
  await b.join({ serverAssignor: 'range' });
  await new Member(client, 'c').join({ serverAssignor: 'range' });
  assert.equal(await assignor(), 'range');
});

test('topics that come, grow together with a pattern, and go', async t => {
  const { cluster, a } = await alone(t);
  await a.beat({ subscribedTopicNames: [], subscribedTopicRegex: 'or.*s|audit' });
  cluster.createTopic('audit', 1);
  cluster.createTopic('orders2', 1);
  await a.beat();
  assert.deepEqual(
    only(partitionsOf(cluster))[1],
    ['orders/0', 'orders/1', 'orders/2', 'orders/3', 'audit/0'],
    'the whole name has to match',
  );
  cluster.deleteTopic('orders');
  assert.deepEqual(only(partitionsOf(cluster))[1], ['audit/0']);
  await a.beat();
  await a.beat();
  assert.equal(cluster.groupState(groupId), 'Stable');
  assert.deepEqual(only(partitionsOf(cluster))[1], ['audit/0']);
});

test('another coordinator goes on where the first was', async t => {
  const { cluster, clock, a } = await alone(t, { brokers: 2 });
  clock.advance(44_999);
  cluster.moveCoordinator(2, groupId);
  assert.equal((await a.beat()).errorCode, errorNumbers.NOT_COORDINATOR);
  clock.advance(44_999);
  const other = new Member(await connectTo(t, cluster, 2), 'a');
  other.epoch = a.epoch;
  assert.equal((await other.beat()).errorCode, 0);
});

test('a group has room for so many members', async t => {
  const { a, b } = await alone(t, { maxGroupSize: 1 });
  assert.equal((await b.join()).errorCode, errorNumbers.GROUP_MAX_SIZE_REACHED);
  assert.equal((await a.beat()).errorCode, 0);
});

test('a group with members is not joined in the other protocol, one without is', async t => {
  const { client, a } = await alone(t);
  const protocols = [{ name: 'range', metadata: Buffer.alloc(6) }];
  const classic = { sessionTimeoutMs: 10_000, memberId: '', protocolType: 'consumer', protocols };
  const join = async (groupId: string) => (await client.request(JoinGroup, 3, { groupId, ...classic })).errorCode;
  assert.equal(await join(groupId), errorNumbers.INCONSISTENT_GROUP_PROTOCOL);
  assert.equal(await join('other'), 0);
  assert.equal((await a.join({ groupId: 'other' })).errorCode, errorNumbers.GROUP_ID_NOT_FOUND);
  await a.beat({ memberEpoch: -1 });
  assert.equal(await join(groupId), 0);
});

test('faults are for one group of a request as for all', async t => {
  const { cluster, client, a } = await alone(t);
  cluster.on(ConsumerGroupDescribe, { group: groupId }).failOnce('COORDINATOR_LOAD_IN_PROGRESS');
  const refused = await client.request(ConsumerGroupDescribe, 1, { groupIds: ['another', groupId] });
  assert.deepEqual(
    refused.groups.map(({ errorCode }) => errorCode),
    [errorNumbers.GROUP_ID_NOT_FOUND, errorNumbers.COORDINATOR_LOAD_IN_PROGRESS],
  );
  cluster.on(ConsumerGroupHeartbeat, { group: groupId }).failOnce('FENCED_MEMBER_EPOCH');
  assert.deepEqual([(await a.beat()).errorCode, (await a.beat()).errorCode], [errorNumbers.FENCED_MEMBER_EPOCH, 0]);
});

test('releases before 4.0 do not offer it', async t => {
  const offered = async (emulate?: '3.9' | '4.1') => {
    const client = await connectTo(t, await startCluster(t, { emulate }));
    const { apiKeys } = await client.request(ApiVersions, 0, {});
    return apiKeys.some(({ apiKey }) => apiKey === ConsumerGroupHeartbeat.key);
  };
  assert.deepEqual([await offered(), await offered('4.1'), await offered('3.9')], [true, true, false]);
});
