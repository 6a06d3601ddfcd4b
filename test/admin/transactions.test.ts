import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Admin, type PartitionProducers, type TransactionDescription, type TransactionListing } from '../../src/admin/index.js';
import { KafkaError } from '../../src/base/errors.js';
import { KafkaClient } from '../../src/client/client.js';
import { KeyedProducer } from '../../src/producer/index.js';
import { DescribeProducers, DescribeTransactions, FindCoordinator, ListTransactions, Metadata } from '../../src/protocol/index.js';
import { rejection } from '../client/setting.js';
import { adminSetting, partly } from './setting.js';

const topics = { orders: { partitions: 3, replicationFactor: 3 } };
const orders = (partition: number) => ({ topic: 'orders', partition });
const codeOr =
  <T, R>(read: (value: T) => R) =>
  (result: T | KafkaError) =>
    result instanceof KafkaError ? result.code : read(result);

test('describeProducers: who wrote to a partition, and whose transaction is open there', async t => {
  const { cluster, client, admin } = await adminSetting(t, { topics });
  const plain = new KeyedProducer(client);
  const transactional = new KeyedProducer(client, { transactionalId: 'payments' });
  await plain.sendMany([
    { topic: 'orders', partition: 0, value: 'a', timestamp: 7000 },
    { topic: 'orders', partition: 0, value: 'b', timestamp: 9000 },
  ]);
  await transactional.begin();
  await transactional.send({ topic: 'orders', partition: 0, value: 'c' });
  const [open] = await admin.describeProducers(orders(0));
  assert.deepEqual([open?.topic, open?.partition, open?.producers.length], ['orders', 0, 2]);
  const [first, second] = open?.producers ?? [];
  assert.deepEqual(
    { ...first, producerId: 0 },
    {
      producerId: 0,
      producerEpoch: 0,
      lastSequence: 1,
      lastTimestamp: 9000,
      coordinatorEpoch: undefined,
      currentTransactionStartOffset: undefined,
    },
  );
  assert.deepEqual([second?.lastSequence, second?.currentTransactionStartOffset, second?.coordinatorEpoch], [0, 2, undefined]);
  assert.equal(cluster.lastStableOffset('orders', 0), 2);
  await transactional.commit();
  const [ended] = await admin.describeProducers(orders(0));
  assert.deepEqual([ended?.producers[1]?.currentTransactionStartOffset, ended?.producers[1]?.coordinatorEpoch], [undefined, 0]);
});

test('describeProducers: each leader is asked once, and results come in the order asked', async t => {
  const { cluster, client, admin } = await adminSetting(t, { topics: { orders: 6 } });
  await new KeyedProducer(client).sendMany([4, 1].map(partition => ({ topic: 'orders', partition, value: 'a' })));
  const described = await admin.describeProducers([orders(4), orders(0), orders(1), orders(3)]);
  assert.deepEqual(
    described.map(({ partition, producers }) => [partition, producers.length]),
    [
      [4, 1],
      [0, 0],
      [1, 1],
      [3, 0],
    ],
  );
  assert.deepEqual(
    cluster
      .requests(DescribeProducers)
      .map(({ broker }) => broker)
      .sort(),
    [1, 2],
  );
});

test('describeProducers: a partition that does not exist is an error beside the others; a leader that moved is looked for', async t => {
  const { cluster, client, admin } = await adminSetting(t, { topics });
  await client.partitionCount('orders');
  cluster.moveLeader('orders', 0, 2);
  const { error, results } = await partly<PartitionProducers | KafkaError>(admin.describeProducers([orders(9), orders(0)]));
  assert.deepEqual(results.map(codeOr(({ partition }) => partition)), ['UNKNOWN_TOPIC_OR_PARTITION', 0]);
  assert.equal(error.code, 'UNKNOWN_TOPIC_OR_PARTITION');
  cluster.on(DescribeProducers, orders(1)).failTimes(100, 'TOPIC_AUTHORIZATION_FAILED');
  const refused = await partly<PartitionProducers | KafkaError>(admin.describeProducers([orders(0), orders(1)]));
  assert.match(refused.error.message, /^describeProducers orders\/1: TOPIC_AUTHORIZATION_FAILED \(29\), /);
});

