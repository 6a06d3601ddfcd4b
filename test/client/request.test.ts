import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BrokerError, TimeoutError, UnsupportedError } from '../../src/base/errors.js';
import { KafkaClient } from '../../src/client/client.js';
import { SimpleConsumer } from '../../src/consumer/index.js';
import type { EmbeddedCluster } from '../../src/embedded/index.js';
import { KeyedProducer } from '../../src/producer/index.js';
import {
  ApiVersions,
  CreateTopics,
  DescribeConfigs,
  Fetch,
  FindCoordinator,
  InitProducerId,
  ListOffsets,
  Metadata,
  OffsetFetch,
} from '../../src/protocol/index.js';
import { clientSetting, quick, rejection } from './setting.js';

const listOffsets = (partition = 0) => ({
  replicaId: -1,
  topics: [{ name: 'orders', partitions: [{ partitionIndex: partition, timestamp: -1 }] }],
});
const offsetFetch = { groupId: 'billing', topics: [] };
const createTopic = (name: string) => ({
  topics: [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
  timeoutMs: 1000,
});

/** Stops a broker, and waits until the client has noticed: else what it sends next may have been applied. */
async function stopped(cluster: EmbeddedCluster, client: KafkaClient, id: number): Promise<void> {
  const noticed = new Promise<void>(resolve =>
    client.on('connection', ({ kind, broker }) => {
      if (kind === 'closed' && broker === cluster.brokers[id - 1]) resolve();
    }),
  );
  await cluster.stopBroker(id);
  await noticed;
}

test('to any broker, the default: one answers', async t => {
  const { cluster, client } = await clientSetting(t, { brokers: 2, client: { shuffleBrokers: false } });
  const answer = await client.request(Metadata, { topics: [{ name: 'orders' }] });
  assert.equal(answer.topics[0]?.name, 'orders');
  assert.equal(answer.brokers.length, 2);
  await stopped(cluster, client, 1);
  assert.equal((await client.request(Metadata, { topics: [] }, { to: 'any' })).brokers.length, 1);
});

test('to a broker by its id', async t => {
  const { cluster, client } = await clientSetting(t, { brokers: 3 });
  for (const broker of [3, 1, 2]) await client.request(DescribeConfigs, { resources: [] }, { to: { broker } });
  assert.deepEqual(
    cluster.requests(DescribeConfigs).map(({ broker }) => broker),
    [3, 1, 2],
  );
});

test('to a broker that is not there: says so after the last attempt, nothing was sent', async t => {
  const { cluster, client } = await clientSetting(t);
  const error = await rejection(client.request(DescribeConfigs, { resources: [] }, { to: { broker: 9 } }));
  assert.equal(error.code, 'TIDE_CONNECTION');
  assert.equal(error.persistence, 'no');
  assert.match(error.message, /broker 9 is not part of the cluster/);
  assert.deepEqual([cluster.requests(Metadata).length, cluster.requests(DescribeConfigs).length], [5, 0]);
});

test('to the leader of a partition', async t => {
  const { cluster, client } = await clientSetting(t, { brokers: 3, topics: { orders: 3 } });
  for (const partition of [2, 0, 1]) {
    const answer = await client.request(ListOffsets, listOffsets(partition), { to: { topic: 'orders', partition } });
    assert.equal(answer.topics[0]?.partitions[0]?.errorCode, 0);
  }
  assert.deepEqual(
    cluster.requests(ListOffsets).map(({ broker }) => broker),
    [3, 1, 2],
  );
});

test('to the leader, which has stopped: goes to who leads now', async t => {
  const { cluster, client } = await clientSetting(t, { brokers: 3 });
  const to = { topic: 'orders', partition: 0 };
  await client.request(ListOffsets, listOffsets(), { to });
  await stopped(cluster, client, 1);
  await client.request(ListOffsets, listOffsets(), { to });
  assert.deepEqual(
    cluster.requests(ListOffsets).map(({ broker }) => broker),
    [1, 2],
  );
});

test('to a leader that is not there yet: asked for until there is one', async t => {
  const { cluster, client } = await clientSetting(t, { brokers: 2, topics: { orders: { partitions: 1, replicationFactor: 1 } } });
  await cluster.stopBroker(1, { moveLeaders: false });
  const asking = client.request(ListOffsets, listOffsets(), { to: { topic: 'orders', partition: 0 } });
  await cluster.nextRequest(Metadata);
  await cluster.startBroker(1);
  assert.equal((await asking).topics[0]?.partitions[0]?.errorCode, 0);
});

test('to the leader of what does not exist: a typed error after the last attempt', async t => {
  const { cluster, client } = await clientSetting(t);
  for (const to of [
    { topic: 'nowhere', partition: 0 },
    { topic: 'orders', partition: 7 },
  ]) {
    const before = cluster.requests(Metadata).length;
    const error = await rejection(client.request(ListOffsets, listOffsets(), { to }));
    assert.ok(error instanceof BrokerError);
    assert.equal(error.code, 'UNKNOWN_TOPIC_OR_PARTITION');
    assert.equal(cluster.requests(Metadata).length - before, 5);
  }
  const illegal = await rejection(client.request(ListOffsets, listOffsets(), { to: { topic: 'not a topic', partition: 0 } }));
  assert.equal(illegal.code, 'INVALID_TOPIC_EXCEPTION');
});

test('to the coordinator of a group or a transactional id, as it is at the moment', async t => {
  const { cluster, client } = await clientSetting(t, { brokers: 3, client: { apiVersions: { OffsetFetch: 7 } } });
  const ask = async () => (await client.request(OffsetFetch, offsetFetch, { to: { group: 'billing' } })).errorCode;
  cluster.moveCoordinator(2);
  assert.equal(await ask(), 0);
  cluster.moveCoordinator(3);
  assert.equal(await ask(), 0, 'nobody looks at the codes inside, so a coordinator that moved is not found out otherwise');
  await stopped(cluster, client, 3);
  assert.equal(await ask(), 0);
  assert.deepEqual(
    cluster.requests(OffsetFetch).map(({ broker }) => broker),
    [2, 3, cluster.coordinatorOf('billing')],
  );
  cluster.moveCoordinator(1, 'payments');
  const answer = await client.request(
    InitProducerId,
    { transactionalId: 'payments', transactionTimeoutMs: 1000 },
    { to: { transaction: 'payments' } },
  );
  assert.equal(answer.errorCode, 0);
  assert.equal(cluster.requests(FindCoordinator).at(-1)?.body.keyType, 1);
});

test('to the controller: the default where only it answers, and found again after it has stopped', async t => {
  const { cluster, client } = await clientSetting(t, { brokers: 3 });
  assert.equal((await client.request(CreateTopics, createTopic('one'))).topics[0]?.errorCode, 0);
  await stopped(cluster, client, 1);
  assert.equal((await client.request(CreateTopics, createTopic('two'))).topics[0]?.errorCode, 0);
  await client.request(DescribeConfigs, { resources: [] }, { to: 'controller' });
  assert.deepEqual(
    [...cluster.requests(CreateTopics), ...cluster.requests(DescribeConfigs)].map(({ broker }) => broker),
    [1, 2, 2],
  );
});

test('what was certainly not sent is tried again; what may have been applied is not, on no broker', async t => {
  const { cluster, client } = await clientSetting(t, { brokers: 3 });
  await client.connect();
  for (const to of ['any', 'controller', { broker: 2 }, { topic: 'orders', partition: 0 }] as const) {
    cluster.reset();
    cluster.on(CreateTopics).dropAnswer(1);
    const error = await rejection(client.request(CreateTopics, createTopic('new'), { to }));
    assert.deepEqual([error.code, error.persistence, error.retriable], ['TIDE_CONNECTION', 'maybe', false], JSON.stringify(to));
    assert.equal(cluster.requests(CreateTopics).length, 1);
    assert.ok(cluster.topics.has('new'));
    cluster.deleteTopic('new');
  }
});

test('what is not answered in time is a TimeoutError, and nothing to try again', async t => {
  const { cluster, client } = await clientSetting(t);
  await client.connect();
  cluster.on(CreateTopics).silent();
  const error = await rejection(client.request(CreateTopics, createTopic('new'), { timeoutMs: 50 }));
  assert.ok(error instanceof TimeoutError);
  assert.deepEqual([error.code, error.persistence, error.retriable], ['TIDE_TIMEOUT', 'maybe', false]);
  assert.equal(cluster.requests(CreateTopics).length, 1);
});

test('looking for whom it is for takes no longer than an attempt may', async t => {
  const { cluster, client } = await clientSetting(t, { client: { requestTimeoutMs: 600_000, retry: { attempts: 2, backoffMs: 1 } } });
  await client.connect();
  const hold = cluster.on(FindCoordinator).hold();
  const error = await rejection(client.request(OffsetFetch, offsetFetch, { to: { group: 'billing' }, timeoutMs: 50 }));
  assert.ok(error instanceof TimeoutError);
  assert.deepEqual([error.code, error.persistence], ['TIDE_TIMEOUT', 'no']);
  hold.release();
  assert.deepEqual([cluster.requests(FindCoordinator).length, cluster.requests(OffsetFetch).length], [1, 0]);
});

test('error codes inside an answer are not looked at', async t => {
  const { cluster, client } = await clientSetting(t);
  cluster.on(ListOffsets).failOnce('NOT_LEADER_OR_FOLLOWER');
  const answer = await client.request(ListOffsets, listOffsets(), { to: { topic: 'orders', partition: 0 } });
  assert.equal(answer.topics[0]?.partitions[0]?.errorCode, 6);
  assert.equal(cluster.requests(ListOffsets).length, 1);
});

test('a field that the version cannot carry is refused before anything is sent', async t => {
  const { cluster, client } = await clientSetting(t, { client: { apiVersions: { OffsetFetch: 7 } } });
  const error = await rejection(client.request(OffsetFetch, { groups: [{ groupId: 'a', topics: null }] } as never, { to: { broker: 1 } }));
  assert.match(error.code, /^TIDE_(UNSUPPORTED|INPUT)$/);
  assert.equal(cluster.requests(OffsetFetch).length, 0);
});

test('aborted: rejects with the reason, whatever it waits for', async t => {
  const { cluster, client } = await clientSetting(t);
  await client.connect();
  const why = new Error('enough');
  for (const api of [Metadata, ListOffsets] as const) {
    const hold = cluster.on(api).hold();
    const stop = new AbortController();
    const asking = client.request(ListOffsets, listOffsets(), { to: { topic: 'orders', partition: 0 }, signal: stop.signal });
    await hold.held;
    stop.abort(why);
    await assert.rejects(asking, error => error === why);
    hold.release();
  }
});

test('a version that is pinned is the one used; without a pin it is the newest of both', async t => {
  const { cluster, client } = await clientSetting(t, { client: { apiVersions: { Metadata: 5 } } });
  await client.connect();
  await client.request(ListOffsets, listOffsets());
  assert.equal(cluster.requests(Metadata)[0]?.version, 5);
  assert.equal(cluster.requests(ListOffsets)[0]?.version, ListOffsets.versions[1]);
  cluster.limitVersions(ListOffsets, 4);
  await using other = new KafkaClient({ brokers: cluster.brokers });
  await other.request(ListOffsets, listOffsets());
  assert.equal(cluster.requests(ListOffsets)[1]?.version, 4);
});

test('a pin below what the broker has: says which versions each side speaks, at once', async t => {
  const { cluster, client } = await clientSetting(t, { client: { apiVersions: { ListOffsets: 3 } } });
  cluster.limitVersions(ListOffsets, 10, 5);
  const error = await rejection(client.request(ListOffsets, listOffsets()));
  assert.ok(error instanceof UnsupportedError);
  assert.equal(error.code, 'TIDE_UNSUPPORTED');
  assert.match(
    error.message,
    /ListOffsets: broker .* speaks versions 5 to 10, tidemark 1 to 10, and here at most 3 can be used: none in common/,
  );
  assert.equal(cluster.requests(ListOffsets).length, 0);
});

test('a pin above what the broker has is a highest version, and does no harm', async t => {
  const { cluster, client } = await clientSetting(t, { client: { apiVersions: { ListOffsets: 9 } } });
  cluster.limitVersions(ListOffsets, 6);
  await client.request(ListOffsets, listOffsets());
  assert.equal(cluster.requests(ListOffsets)[0]?.version, 6);
});

test('a broker that does not have an API: says so', async t => {
  const { cluster, client } = await clientSetting(t);
  cluster.limitVersions(DescribeConfigs, -1);
  const error = await rejection(client.request(DescribeConfigs, { resources: [] }));
  assert.equal(error.code, 'TIDE_UNSUPPORTED');
  assert.match(error.message, /DescribeConfigs: broker .* does not offer this API/);
});

test('plain requests to a broker share one connection, however many are made at once', async t => {
  const { cluster, client } = await clientSetting(t, { brokers: 2, topics: { orders: 2 } });
  const requests = Array.from({ length: 50 }, (_, i) =>
    client.request(ListOffsets, listOffsets(i % 2), { to: { topic: 'orders', partition: i % 2 } }),
  );
  await Promise.all(requests);
  await new KeyedProducer(client).sendMessages('orders', 'k', 'a');
  await client.metadata();
  const connections = new Map<number, Set<number>>();
  for (const { broker, connection } of cluster.requests()) connections.set(broker, (connections.get(broker) ?? new Set()).add(connection));
  assert.deepEqual([...connections.keys()].sort(), [1, 2]);
  for (const used of connections.values()) assert.equal(used.size, 1);
  assert.equal(cluster.requests(ApiVersions).length, 2, 'one handshake for each');
});

test('a consumer that waits for messages does so on a connection of its own', async t => {
  const { cluster, client } = await clientSetting(t);
  const consumer = new SimpleConsumer(client, { topic: 'orders', maxWaitMs: 60_000 });
  const reading = consumer.getMessages(1, { timeoutMs: null });
  const waiting = await cluster.nextRequest(Fetch);
  const answer = await client.request(ListOffsets, listOffsets(), { to: { broker: 1 } });
  assert.equal(answer.topics.length, 1);
  assert.notEqual(cluster.requests(ListOffsets).at(-1)?.connection, waiting.connection);
  cluster.append('orders', 0, [{ value: 'x' }]);
  assert.equal((await reading).length, 1);
});

test('after a connection was lost the next request opens another', async t => {
  const { cluster, client } = await clientSetting(t);
  await client.request(ListOffsets, listOffsets());
  await stopped(cluster, client, 1);
  await cluster.startBroker(1);
  await client.request(ListOffsets, listOffsets());
  const [first, second] = cluster.requests(ListOffsets);
  assert.notEqual(first?.connection, second?.connection);
});

test('metadata(): all topics, or those named; a copy that nobody else holds', async t => {
  const { cluster, client } = await clientSetting(t, { brokers: 3, topics: { orders: 2, audit: 1 }, client: { retry: quick } });
  const all = await client.metadata();
  assert.deepEqual([...all.topics.keys()].sort(), ['audit', 'orders']);
  assert.deepEqual(
    [...all.brokers.values()].map(({ id, host, port }) => [id, host, typeof port]),
    [1, 2, 3].map(id => [id, '127.0.0.1', 'number']),
  );
  const { partitions } = all.topics.get('orders') ?? assert.fail();
  assert.deepEqual(
    partitions.map(({ partition, leader, replicas, isr }) => [partition, leader, [...replicas], [...isr].sort()]),
    [
      [0, 1, [1, 2, 3], [1, 2, 3]],
      [1, 2, [2, 3, 1], [1, 2, 3]],
    ],
  );
  assert.ok(Object.isFrozen(all) && Object.isFrozen(partitions) && Object.isFrozen(partitions[0]));
  (all.brokers as Map<number, unknown>).clear();
  (all.topics as Map<string, unknown>).clear();
  await client.request(ListOffsets, listOffsets(), { to: { topic: 'orders', partition: 0 } });
  assert.equal(cluster.requests(Metadata).length, 1, 'the client still knows what it knew');
  assert.deepEqual(
    [...(await client.metadata(['orders', 'nowhere'])).topics].map(([name, { errorCode }]) => [name, errorCode]),
    [
      ['orders', 0],
      ['nowhere', 3],
    ],
  );
  assert.equal((await client.metadata([])).topics.size, 0);
});
