import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { KeyedProducer } from '../../src/producer/index.js';
import { FindCoordinator, ListOffsets, Metadata, Produce } from '../../src/protocol/index.js';
import { clientSetting, rejection } from './setting.js';

const codes = (client: KafkaClient) => client.nonFatalErrors().map(({ error }) => error.code);

test('an error that passes is kept, told by an event, and forgotten on request', async t => {
  const { cluster, client } = await clientSetting(t);
  const told: string[] = [];
  client.on('nonFatalError', ({ error }) => told.push(error.code));
  assert.deepEqual(client.nonFatalErrors(), []);
  cluster.on(ListOffsets).failOnce('NOT_LEADER_OR_FOLLOWER');
  cluster.on(FindCoordinator).failOnce('COORDINATOR_NOT_AVAILABLE');
  cluster.on(Produce).failOnce('NOT_ENOUGH_REPLICAS');
  await client.offsets.latest('orders', 0);
  await client.findCoordinator('billing');
  await new KeyedProducer(client).send({ topic: 'orders', key: 'k', value: 'v' });
  assert.deepEqual(codes(client), ['NOT_LEADER_OR_FOLLOWER', 'COORDINATOR_NOT_AVAILABLE', 'NOT_ENOUGH_REPLICAS']);
  assert.deepEqual(told, codes(client));
  const [first] = client.nonFatalErrors();
  assert.deepEqual([first?.error.context['topic'], first?.error.context['partition']], ['orders', 0]);
  assert.ok(Math.abs((first?.timestamp ?? 0) - Date.now()) < 60_000);
  client.clearNonFatalErrors();
  assert.deepEqual(client.nonFatalErrors(), []);
});

test('the last maxLoggedErrors are kept; 0 keeps none; what is thrown is not among them', async t => {
  const { cluster, client } = await clientSetting(t, { client: { maxLoggedErrors: 2 } });
  cluster.on(ListOffsets).failOnce('LEADER_NOT_AVAILABLE').failOnce('NOT_LEADER_OR_FOLLOWER').failOnce('REPLICA_NOT_AVAILABLE');
  await client.offsets.latest('orders', 0);
  assert.deepEqual(codes(client), ['NOT_LEADER_OR_FOLLOWER', 'REPLICA_NOT_AVAILABLE']);
  await using none = new KafkaClient({ brokers: cluster.brokers, maxLoggedErrors: 0, retry: { backoffMs: 1 } });
  cluster.on(ListOffsets).failOnce('LEADER_NOT_AVAILABLE');
  await none.offsets.latest('orders', 0);
  assert.deepEqual(none.nonFatalErrors(), []);
  client.clearNonFatalErrors();
  cluster.on(ListOffsets).failOnce('TOPIC_AUTHORIZATION_FAILED');
  await rejection(client.offsets.latest('orders', 0));
  assert.deepEqual(codes(client), []);
  assert.throws(() => new KafkaClient({ brokers: 'x', maxLoggedErrors: -1 }), { code: 'TIDE_OPTION' });
});

test('a broker that cannot be reached passes where another answers, and stands in clusterErrors until it is reached', async t => {
  const { cluster, client } = await clientSetting(t, { brokers: 2, client: { shuffleBrokers: false } });
  await cluster.stopBroker(1);
  await client.connect();
  const [first = ''] = cluster.brokers;
  assert.deepEqual(codes(client), ['TIDE_CONNECTION']);
  assert.deepEqual([...client.clusterErrors().keys()], [first]);
  assert.match(client.clusterErrors().get(first)?.message ?? '', /connection refused/);
  await cluster.startBroker(1);
  await client.metadata();
  cluster.moveLeader('orders', 0, 1);
  await client.offsets.latest('orders', 0);
  assert.deepEqual([...client.clusterErrors()], []);
});

test('a connection that breaks is a cluster error, one that is closed on request is none', async t => {
  const { cluster, client } = await clientSetting(t);
  await client.connect();
  const [only = ''] = cluster.brokers;
  client.disconnect(only);
  await new Promise(resolve => client.once('connection', resolve));
  assert.deepEqual([...client.clusterErrors()], []);
  cluster.on(Metadata).drop();
  const opened: string[] = [];
  client.on('connection', ({ kind }) => opened.push(`${kind} ${client.clusterErrors().has(only)}`));
  await client.metadata();
  assert.deepEqual(opened, ['opened false', 'closed true', 'opened false']);
});

test('ensureTopicExists: there, created, not created, and too late', async t => {
  const { cluster, client } = await clientSetting(t, { autoCreateTopics: true });
  assert.equal((await client.ensureTopicExists('orders')).partitions.length, 1);
  const before = cluster.requests(Metadata).length;
  await client.ensureTopicExists('orders', { timeoutMs: 0 });
  assert.equal(cluster.requests(Metadata).length, before, 'what is known is not asked again');
  const missing = await rejection(client.ensureTopicExists('fresh'));
  assert.equal(missing.code, 'UNKNOWN_TOPIC_OR_PARTITION');
  assert.match(missing.message, /allowAutoTopicCreation/);
  assert.ok(!cluster.topics.has('fresh'));

  await using creating = new KafkaClient({
    brokers: cluster.brokers,
    allowAutoTopicCreation: true,
    retry: { backoffMs: 1, maxBackoffMs: 5 },
  });
  cluster.on(Metadata, { topic: 'fresh' }).failTimes(20, 'LEADER_NOT_AVAILABLE');
  assert.equal((await creating.ensureTopicExists('fresh')).name, 'fresh');
  assert.ok(cluster.topics.has('fresh'));

  cluster.on(Metadata, { topic: 'never' }).failTimes(10_000, 'LEADER_NOT_AVAILABLE');
  const late = await rejection(creating.ensureTopicExists('never', { timeoutMs: 50 }));
  assert.deepEqual([late.code, (late.cause as { code?: string }).code], ['TIDE_TIMEOUT', 'LEADER_NOT_AVAILABLE']);
  const zero = await rejection(creating.ensureTopicExists('never', { timeoutMs: 0 }));
  assert.equal(zero.code, 'TIDE_TIMEOUT');
  cluster.on(Metadata, { topic: 'secret' }).failOnce('TOPIC_AUTHORIZATION_FAILED');
  assert.equal((await rejection(creating.ensureTopicExists('secret'))).code, 'TOPIC_AUTHORIZATION_FAILED');
  assert.equal((await rejection(creating.ensureTopicExists('no/name'))).code, 'TIDE_INPUT');
  const stop = AbortSignal.abort(new Error('enough'));
  await assert.rejects(creating.ensureTopicExists('never', { signal: stop }), /enough/);
});

test('topics gives the names of all topics but internal ones', async t => {
  const { client } = await clientSetting(t, { topics: { orders: 1, audit: 2, __consumer_offsets: 1 } });
  const { topics } = await client.metadata();
  const names = [...topics.values()].flatMap(({ name, internal }) => (internal ? [] : [name])).sort();
  assert.deepEqual(await client.topics(), names);
  assert.ok(names.includes('audit') && names.includes('orders'));
});