test('describeTransactions: where each id stands, in the order asked', async t => {
  const { cluster, client, admin } = await adminSetting(t, { topics });
  const [open, idle] = ['open', 'idle'].map(transactionalId => new KeyedProducer(client, { transactionalId, transactionTimeoutMs: 5000 }));
  assert.ok(open !== undefined && idle !== undefined);
  for (const producer of [open, idle]) {
    await producer.begin();
    await producer.send({ topic: 'orders', partition: 1, value: 'a' });
    await producer.send({ topic: 'orders', partition: 0, value: 'a' });
  }
  await open.sendOffsets('billing', [{ topic: 'orders', partition: 2, offset: 5 }]);
  await idle.commit();
  const { error, results } = await partly<TransactionDescription | KafkaError>(admin.describeTransactions(['idle', 'nobody', 'open']));
  assert.deepEqual(results.map(codeOr(({ state }) => state)), ['CompleteCommit', 'TRANSACTIONAL_ID_NOT_FOUND', 'Ongoing']);
  assert.deepEqual([error.code, error.context['transactionalId']], ['TRANSACTIONAL_ID_NOT_FOUND', 'nobody']);
  const [described] = await admin.describeTransactions('open');
  assert.ok(described !== undefined);
  assert.deepEqual(
    [described.transactionalId, described.coordinatorId, described.transactionTimeoutMs],
    ['open', cluster.coordinatorOf('open'), 5000],
  );
  assert.equal(described.producerId, (await admin.listTransactions({ states: ['Ongoing'] }))[0]?.producerId);
  assert.ok(Math.abs(Date.now() - (described.transactionStartTimeMs ?? 0)) < 60_000);
  assert.deepEqual(
    described.topicPartitions.map(({ topic, partition }) => (topic === 'orders' ? partition : topic)),
    [1, 0, '__consumer_offsets'],
  );
});

test('describeTransactions: a coordinator that moved is looked for', async t => {
  const { cluster, client, admin } = await adminSetting(t, { topics });
  const producer = new KeyedProducer(client, { transactionalId: 'payments' });
  await producer.begin();
  const before = cluster.coordinatorOf('payments');
  const next = (before % 3) + 1;
  cluster.moveCoordinator(next, 'payments');
  assert.equal((await admin.describeTransactions('payments'))[0]?.coordinatorId, next);
  cluster.on(FindCoordinator).failOnce('COORDINATOR_NOT_AVAILABLE');
  cluster.moveCoordinator(before, 'payments');
  assert.equal((await admin.describeTransactions('payments'))[0]?.coordinatorId, before);
});

test('listTransactions: those of all brokers, by id; filters', async t => {
  const { cluster, client, admin } = await adminSetting(t, { topics });
  for (const [i, transactionalId] of ['c', 'a', 'b'].entries()) {
    cluster.moveCoordinator(i + 1, transactionalId);
    const producer = new KeyedProducer(client, { transactionalId });
    await producer.begin();
    await producer.send({ topic: 'orders', partition: i, value: 'x' });
    if (transactionalId === 'a') await producer.abort();
  }
  const listed = await admin.listTransactions();
  assert.deepEqual(
    listed.map(({ transactionalId, state, coordinatorId }) => [transactionalId, state, coordinatorId]),
    [
      ['a', 'CompleteAbort', 2],
      ['b', 'Ongoing', 3],
      ['c', 'Ongoing', 1],
    ],
  );
  const ids = async (...options: Parameters<typeof admin.listTransactions>) =>
    (await admin.listTransactions(...options)).map(({ transactionalId }) => transactionalId);
  assert.deepEqual(await ids({ states: ['Ongoing', 'Dead'] }), ['b', 'c']);
  assert.deepEqual(await ids({ producerIds: [listed[0]?.producerId ?? -1] }), ['a']);
  assert.deepEqual(await ids({ longerThanMs: 3_600_000 }), []);
  assert.deepEqual(
    cluster
      .requests(ListTransactions)
      .map(({ broker, body }) => [broker, body.durationFilter])
      .slice(-3)
      .sort(),
    [
      [1, 3_600_000],
      [2, 3_600_000],
      [3, 3_600_000],
    ],
  );
});

