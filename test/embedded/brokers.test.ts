import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorNumbers } from '../../src/base/broker-errors.js';
import { Fetch, FindCoordinator, Metadata, OffsetCommit, OffsetFetch, Produce } from '../../src/protocol/index.js';
import { encodeBatch } from '../../src/records/index.js';
import { RawClient } from './raw-client.js';
import { connectTo, fetch, fetchBody, only, produce, produceBody, startCluster } from './setting.js';

const record = [{ value: 'v' }];

test('partitions are led in turn, and every broker says so', async t => {
  const cluster = await startCluster(t, { brokers: 3, topics: { orders: 4 } });
  for (const broker of [1, 2, 3]) {
    const client = await connectTo(t, cluster, broker);
    const answer = await client.request(Metadata, 9, { topics: null });
    assert.deepEqual(
      answer.brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`]),
      cluster.brokers.map((address, i) => [i + 1, address]),
    );
    assert.deepEqual(
      only(answer.topics).partitions.map(({ leaderId }) => leaderId),
      [1, 2, 3, 1],
    );
  }
});

test('the old leader refuses, and names the new one where the version has a place for it', async t => {
  const cluster = await startCluster(t, { brokers: 2, topics: { orders: 1 } });
  const [old, next] = [await connectTo(t, cluster, 1), await connectTo(t, cluster, 2)];
  await produce(old, record);
  cluster.moveLeader('orders', 0, 2);
  assert.deepEqual([cluster.leaderOf('orders', 0), cluster.leaderEpochOf('orders', 0)], [2, 1]);
  const answer = await old.request(Produce, 10, produceBody(encodeBatch(record)));
  const refused = only(only(answer.responses).partitionResponses);
  assert.equal(refused.errorCode, errorNumbers.NOT_LEADER_OR_FOLLOWER);
  assert.deepEqual(refused.currentLeader, { leaderId: 2, leaderEpoch: 1 });
  assert.deepEqual(
    answer.nodeEndpoints.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`]),
    [[2, cluster.brokers[1]]],
  );
  assert.equal((await produce(old, record)).errorCode, errorNumbers.NOT_LEADER_OR_FOLLOWER, 'v9 has no place');
  const fenced = await fetch(old, 0, { currentLeaderEpoch: 0 });
  assert.equal(fenced.errorCode, errorNumbers.FENCED_LEADER_EPOCH);
  assert.deepEqual(fenced.currentLeader, { leaderId: 2, leaderEpoch: 1 });
  assert.equal((await produce(next, record)).baseOffset, 1);
  const epochs = (await fetch(next, 0)).records;
  assert.deepEqual(
    [epochs?.readInt32BE(12), epochs?.readInt32BE((epochs?.length ?? 0) / 2 + 12)],
    [0, 1],
    'a batch keeps the epoch it was appended in',
  );
});

test('a waiting fetch hears at once that the leader has moved', async t => {
  const cluster = await startCluster(t, { brokers: 2, topics: { orders: 1 } });
  const client = await connectTo(t, cluster, 1);
  const arrived = cluster.nextRequest(Fetch);
  const waiting = fetch(client, 0, { version: 10, maxWaitMs: 2 ** 31 - 1 });
  await arrived;
  cluster.moveLeader('orders', 0, 2);
  assert.equal((await waiting).errorCode, errorNumbers.NOT_LEADER_OR_FOLLOWER);
});

test('any replica gives records from version 11 on, others do not; who is in a rack is sent to the replica there', async t => {
  const cluster = await startCluster(t, {
    brokers: 3,
    racks: ['a', 'b', 'c'],
    replicaSelector: 'rack-aware',
    topics: { orders: { partitions: 1, replicationFactor: 2 } },
  });
  cluster.append('orders', 0, record);
  const [leader, follower, other] = [await connectTo(t, cluster, 1), await connectTo(t, cluster, 2), await connectTo(t, cluster, 3)];
  const { brokers } = await leader.request(Metadata, 9, { topics: null });
  assert.deepEqual(
    brokers.map(({ rack }) => rack),
    ['a', 'b', 'c'],
  );
  const codes = [];
  for (const version of [10, 11]) for (const client of [follower, other]) codes.push((await fetch(client, 0, { version })).errorCode);
  const { NOT_LEADER_OR_FOLLOWER } = errorNumbers;
  assert.deepEqual(codes, [NOT_LEADER_OR_FOLLOWER, NOT_LEADER_OR_FOLLOWER, 0, NOT_LEADER_OR_FOLLOWER]);
  const named = [];
  for (const rackId of ['', 'a', 'b', 'c']) {
    const { partitions } = only((await leader.request(Fetch, 12, { ...fetchBody(0, { maxWaitMs: 60_000 }), rackId })).responses);
    const { preferredReadReplica, records } = only(partitions);
    named.push([preferredReadReplica, (records?.length ?? 0) > 0]);
  }
  assert.deepEqual(named, [
    [-1, true],
    [-1, true],
    [2, false],
    [-1, true],
  ]);
});

