import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokerError } from '../../src/base/broker-errors.js';
import { CreateTopics, Metadata, type ResponseOf } from '../../src/protocol/index.js';
import { clusterSetting } from './setting.js';

const body = { topics: [{ name: 'new', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }], timeoutMs: 1000 };
const read = ({ topics: [topic] }: ResponseOf<typeof CreateTopics>) => {
  if (topic?.errorCode !== 0) throw brokerError(topic?.errorCode ?? -1, 'create');
  return topic.name;
};

test('the controller is asked, and found first when it is not known', async t => {
  const { embedded, cluster } = await clusterSetting(t, { brokers: 3, bootstrap: all => [...all].reverse() });
  assert.equal(await cluster.toController(CreateTopics, body, read), 'new');
  assert.deepEqual(
    embedded.requests(CreateTopics).map(({ broker }) => broker),
    [1],
  );
  assert.equal(embedded.requests(Metadata).length, 1);
});

test('NOT_CONTROLLER: asks who is, then that one', async t => {
  const { embedded, cluster } = await clusterSetting(t, { brokers: 3 });
  const stale = async (_: unknown, next: () => unknown) => ({ ...((await next()) as object), controllerId: 3 });
  embedded.on(Metadata).answer(stale as never);
  await cluster.refresh([]);
  embedded.on(CreateTopics, { broker: 3 }).failOnce('NOT_CONTROLLER');
  assert.equal(await cluster.toController(CreateTopics, body, read), 'new');
  assert.deepEqual(
    embedded.requests(CreateTopics).map(({ broker }) => broker),
    [3, 1],
  );
  assert.equal(embedded.requests(Metadata).length, 2);
});

test('the controller has stopped: asks who took over', async t => {
  const { embedded, cluster } = await clusterSetting(t, { brokers: 3 });
  await cluster.refresh([]);
  await embedded.stopBroker(1);
  assert.equal(await cluster.toController(CreateTopics, body, read), 'new');
  assert.deepEqual(
    embedded.requests(CreateTopics).map(({ broker }) => broker),
    [2],
  );
});

test('nobody is said to control: any broker is asked', async t => {
  const { embedded, cluster } = await clusterSetting(t, { brokers: 2 });
  const headless = async (_: unknown, next: () => unknown) => ({ ...((await next()) as object), controllerId: -1 });
  embedded.on(Metadata).answer(headless as never, 10);
  assert.equal(await cluster.toController(CreateTopics, body, read), 'new');
});

test('what is not a matter of controllers is not tried again', async t => {
  const { embedded, cluster } = await clusterSetting(t);
  embedded.on(CreateTopics).failOnce('POLICY_VIOLATION');
  await assert.rejects(cluster.toController(CreateTopics, body, read), { code: 'POLICY_VIOLATION' });
  assert.equal(embedded.requests(CreateTopics).length, 1);
});
