import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NewPartitionReassignment, PartitionResult } from '../../src/admin/index.js';
import { AlterPartitionReassignments, ListPartitionReassignments } from '../../src/protocol/index.js';
import { rejection } from '../client/setting.js';
import { adminSetting, partly } from './setting.js';

const topics = { orders: { partitions: 2, replicationFactor: 1 } };
const orders = (partition: number) => ({ topic: 'orders', partition });
const told = (results: readonly PartitionResult[]) => results.map(({ topic, partition, error }) => [topic, partition, error?.code]);

test('partitions are kept by other brokers, and led by one of them', async t => {
  const { cluster, admin } = await adminSetting(t, { topics });
  cluster.append('orders', 0, [{ value: 'tea' }]);
  const results = await admin.alterPartitionReassignments([
    { topic: 'orders', partition: 1, replicas: [2, 3] },
    { topic: 'orders', partition: 0, replicas: [3, 2] },
  ]);
  assert.deepEqual(told(results), [
    ['orders', 1, undefined],
    ['orders', 0, undefined],
  ]);
  const [described] = await admin.describeTopics('orders');
  assert.deepEqual(
    described?.partitions.map(({ leader, replicas }) => [leader, replicas]),
    [
      [3, [3, 2]],
      [2, [2, 3]], // who led it keeps it, and leads on
    ],
  );
  assert.equal(cluster.records('orders', 0).length, 1);
  assert.deepEqual(await admin.listPartitionReassignments(), []);
});

test('a move to a broker that is down is under way until it is up', async t => {
  const { cluster, admin } = await adminSetting(t, { topics });
  await cluster.stopBroker(3);
  await admin.alterPartitionReassignments({ topic: 'orders', partition: 0, replicas: [3, 2] });
  const moving = { topic: 'orders', partition: 0, replicas: [3, 2, 1], addingReplicas: [3, 2], removingReplicas: [1] };
  assert.deepEqual(await admin.listPartitionReassignments(), [moving]);
  assert.deepEqual(await admin.listPartitionReassignments([orders(1), orders(0)]), [moving]);
  assert.deepEqual(await admin.listPartitionReassignments(orders(1)), []);
  assert.equal(cluster.leaderOf('orders', 0), 1);
  await cluster.startBroker(3);
  assert.deepEqual(await admin.listPartitionReassignments('all'), []);
  assert.equal(cluster.leaderOf('orders', 0), 3);
});

test('moves are listed by topic and partition', async t => {
  const { cluster, admin } = await adminSetting(t, { topics: { b: 2, a: 1 }, replicationFactor: 1 });
  await cluster.stopBroker(3);
  const places = [
    { topic: 'b', partition: 1 },
    { topic: 'b', partition: 0 },
    { topic: 'a', partition: 0 },
  ];
  await admin.alterPartitionReassignments(places.map(place => ({ ...place, replicas: [3] })));
  assert.deepEqual(
    (await admin.listPartitionReassignments()).map(({ topic, partition }) => [topic, partition]),
    [
      ['a', 0],
      ['b', 0],
      ['b', 1],
    ],
  );
});

test('a move can be left, and a new one takes the place of the one before', async t => {
  const { cluster, admin } = await adminSetting(t, { topics });
  await cluster.stopBroker(3);
  const move = (replicas: readonly number[] | null) => admin.alterPartitionReassignments({ ...orders(0), replicas });
  await move([3]);
  await move(null);
  assert.deepEqual(await admin.listPartitionReassignments(), []);
  await cluster.startBroker(3);
  assert.equal(cluster.leaderOf('orders', 0), 1);
  await cluster.stopBroker(3);
  await move([3]);
  await move([3, 2]);
  assert.deepEqual((await admin.listPartitionReassignments())[0]?.addingReplicas, [3, 2]);
  await move([2]);
  assert.deepEqual((await admin.describeTopics('orders'))[0]?.partitions[0]?.replicas, [2]);
  const { error } = await partly<PartitionResult>(move(null));
  assert.deepEqual([error.code, error.errno], ['NO_REASSIGNMENT_IN_PROGRESS', 85]);
});

test('an answer that was lost: the move counts as left by that attempt', async t => {
  const { cluster, admin } = await adminSetting(t, { topics });
  await cluster.stopBroker(3);
  await admin.alterPartitionReassignments({ ...orders(0), replicas: [3] });
  cluster.on(AlterPartitionReassignments).dropAnswer();
  assert.deepEqual(told(await admin.alterPartitionReassignments({ ...orders(0), replicas: null })), [['orders', 0, undefined]]);
  assert.equal(cluster.requests(AlterPartitionReassignments).length, 3);
});

