import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorNumbers } from '../../src/base/broker-errors.js';
import { handlersByKey } from '../../src/embedded/handlers/index.js';
import type { EmbeddedCluster } from '../../src/embedded/index.js';
import {
  AddOffsetsToTxn,
  AddPartitionsToTxn,
  AlterPartitionReassignments,
  type Api,
  ApiVersions,
  ConsumerGroupDescribe,
  ConsumerGroupHeartbeat,
  CreateTopics,
  DeleteGroups,
  DeleteTopics,
  DescribeConfigs,
  DescribeGroups,
  DescribeProducers,
  DescribeTransactions,
  ElectLeaders,
  EndTxn,
  Fetch,
  FindCoordinator,
  Heartbeat,
  InitProducerId,
  JoinGroup,
  LeaveGroup,
  ListGroups,
  ListOffsets,
  ListPartitionReassignments,
  ListTransactions,
  Metadata,
  OffsetCommit,
  OffsetDelete,
  OffsetFetch,
  OffsetForLeaderEpoch,
  Produce,
  type RequestOf,
  SyncGroup,
  TxnOffsetCommit,
} from '../../src/protocol/index.js';
import { encodeBatch } from '../../src/records/index.js';
import type { RawClient } from './raw-client.js';
import { connectTo, startCluster } from './setting.js';

/** A request of one API that the cluster can answer well, and the error codes that tests put in its answer's place. */
interface Case {
  readonly api: Api;
  /** Default 1. The client is connected to the first. */
  readonly brokers?: number;
  body(version: number, topicId: string, producer: ProducerIdentity): object;
  /** What has to be there first. */
  prepare?(cluster: EmbeddedCluster, client: RawClient): Promise<ProducerIdentity> | void;
}

interface ProducerIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
}

const NOBODY: ProducerIdentity = { producerId: -1, producerEpoch: -1 };

function request<A extends Api>(
  api: A,
  body: (version: number, topicId: string, producer: ProducerIdentity) => RequestOf<A>,
  prepare?: Case['prepare'],
  brokers = 1,
): Case {
  return { api, body, brokers, ...(prepare && { prepare }) };
}

const transactionalId = 'payments';

/** A transactional producer in no transaction. */
async function initialised(client: RawClient): Promise<ProducerIdentity> {
  for (;;) {
    const { errorCode, ...identity } = await client.request(InitProducerId, 4, { transactionalId, transactionTimeoutMs: 60_000 });
    if (errorCode === 0) return identity; // else the open transaction of the case before was aborted
  }
}

/** A transactional producer whose transaction has begun, with a group in it. */
async function begun(client: RawClient): Promise<ProducerIdentity> {
  const producer = await initialised(client);
  await client.request(AddOffsetsToTxn, 3, { transactionalId, ...producer, groupId: 'billing' });
  return producer;
}

/** The member of a group that the cases are about. */
const member = { memberId: '', generationId: 0 };

const joining = (memberId: string) => ({
  groupId: 'billing',
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 10_000,
  memberId,
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: Buffer.alloc(6) }],
});

/** A classic group without members, and an id for one. */
async function invited(cluster: EmbeddedCluster, client: RawClient): Promise<ProducerIdentity> {
  for (const { memberId } of cluster.members('billing')) cluster.expireMember('billing', memberId);
  member.memberId = (await client.request(JoinGroup, 4, joining(''))).memberId;
  return NOBODY;
}

/** A classic group with one member, which has not heard what to read. */
async function joined(cluster: EmbeddedCluster, client: RawClient): Promise<ProducerIdentity> {
  await invited(cluster, client);
  member.generationId = (await client.request(JoinGroup, 4, joining(member.memberId))).generationId;
  return NOBODY;
}

/** A group that has stored an offset. */
async function stored(_: EmbeddedCluster, client: RawClient): Promise<ProducerIdentity> {
  const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 5, committedMetadata: null }] }];
  await client.request(OffsetCommit, 8, { groupId: 'billing', topics });
  return NOBODY;
}

/** A member of a group of the new protocol. */
const beat = (memberEpoch: number) => ({
  groupId: 'audit',
  memberId: 'first',
  memberEpoch,
  rebalanceTimeoutMs: 10_000,
  subscribedTopicNames: ['orders'],
  topicPartitions: [],
});