test('a broker that stops closes its connections; the next replica leads; started again it has its port', async t => {
  const cluster = await startCluster(t, { brokers: 2, topics: { orders: 1 } });
  const [first, second] = [await connectTo(t, cluster, 1), await connectTo(t, cluster, 2)];
  const addresses = cluster.brokers;
  await produce(first, record);
  await cluster.stopBroker(1);
  await first.closed;
  await assert.rejects(RawClient.connect(addresses[0] ?? ''));
  assert.equal(cluster.leaderOf('orders', 0), 2);
  const answer = await second.request(Metadata, 9, { topics: null });
  assert.deepEqual(
    answer.brokers.map(({ nodeId }) => nodeId),
    [2],
  );
  const { isrNodes, offlineReplicas } = only(only(answer.topics).partitions);
  assert.deepEqual([isrNodes, offlineReplicas], [[2], [1]]);
  assert.equal((await produce(second, record)).baseOffset, 1, 'nothing was lost');

  await cluster.startBroker(1);
  assert.deepEqual(cluster.brokers, addresses);
  const back = await fetch(await connectTo(t, cluster, 1), 0, { version: 10 });
  assert.equal(back.errorCode, errorNumbers.NOT_LEADER_OR_FOLLOWER, 'leaders do not move back');
  await assert.rejects(cluster.startBroker(1), { code: 'TIDE_STATE' });
});

test('without another replica a partition has no leader until its broker is back', async t => {
  const cluster = await startCluster(t, { brokers: 2, topics: { orders: { partitions: 1, replicationFactor: 1 } } });
  const client = await connectTo(t, cluster, 2);
  await cluster.stopBroker(1);
  await cluster.stopBroker(1); // already stopped: nothing happens
  const { errorCode, leaderId } = only(only((await client.request(Metadata, 9, { topics: null })).topics).partitions);
  assert.deepEqual([errorCode, leaderId, cluster.leaderOf('orders', 0)], [errorNumbers.LEADER_NOT_AVAILABLE, -1, -1]);
  await cluster.startBroker(1);
  assert.equal(cluster.leaderOf('orders', 0), 1);
});

test('only the coordinator of a group keeps its offsets', async t => {
  const cluster = await startCluster(t, { brokers: 2, topics: { orders: 1 } });
  const clients = [await connectTo(t, cluster, 1), await connectTo(t, cluster, 2)] as const;
  const commit = async (broker: 1 | 2, offset: number) => {
    const partitions = [{ partitionIndex: 0, committedOffset: offset, committedMetadata: null }];
    const answer = await clients[broker - 1]?.request(OffsetCommit, 8, { groupId: 'billing', topics: [{ name: 'orders', partitions }] });
    return only(only(answer?.topics ?? []).partitions).errorCode;
  };
  cluster.moveCoordinator(2);
  assert.equal(cluster.coordinatorOf('billing'), 2);
  const found = await clients[0].request(FindCoordinator, 3, { key: 'billing' });
  assert.deepEqual([found.nodeId, `${found.host}:${found.port}`], [2, cluster.brokers[1]]);
  assert.deepEqual([await commit(1, 5), await commit(2, 6)], [errorNumbers.NOT_COORDINATOR, 0]);
  cluster.moveCoordinator(1, 'billing');
  assert.deepEqual([await commit(1, 7), await commit(2, 8)], [0, errorNumbers.NOT_COORDINATOR]);
  assert.equal(cluster.coordinatorOf('other'), 2);
  assert.deepEqual([...cluster.committed('billing')], [['orders/0', { offset: 7, metadata: '', leaderEpoch: -1 }]]);
  const refused = await clients[1].request(OffsetFetch, 1, { groupId: 'billing', topics: [{ name: 'orders', partitionIndexes: [0] }] });
  assert.equal(only(only(refused.topics).partitions).errorCode, errorNumbers.NOT_COORDINATOR, 'v1 says it per partition');
  await cluster.stopBroker(1);
  assert.equal(cluster.coordinatorOf('billing'), 2, 'another takes over');
});
