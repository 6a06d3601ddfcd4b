import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Admin, type ElectionResult } from '../../src/admin/index.js';
import { KafkaClient } from '../../src/client/client.js';
import { ElectLeaders, Produce } from '../../src/protocol/index.js';
import { rejection } from '../client/setting.js';
import { adminSetting, partly } from './setting.js';

const topics = { orders: { partitions: 2, replicationFactor: 3 } };
const orders = (partition: number) => ({ topic: 'orders', partition });
const told = (results: readonly ElectionResult[]) =>
  results.map(({ topic, partition, elected, error }) => [topic, partition, elected, error?.code]);

for (let version = ElectLeaders.versions[0]; version <= ElectLeaders.versions[1]; version++) {
  test(`ElectLeaders v${version}: partitions are led by their preferred replicas again`, async t => {
    const { cluster, admin } = await adminSetting(t, { topics, client: { apiVersions: { ElectLeaders: version } } });
    cluster.moveLeader('orders', 0, 2);
    assert.deepEqual(told(await admin.electLeaders('preferred', [orders(1), orders(0)])), [
      ['orders', 1, false, undefined],
      ['orders', 0, true, undefined],
    ]);
    assert.deepEqual([cluster.leaderOf('orders', 0), cluster.leaderOf('orders', 1)], [1, 2]);
    assert.equal(cluster.requests(ElectLeaders)[0]?.version, version);
  });
}

test('all partitions: those are told where there was something to elect', async t => {
  const { cluster, client, admin } = await adminSetting(t, { topics: { ...topics, audit: { partitions: 2, replicationFactor: 2 } } });
  assert.deepEqual((await client.request(ElectLeaders, { topicPartitions: null })).replicaElectionResults, []);
  cluster.moveLeader('audit', 1, 3);
  assert.deepEqual(told(await admin.electLeaders('preferred', 'all')), [['audit', 1, true, undefined]]);
  assert.equal(cluster.requests(ElectLeaders)[1]?.body.topicPartitions, null);
  assert.deepEqual(await admin.electLeaders('preferred', 'all'), []);
  await cluster.stopBroker(2); // it is preferred by both partitions with the number 1
  const { results } = await partly<ElectionResult>(admin.electLeaders('preferred', 'all'));
  assert.deepEqual(told(results), [
    ['orders', 1, false, 'PREFERRED_LEADER_NOT_AVAILABLE'],
    ['audit', 1, false, 'PREFERRED_LEADER_NOT_AVAILABLE'],
  ]);
});