test('listTransactions: a broker that is still loading is asked again; one that fails is an error beside the lists of the others', async t => {
  const { cluster, client, admin } = await adminSetting(t, { topics });
  cluster.moveCoordinator(1);
  await new KeyedProducer(client, { transactionalId: 'payments' }).begin();
  cluster.on(ListTransactions, { broker: 1 }).failTimes(2, 'COORDINATOR_LOAD_IN_PROGRESS');
  assert.equal((await admin.listTransactions()).length, 1);
  cluster.on(ListTransactions, { broker: 2 }).failOnce('CLUSTER_AUTHORIZATION_FAILED');
  const { error, results } = await partly<readonly TransactionListing[] | KafkaError>(admin.listTransactions());
  assert.deepEqual(results.map(codeOr(list => list.length)), [1, 'CLUSTER_AUTHORIZATION_FAILED', 0]);
  assert.match(error.message, /^listTransactions of broker 2: /);
});

test('listTransactions: a broker that knows no others yet is asked again', async t => {
  const { cluster, client, admin } = await adminSetting(t, { topics });
  await new KeyedProducer(client, { transactionalId: 'payments' }).begin();
  const other = new KafkaClient({ brokers: cluster.brokers });
  t.after(() => other.close());
  cluster.on(Metadata).answer(async (_, next) => {
    const answer = await next();
    return answer && { ...answer, brokers: [] };
  }, 2);
  assert.equal((await new Admin(other).listTransactions()).length, 1);
  assert.deepEqual(await admin.listTransactions({ states: ['Dead'] }), []);
});

test('a cluster that is too old: the error names the release that is not', async t => {
  const { admin } = await adminSetting(t, { topics, emulate: '1.1' });
  for (const [call, needs, kip] of [
    [admin.describeProducers(orders(0)), 'Kafka 2.8', 'KIP-664'],
    [admin.describeTransactions('payments'), 'Kafka 3.0', 'KIP-664'],
    [admin.listTransactions(), 'Kafka 3.0', 'KIP-664'],
    [admin.listTransactions({ longerThanMs: 1 }), 'Kafka 3.8', 'KIP-994'],
  ] as const) {
    const error = await rejection(call);
    assert.deepEqual([error.code, error.context['needs'], error.retriable], ['TIDE_UNSUPPORTED', needs, false]);
    assert.ok(error.message.includes(`needs ${needs} or newer (${kip})`), error.message);
  }
  const old = await adminSetting(t, { topics, client: { apiVersions: { ListTransactions: 0 } } });
  assert.deepEqual(await old.admin.listTransactions(), []);
  assert.equal((await rejection(old.admin.listTransactions({ longerThanMs: 0 }))).context['needs'], 'Kafka 3.8');
});

test('what cannot be is refused before anything is sent', async t => {
  const { cluster, admin } = await adminSetting(t, { topics });
  for (const partitions of [[], null, 'all', [orders(0), orders(0)], { topic: 'orders', partition: 0.5 }] as never[])
    await assert.rejects(admin.describeProducers(partitions), { code: 'TIDE_INPUT', message: /^describeProducers/ });
  for (const ids of [[], '', null, 7, ['a', 'a'], [7]] as never[])
    await assert.rejects(admin.describeTransactions(ids), { code: 'TIDE_INPUT', message: /^describeTransactions/ });
  for (const options of [{ states: ['Open'] }, { states: 'Empty' }, { producerIds: [-1] }, { longerThanMs: -1 }, { state: [] }] as never[])
    await assert.rejects(admin.listTransactions(options), { code: 'TIDE_OPTION', message: /^listTransactions/ });
  assert.deepEqual(cluster.requests(), []);
});

test('aborted: rejects with the reason; late: TIDE_TIMEOUT', async t => {
  const { cluster, client, admin } = await adminSetting(t, { topics });
  await new KeyedProducer(client, { transactionalId: 'payments' }).begin();
  for (const [api, call] of [
    [DescribeProducers, (options: object) => admin.describeProducers(orders(0), options)],
    [DescribeTransactions, (options: object) => admin.describeTransactions('payments', options)],
    [ListTransactions, (options: object) => admin.listTransactions(options)],
  ] as const) {
    const hold = cluster.on(api).hold();
    const stop = new AbortController();
    const calling = call({ signal: stop.signal });
    await hold.held;
    const why = new Error('enough');
    stop.abort(why);
    await assert.rejects(calling, error => error === why);
    hold.release();
    cluster.on(api).silent(100);
    assert.equal((await rejection(call({ timeoutMs: 50 }))).code, 'TIDE_TIMEOUT');
  }
});