const named = (version: number, idsFrom: number, topicId: string) => (version >= idsFrom ? { topicId } : { name: 'orders' });

const cases: readonly Case[] = [
  request(ApiVersions, () => ({ clientSoftwareName: 'raw', clientSoftwareVersion: '1' })),
  request(Metadata, (version, topicId) => ({ topics: [version >= 12 ? { topicId, name: null } : { name: 'orders' }] })),
  request(Produce, (version, topicId) => ({
    acks: -1,
    timeoutMs: 1000,
    topicData: [{ ...named(version, 13, topicId), partitionData: [{ index: 0, records: encodeBatch([{ value: 'v' }]) }] }],
  })),
  request(Fetch, (version, topicId) => ({
    maxWaitMs: 0,
    minBytes: 1,
    topics: [
      {
        ...(version >= 13 ? { topicId } : { topic: 'orders' }),
        partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }],
      },
    ],
  })),
  request(OffsetForLeaderEpoch, () => ({ topics: [{ topic: 'orders', partitions: [{ partition: 0, leaderEpoch: 0 }] }] })),
  request(ListOffsets, () => ({ replicaId: -1, topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp: -1 }] }] })),
  request(FindCoordinator, version => (version < 4 ? { key: 'billing' } : { coordinatorKeys: ['billing'] })),
  request(OffsetCommit, (version, topicId) => ({
    groupId: 'billing',
    topics: [{ ...named(version, 10, topicId), partitions: [{ partitionIndex: 0, committedOffset: 5, committedMetadata: 'note' }] }],
  })),
  request(OffsetFetch, (version, topicId) =>
    version < 8
      ? { groupId: 'billing', topics: [{ name: 'orders', partitionIndexes: [0] }] }
      : { groups: [{ groupId: 'billing', topics: [{ ...named(version, 10, topicId), partitionIndexes: [0] }] }] },
  ),
  request(CreateTopics, version => ({ topics: [{ name: `new-${version}`, numPartitions: 1, replicationFactor: 1 }] })),
  request(
    DeleteTopics,
    version => (version < 6 ? { topicNames: ['old'], timeoutMs: 1000 } : { topics: [{ name: 'old' }], timeoutMs: 1000 }),
    cluster => {
      if (!cluster.topics.has('old')) cluster.createTopic('old');
    },
  ),
  request(InitProducerId, () => ({ transactionalId: null, transactionTimeoutMs: 1000 })),
  request(
    AddPartitionsToTxn,
    (_, __, { producerId, producerEpoch }) => ({
      v3AndBelowTransactionalId: transactionalId,
      v3AndBelowProducerId: producerId,
      v3AndBelowProducerEpoch: producerEpoch,
      v3AndBelowTopics: [{ name: 'orders', partitions: [0] }],
    }),
    (_, client) => initialised(client),
  ),
  request(
    AddOffsetsToTxn,
    (_, __, producer) => ({ transactionalId, ...producer, groupId: 'billing' }),
    (_, client) => initialised(client),
  ),
  request(
    TxnOffsetCommit,
    (_, __, producer) => ({
      transactionalId,
      groupId: 'billing',
      ...producer,
      topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 5, committedMetadata: 'note' }] }],
    }),
    (_, client) => begun(client),
  ),
  request(
    EndTxn,
    (_, __, producer) => ({ transactionalId, ...producer, committed: true }),
    (_, client) => begun(client),
  ),
  request(JoinGroup, version => joining(version < 4 ? '' : member.memberId), invited),
  request(
    SyncGroup,
    version => ({
      groupId: 'billing',
      ...member,
      ...(version < 5 ? {} : { protocolType: 'consumer', protocolName: 'range' }),
      assignments: [{ memberId: member.memberId, assignment: Buffer.alloc(6) }],
    }),
    joined,
  ),
  request(Heartbeat, () => ({ groupId: 'billing', ...member }), joined),
  request(
    LeaveGroup,
    version => ({ groupId: 'billing', ...(version < 3 ? { memberId: member.memberId } : { members: [{ memberId: member.memberId }] }) }),
    joined,
  ),
  request(DescribeGroups, () => ({ groups: ['billing'] }), stored),
  request(ListGroups, () => ({}), stored),
  request(DeleteGroups, () => ({ groupsNames: ['billing'] }), stored),
  request(OffsetDelete, () => ({ groupId: 'billing', topics: [{ name: 'orders', partitions: [{ partitionIndex: 0 }] }] }), stored),
  request(ConsumerGroupHeartbeat, () => beat(0)),
  request(
    ConsumerGroupDescribe,
    () => ({ groupIds: ['audit'] }),
    async (_, client) => {
      await client.request(ConsumerGroupHeartbeat, 1, beat(0));
      return NOBODY;
    },
  ),
  request(DescribeProducers, () => ({ topics: [{ name: 'orders', partitionIndexes: [0] }] })),
  request(
    DescribeTransactions,
    () => ({ transactionalIds: [transactionalId] }),
    (_, client) => initialised(client),
  ),
  request(ListTransactions, () => ({})),
  request(
    ElectLeaders,
    () => ({ topicPartitions: [{ topic: 'orders', partitions: [0] }] }),
    cluster => cluster.moveLeader('orders', 0, 2),
    2,
  ),
  request(AlterPartitionReassignments, () => ({ topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, replicas: [1] }] }] })),
  request(ListPartitionReassignments, () => ({})),
  request(DescribeConfigs, () => ({ resources: [{ resourceType: 2, resourceName: 'orders', configurationKeys: null }] })),
];