test('each partition has its own result, and the controller is not asked again what it has answered', async t => {
  const { cluster, admin } = await adminSetting(t, { topics });
  cluster.moveLeader('orders', 0, 2);
  await cluster.stopBroker(2);
  const { error, results } = await partly<ElectionResult>(
    admin.electLeaders('preferred', [orders(1), { topic: 'nowhere', partition: 0 }, orders(0)]),
  );
  assert.deepEqual(told(results), [
    ['orders', 1, false, 'PREFERRED_LEADER_NOT_AVAILABLE'],
    ['nowhere', 0, false, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ['orders', 0, false, undefined], // the broker that stopped had led it: its preferred replica leads already
  ]);
  assert.match(error.message, /^electLeaders orders\/1: PREFERRED_LEADER_NOT_AVAILABLE \(80\), .* \(and 1 more\)$/);
  assert.equal(cluster.requests(ElectLeaders).length, 1);
});

test('unclean: any replica that is up leads what nobody leads', async t => {
  const { cluster, admin } = await adminSetting(t, { topics });
  await cluster.stopBroker(1, { moveLeaders: false });
  assert.equal(cluster.leaderOf('orders', 0), -1);
  assert.deepEqual(told(await admin.electLeaders('unclean', [orders(0), orders(1)])), [
    ['orders', 0, true, undefined],
    ['orders', 1, false, undefined],
  ]);
  assert.equal(cluster.leaderOf('orders', 0), 2);
});

test('an answer that was lost: the leader counts as elected by that attempt', async t => {
  const { cluster, admin } = await adminSetting(t, { topics });
  cluster.moveLeader('orders', 0, 3);
  cluster.on(ElectLeaders).dropAnswer();
  assert.deepEqual(told(await admin.electLeaders('preferred', orders(0))), [['orders', 0, true, undefined]]);
  assert.equal(cluster.requests(ElectLeaders).length, 2);
  assert.deepEqual(told(await admin.electLeaders('preferred', orders(0))), [['orders', 0, false, undefined]]);
});

test('a broker that does not control says so: the one that does is asked', async t => {
  const { cluster, client, admin } = await adminSetting(t, { topics });
  await client.connect();
  cluster.moveLeader('orders', 0, 2);
  cluster.on(ElectLeaders, { topic: 'orders', partition: 0 }).failOnce('NOT_CONTROLLER');
  assert.deepEqual(told(await admin.electLeaders('preferred', [orders(0), orders(1)])), [
    ['orders', 0, true, undefined],
    ['orders', 1, false, undefined],
  ]);
  cluster.moveLeader('orders', 0, 2);
  cluster.on(ElectLeaders, { topic: 'orders', partition: 0 }).failOnce('NOT_CONTROLLER');
  assert.deepEqual(told(await admin.electLeaders('preferred', 'all')), [['orders', 0, true, undefined]]);
});

test('what the client knew of the leaders is asked for again', async t => {
  const { cluster, client, admin } = await adminSetting(t, { topics });
  cluster.moveLeader('orders', 0, 2);
  await client.produce('orders', 0, 'before');
  await admin.electLeaders('preferred', orders(0));
  await client.produce('orders', 0, 'after');
  assert.deepEqual(
    cluster.requests(Produce).map(({ broker }) => broker),
    [2, 1],
  );
});

test('a cluster that is too old: the error names the release that is not', async t => {
  const { cluster, admin } = await adminSetting(t, { topics, client: { apiVersions: { ElectLeaders: 0 } } });
  const unclean = await rejection(admin.electLeaders('unclean', orders(0)));
  assert.deepEqual([unclean.code, unclean.context['needs'], unclean.retriable], ['TIDE_UNSUPPORTED', 'Kafka 2.4', false]);
  assert.match(unclean.message, /^electLeaders, unclean, needs Kafka 2\.4 or newer \(KIP-460\)\. /);
  const old = await adminSetting(t, { topics, emulate: '1.1' });
  for (const partitions of [orders(0), 'all'] as const) {
    const error = await rejection(old.admin.electLeaders('preferred', partitions));
    assert.deepEqual([error.code, error.context['needs']], ['TIDE_UNSUPPORTED', 'Kafka 2.2']);
  }
  assert.deepEqual(cluster.requests(ElectLeaders), []);
});

test('what Kafka cannot take is refused before anything is sent', async t => {
  const { cluster, admin } = await adminSetting(t, { topics });
  for (const type of ['clean', '', undefined, 0, null, 'toString'] as never[])
    await assert.rejects(admin.electLeaders(type, orders(0)), { code: 'TIDE_INPUT', message: /^electLeaders: expected "preferred"/ });
  const bad = [undefined, null, [], 'orders', [orders(0), orders(0)], orders(-1), { topic: 'a b', partition: 0 }, { topic: 'orders' }, [7]];
  for (const partitions of bad as never[])
    await assert.rejects(admin.electLeaders('preferred', partitions), { code: 'TIDE_INPUT', message: /^electLeaders/ });
  await assert.rejects(admin.electLeaders('preferred', 'all', { timeout: 1 } as never), { code: 'TIDE_OPTION' });
  assert.deepEqual(cluster.requests(), []);
});

test('aborted: rejects with the reason; late: TIDE_TIMEOUT, and it may have been applied', async t => {
  const { cluster, admin } = await adminSetting(t, { topics });
  for (const partitions of [orders(0), 'all'] as const) {
    const hold = cluster.on(ElectLeaders).hold();
    const stop = new AbortController();
    const calling = admin.electLeaders('preferred', partitions, { signal: stop.signal });
    await hold.held;
    const why = new Error('enough');
    stop.abort(why);
    await assert.rejects(calling, error => error === why);
    hold.release();
    cluster.on(ElectLeaders).silent(100);
    const late = await rejection(admin.electLeaders('preferred', partitions, { timeoutMs: 50 }));
    assert.deepEqual([late.code, late.persistence], ['TIDE_TIMEOUT', 'maybe']);
    cluster.reset();
  }
});

test('the logger is told of each partition', async t => {
  const { cluster } = await adminSetting(t, { topics });
  const client = new KafkaClient({ brokers: cluster.brokers });
  t.after(() => client.close());
  const lines: unknown[] = [];
  const logger = {
    debug: () => {},
    info: (message: string, fields: object) => lines.push([message, fields]),
    warn: (message: string, fields: object) => lines.push([message, Object.keys(fields)]),
    error: () => {},
  };
  cluster.moveLeader('orders', 0, 2);
  await partly(new Admin(client, { logger }).electLeaders('preferred', [orders(0), orders(7)]));
  assert.deepEqual(lines, [
    ['leader elected', { topic: 'orders', partition: 0 }],
    ['not leader elected', ['topic', 'partition', 'code', 'error']],
  ]);
});
