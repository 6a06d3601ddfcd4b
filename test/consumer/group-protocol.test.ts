import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { KafkaConsumer, type KafkaConsumerOptions } from '../../src/consumer/index.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { ConsumerGroupHeartbeat, JoinGroup } from '../../src/protocol/index.js';
import { rejection } from '../support/rejection.js';
import { fill, stored, until } from './setting.js';

const forEver = { timeoutMs: null } as const;

/** Four partitions of "orders" with 10 messages each, and members of "billing" with a client each, which leave the protocol to the brokers. */
async function setting(t: TestContext) {
  const cluster = await EmbeddedCluster.start({ topics: { orders: 4 } });
  t.after(() => cluster.close());
  for (const partition of [0, 1, 2, 3]) fill(cluster, 10, { partition });
  const member = (options: KafkaConsumerOptions = {}) => {
    const client = new KafkaClient({ brokers: cluster.brokers, retry: { backoffMs: 5, maxBackoffMs: 20 } });
    t.after(() => client.close({ timeoutMs: 1000 }).catch(() => {}));
    const consumer = new KafkaConsumer(client, { topics: 'orders', groupId: 'billing', groupProtocol: 'auto', ...options });
    const by: string[] = [];
    consumer.on('rebalance', ({ groupProtocol }) => by.push(groupProtocol));
    return { consumer, by };
  };
  const asked = () => [cluster.requests(ConsumerGroupHeartbeat).length, cluster.requests(JoinGroup).length];
  return { cluster, member, asked };
}

const all = { 0: 10, 1: 10, 2: 10, 3: 10 };

test("'auto' is the brokers' protocol where they have it", async t => {
  const { cluster, member, asked } = await setting(t);
  const { consumer, by } = member();
  await consumer.commit(await consumer.getMessages(40, forEver));
  assert.deepEqual([by[0], asked()[1]], ['consumer', 0]);
  assert.deepEqual(stored(cluster, 'billing'), all);
});

for (const [name, refuse] of [
  ['older than that', cluster => cluster.limitVersions(ConsumerGroupHeartbeat, -1)],
  ['that have it switched off', cluster => cluster.on(ConsumerGroupHeartbeat).failTimes(100, 'UNSUPPORTED_VERSION')],
] as readonly (readonly [string, (cluster: EmbeddedCluster) => unknown])[]) {
  test(`'auto' is the classic protocol with brokers ${name}; 'consumer' is an error that says so`, async t => {
    const { cluster, member, asked } = await setting(t);
    refuse(cluster);
    const log: unknown[] = [];
    const say = (text: string, fields: object) => log.push([text, Object.keys(fields)]);
    const { consumer, by } = member({ logger: { error: say, warn: say, info: say, debug: () => {} }, autoCommit: { everyN: 1 } });
    await consumer.getMessages(40, forEver);
    const [heartbeats] = asked();
    await consumer.close();
    assert.deepEqual(by, ['classic']);
    assert.equal(asked()[0], heartbeats, 'it is not tried again');
    assert.ok((heartbeats ?? 0) <= 1);
    assert.deepEqual(log[0], ['the group is joined, which waits for its other members', ['groupId']]);
    assert.ok(JSON.stringify(log).includes('joined by the classic protocol'), JSON.stringify(log));
    const error = await rejection(member({ groupProtocol: 'consumer' }).consumer.getMessages(1, forEver));
    assert.equal(error.code, 'TIDE_UNSUPPORTED');
    assert.match(error.message, /^groupProtocol 'consumer': .*; 'classic' works with all of them$/);
  });
}

test("'auto' joins a group of the classic protocol by that, and stays with it", async t => {
  const { cluster, member } = await setting(t);
  const classic = member({ groupProtocol: 'classic', heartbeatMs: 20 });
  await classic.consumer.getMessages(1, forEver);
  const late = member({ heartbeatMs: 20 });
  const joining = late.consumer.getMessages(1, forEver);
  await until(() => cluster.members('billing').length === 2);
  const more = classic.consumer.getMessages(1, forEver); // what it had is done: it goes to the other
  await Promise.all([joining, more]);
  assert.deepEqual(late.by.slice(0, 1), ['classic']);
  assert.equal(classic.consumer.assignment().length + late.consumer.assignment().length, 4);
});

test('what a group refuses for another reason is no occasion for the classic protocol', async t => {
  const { cluster, member, asked } = await setting(t);
  cluster.on(ConsumerGroupHeartbeat).failOnce('GROUP_AUTHORIZATION_FAILED');
  const { consumer, by } = member();
  assert.equal((await rejection(consumer.getMessages(1, forEver))).code, 'GROUP_AUTHORIZATION_FAILED');
  assert.equal(asked()[1], 0);
  await consumer.getMessages(1, forEver);
  assert.deepEqual(by, ['consumer']);
});

test('a member that was taken does not change its protocol when the group is gone; it joins again', async t => {
  const { cluster, member, asked } = await setting(t);
  const { consumer, by } = member();
  await consumer.getMessages(4, forEver);
  cluster.on(ConsumerGroupHeartbeat).failOnce('GROUP_ID_NOT_FOUND');
  const seen: string[] = [];
  while (by.length < 2) {
    const error = await consumer.getMessages(1, { block: 1, timeoutMs: 1000 }).then(
      () => undefined,
      (thrown: { code: string }) => thrown.code,
    );
    if (error !== undefined) seen.push(error);
  }
  assert.deepEqual([by, seen, asked()[1]], [['consumer', 'consumer'], ['GROUP_ID_NOT_FOUND'], 0]);
});

test('a pattern of the brokers needs their protocol: where it is refused, that is an error, and names can still be read', async t => {
  const { cluster, member, asked } = await setting(t);
  const { consumer, by } = member({ topics: { re2: 'ord.*' } });
  await consumer.getMessages(40, forEver);
  assert.deepEqual(by.slice(0, 1), ['consumer']);
  await consumer.close();
  cluster.limitVersions(ConsumerGroupHeartbeat, -1);
  const other = member({ topics: { re2: 'ord.*' }, groupId: 'audit' });
  const error = await rejection(other.consumer.getMessages(1, forEver));
  assert.equal(error.code, 'TIDE_UNSUPPORTED');
  assert.match(error.message, /^\{ re2 \} is matched by the brokers, and they do not divide this group: /);
  assert.equal(asked()[1], 0);
  await other.consumer.setTopicPartitions('orders');
  assert.equal((await other.consumer.getMessages(40, forEver)).length, 40);
  assert.deepEqual(other.by.slice(0, 1), ['classic']);
  await other.consumer.setTopicPartitions({ re2: 'ord.*' });
  assert.equal((await rejection(other.consumer.getMessages(1, forEver))).code, 'TIDE_UNSUPPORTED');
  await other.consumer.setTopicPartitions('orders');
  fill(cluster, 1, { partition: 2, from: 10 });
  assert.deepEqual(
    (await other.consumer.getMessages(1, forEver)).map(({ value }) => `${value}`),
    ['10'],
  );
});

test('close() while the protocol is being found ends it all', async t => {
  const { cluster, member } = await setting(t);
  cluster.limitVersions(ConsumerGroupHeartbeat, -1);
  cluster.on(JoinGroup).hold();
  const { consumer } = member();
  const reading = rejection(consumer.getMessages(1, forEver));
  await until(() => cluster.requests(JoinGroup).length === 1);
  await consumer.close({ timeoutMs: 1000 }).catch(() => {});
  assert.equal((await reading).code, 'TIDE_CLOSED');
});