/** Every error code in an answer, wherever it stands. */
function errorCodes(node: unknown): number[] {
  if (Array.isArray(node)) return node.flatMap(errorCodes);
  if (typeof node !== 'object' || node === null || node instanceof Uint8Array) return [];
  return Object.entries(node).flatMap(([name, value]) => (/errorCode$/i.test(name) ? [Number(value)] : errorCodes(value)));
}

async function topicIdOf(client: RawClient): Promise<string> {
  const { topics } = await client.request(Metadata, 12, { topics: [{ name: 'orders' }] });
  return topics[0]?.topicId ?? '';
}

test('there is a case for every API that is offered', () => {
  assert.deepEqual(cases.map(({ api }) => api.name).sort(), [...handlersByKey.values()].map(({ api }) => api.name).sort());
});

for (const { api, brokers = 1, body, prepare } of cases) {
  const [first, last] = handlersByKey.get(api.key)?.versions ?? [0, -1];

  test(`${api.name} v${first} to v${last}: an answer without an error`, async t => {
    const cluster = await startCluster(t, { brokers, topics: { orders: 1 } });
    cluster.append('orders', 0, [{ value: 'first' }]);
    const client = await connectTo(t, cluster);
    const topicId = await topicIdOf(client);
    for (let version = first; version <= last; version++) {
      const producer = (await prepare?.(cluster, client)) ?? NOBODY;
      const answer = await client.request(api, version, body(version, topicId, producer));
      const codes = errorCodes(answer);
      assert.ok(codes.length > 0 && codes.every(code => code === 0), `v${version}: ${JSON.stringify(answer)}`);
    }
    assert.deepEqual(cluster.errors, []);
  });

  test(`${api.name} v${first} to v${last}: an error on command, once`, async t => {
    const cluster = await startCluster(t, { brokers, topics: { orders: 1 } });
    const client = await connectTo(t, cluster);
    const topicId = await topicIdOf(client);
    for (let version = first; version <= last; version++) {
      const producer = (await prepare?.(cluster, client)) ?? NOBODY;
      cluster.on(api).failOnce('UNKNOWN_SERVER_ERROR');
      const refused = await client.request(api, version, body(version, topicId, producer));
      assert.ok(errorCodes(refused).includes(errorNumbers.UNKNOWN_SERVER_ERROR), `v${version}: ${JSON.stringify(refused)}`);
      const answered = await client.request(api, version, body(version, topicId, producer));
      assert.ok(
        errorCodes(answered).every(code => code === 0),
        `v${version}, then: ${JSON.stringify(answered)}`,
      );
    }
  });
}
