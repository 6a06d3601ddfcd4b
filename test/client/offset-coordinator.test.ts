import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PartialError, StateError } from '../../src/base/errors.js';
import { KafkaClient } from '../../src/client/client.js';
import { FindCoordinator, OffsetCommit } from '../../src/protocol/index.js';
import { kafkaTest, uniqueName } from '../kafka/kafka.js';
import { clientSetting, rejection } from './setting.js';

test('an offset is stored as given, and found with its metadata', async t => {
  const { client } = await clientSetting(t, { topics: { orders: 2 } });
  const coordinator = client.offsetCoordinator({ groupId: 'billing' });
  assert.equal(await coordinator.offset('orders', 1), undefined);
  await coordinator.commit('orders', 1, 421, { metadata: 'until tea time', leaderEpoch: 3 });
  const found = await coordinator.offset('orders', 1);
  assert.deepEqual(found, { topic: 'orders', partition: 1, offset: 421, leaderEpoch: 3, metadata: 'until tea time' });
  await coordinator.commitMany([
    { topic: 'orders', partition: 0, offset: 1 },
    { topic: 'orders', partition: 1, offset: 2 },
  ]);
  const both = await coordinator.offsets([
    { topic: 'orders', partition: 1 },
    { topic: 'orders', partition: 0 },
  ]);
  assert.deepEqual(
    both.map(entry => entry?.offset),
    [2, 1],
  );
});

test('a coordinator that moves, loads, or is lost is looked for again', async t => {
  const { cluster, client } = await clientSetting(t, { brokers: 3 });
  const coordinator = client.offsetCoordinator({ groupId: 'billing' });
  await coordinator.commit('orders', 0, 1);
  const first = cluster.coordinatorOf('billing');
  assert.equal((await client.findCoordinator('billing')).id, first);
  cluster.moveCoordinator((first % 3) + 1, 'billing');
  await coordinator.commit('orders', 0, 2);
  cluster.on(OffsetCommit).failOnce('COORDINATOR_LOAD_IN_PROGRESS').failOnce('NOT_COORDINATOR').failOnce('COORDINATOR_NOT_AVAILABLE');
  await coordinator.commit('orders', 0, 3);
  await cluster.stopBroker(cluster.coordinatorOf('billing'));
  await coordinator.commit('orders', 0, 4);
  assert.equal((await coordinator.offset('orders', 0))?.offset, 4);
});

test('where there is no coordinator in the end, errno -1019 says so, after as many attempts as retry allows', async t => {
  const { cluster, client } = await clientSetting(t);
  const coordinator = client.offsetCoordinator({ groupId: 'billing', retry: { attempts: 3, backoffMs: 1 } });
  cluster.on(FindCoordinator).failTimes(3, 'COORDINATOR_NOT_AVAILABLE');
  const error = await rejection(coordinator.commit('orders', 0, 1));
  assert.deepEqual([error.code, error.errno], ['COORDINATOR_NOT_AVAILABLE', -1019]);
  await coordinator.commit('orders', 0, 1);
});

test('a group with live members, and a broker that refuses', async t => {
  const { cluster, client } = await clientSetting(t, { topics: { orders: 2 } });
  const coordinator = client.offsetCoordinator({ groupId: 'billing' });
  cluster.on(OffsetCommit).failOnce('UNKNOWN_MEMBER_ID');
  const inUse = await rejection(coordinator.commit('orders', 0, 1));
  assert.ok(inUse instanceof StateError);
  assert.equal(inUse.code, 'TIDE_GROUP_IN_USE');
  const refused = await rejection(coordinator.commit('orders', 0, 1, { metadata: 'x'.repeat(5000) }));
  assert.deepEqual([refused.code, refused.name], ['OFFSET_METADATA_TOO_LARGE', 'BrokerError']);
  cluster.on(OffsetCommit, { topic: 'orders', partition: 1 }).failOnce('TOPIC_AUTHORIZATION_FAILED');
  const partial = await rejection(
    coordinator.commitMany([
      { topic: 'orders', partition: 0, offset: 1 },
      { topic: 'orders', partition: 1, offset: 1 },
    ]),
  );
  assert.ok(partial instanceof PartialError);
  assert.deepEqual([...cluster.committed('billing').keys()], ['orders/0']);
});

test('bad input is refused before anything is sent', async t => {
  const { cluster, client } = await clientSetting(t);
  const coordinator = client.offsetCoordinator({ groupId: 'billing' });
  const wrong: readonly (() => Promise<unknown>)[] = [
    () => coordinator.commit('orders', 0, -1),
    () => coordinator.commit('orders', 0, 1.5),
    () => coordinator.commit('no/name', 0, 1),
    () => coordinator.commit('orders', 0, 1, { metadata: 'x'.repeat(40_000) }),
    () => coordinator.commit('orders', 0, 1, { leaderEpoch: -2 }),
    () => coordinator.offset('orders', -1),
    () => coordinator.offsets([{ topic: '', partition: 0 }]),
    () => client.findCoordinator(''),
  ];
  for (const call of wrong) assert.equal((await rejection(call())).code, 'TIDE_INPUT');
  assert.throws(() => client.offsetCoordinator({ groupId: '' }), { code: 'TIDE_OPTION' });
  assert.throws(() => client.offsetCoordinator({} as { groupId: string }), { code: 'TIDE_OPTION' });
  await coordinator.commitMany([]);
  assert.equal(cluster.requests().length, 0);
});

for (const version of ['4.1.2', '1.1.1'] as const) {
  kafkaTest(
    'offsets and metadata come back; a group in use is left alone',
    async (t, kafka) => {
      const client = new KafkaClient({ brokers: kafka.bootstrap });
      t.after(() => client.close());
      const topic = await kafka.createTopic({ partitions: 2 });
      const coordinator = client.offsetCoordinator({ groupId: uniqueName('group') });
      assert.equal(await coordinator.offset(topic, 0), undefined);
      await coordinator.commit(topic, 0, 421, { metadata: 'caf\u00e9' });
      const found = await coordinator.offset(topic, 0);
      assert.deepEqual([found?.offset, found?.metadata], [421, 'caf\u00e9']);
      assert.deepEqual(
        (
          await coordinator.offsets([
            { topic, partition: 1 },
            { topic, partition: 0 },
          ])
        ).map(entry => entry?.offset),
        [undefined, 421],
      );
      assert.ok((await client.findCoordinator(coordinator.groupId)).id >= 0);
    },
    { version },
  );
}