test('each partition has its own result; a refusal is not asked for again, what may pass is', async t => {
  const { cluster, admin } = await adminSetting(t, { topics });
  cluster.on(AlterPartitionReassignments, { topic: 'orders', partition: 1 }).failOnce('REQUEST_TIMED_OUT');
  const { error, results } = await partly<PartitionResult>(
    admin.alterPartitionReassignments([
      { topic: 'orders', partition: 0, replicas: [9] },
      { topic: 'nowhere', partition: 0, replicas: [1] },
      { topic: 'orders', partition: 1, replicas: [3] },
    ]),
  );
  assert.deepEqual(told(results), [
    ['orders', 0, 'INVALID_REPLICA_ASSIGNMENT'],
    ['nowhere', 0, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['orders', 1, undefined],
  ]);
  assert.match(error.message, /^alterPartitionReassignments orders\/0: .* no such broker is registered\. \(and 1 more\)$/);
  assert.deepEqual(
    cluster.requests(AlterPartitionReassignments).map(({ body }) => body.topics.map(({ name }) => name)),
    [['orders', 'nowhere'], ['orders']],
  );
  assert.equal(cluster.leaderOf('orders', 1), 3);
});

test('what the controller says of all: it is the result of each, or the error of the list', async t => {
  const { cluster, admin } = await adminSetting(t, { topics });
  cluster.on(AlterPartitionReassignments).answer(() => ({ errorCode: 31, errorMessage: 'not you', responses: [] }));
  const { results } = await partly<PartitionResult>(
    admin.alterPartitionReassignments([
      { ...orders(0), replicas: [2] },
      { ...orders(1), replicas: [3] },
    ]),
  );
  assert.deepEqual(told(results), [
    ['orders', 0, 'CLUSTER_AUTHORIZATION_FAILED'],
    ['orders', 1, 'CLUSTER_AUTHORIZATION_FAILED'],
  ]);
  cluster.on(ListPartitionReassignments).failOnce('NOT_CONTROLLER');
  assert.deepEqual(await admin.listPartitionReassignments(), []);
  cluster.on(ListPartitionReassignments).failOnce('CLUSTER_AUTHORIZATION_FAILED');
  assert.equal((await rejection(admin.listPartitionReassignments())).code, 'CLUSTER_AUTHORIZATION_FAILED');
});

test('a cluster that is too old: the error names the release that is not', async t => {
  const { admin } = await adminSetting(t, { topics, emulate: '1.1' });
  const { error } = await partly(admin.alterPartitionReassignments({ ...orders(0), replicas: [2] }));
  assert.deepEqual([error.code, error.context['needs']], ['TIDE_UNSUPPORTED', 'Kafka 2.4']);
  assert.match(error.message, /^alterPartitionReassignments needs Kafka 2\.4 or newer \(KIP-455\)\. /);
  const listing = await rejection(admin.listPartitionReassignments());
  assert.deepEqual([listing.code, listing.context['needs']], ['TIDE_UNSUPPORTED', 'Kafka 2.4']);
});

test('what Kafka cannot take is refused before anything is sent', async t => {
  const { cluster, admin } = await adminSetting(t, { topics });
  const bad: readonly unknown[] = [
    undefined,
    null,
    [],
    { ...orders(0) },
    { ...orders(0), replicas: [] },
    { ...orders(0), replicas: [1, 1] },
    { ...orders(0), replicas: [-1] },
    { ...orders(0), replicas: ['1'] },
    { ...orders(0), replicas: 1 },
    { topic: '', partition: 0, replicas: [1] },
    [
      { ...orders(0), replicas: [1] },
      { ...orders(0), replicas: null },
    ],
  ];
  for (const moves of bad)
    await assert.rejects(
      admin.alterPartitionReassignments(moves as NewPartitionReassignment),
      { code: 'TIDE_INPUT', message: /^alterPartitionReassignments/ },
      JSON.stringify(moves),
    );
  for (const partitions of [null, [], 'orders', { topic: 'orders' }] as never[])
    await assert.rejects(admin.listPartitionReassignments(partitions), { code: 'TIDE_INPUT', message: /^listPartitionReassignments/ });
  assert.deepEqual(cluster.requests(), []);
});

test('aborted: rejects with the reason', async t => {
  const { cluster, admin } = await adminSetting(t, { topics });
  for (const [api, call] of [
    [AlterPartitionReassignments, (signal: AbortSignal) => admin.alterPartitionReassignments({ ...orders(0), replicas: [2] }, { signal })],
    [ListPartitionReassignments, (signal: AbortSignal) => admin.listPartitionReassignments('all', { signal })],
  ] as const) {
    const hold = cluster.on(api).hold();
    const stop = new AbortController();
    const calling = call(stop.signal);
    await hold.held;
    const why = new Error('enough');
    stop.abort(why);
    await assert.rejects(calling, error => error === why);
    hold.release();
  }
});
