import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Admin } from '../../src/admin/index.js';
import { Deadline } from '../../src/base/clock.js';
import { Children } from '../../src/client/children.js';
import { coreOf, KafkaClient } from '../../src/client/client.js';
import { listOffsets } from '../../src/client/list-offsets.js';
import { OffsetStore } from '../../src/client/offset-store.js';
import { SimpleConsumer } from '../../src/consumer/index.js';
import { KeyedProducer } from '../../src/producer/index.js';
import { CreateTopics, Metadata, OffsetCommit, Produce } from '../../src/protocol/index.js';
import { deadAddress } from '../cluster/setting.js';
import { ManualClock } from '../embedded/setting.js';
import { clientSetting, quick, rejection } from './setting.js';

const closed = { code: 'TIDE_CLOSED' };

test('close() closes producers and consumers first, then the connections', async t => {
  const { cluster, client } = await clientSetting(t);
  cluster.append('orders', 0, [{ value: 'a' }, { value: 'b' }]);
  const consumer = new SimpleConsumer(client, { topic: 'orders', groupId: 'billing', autoCommit: { everyN: 1000, everyMs: 600_000 } });
  for await (const message of consumer) if (message.offset === 1) break;
  const producer = new KeyedProducer(client);
  const order: string[] = [];
  client.on('connection', ({ kind }) => order.push(kind));
  const [produced, committed] = [cluster.on(Produce).hold(), cluster.on(OffsetCommit).hold()];
  const sent = producer.sendMessages('orders', 'k', 'c').then(() => order.push('sent'));
  await produced.held;
  order.length = 0;
  const closing = client.close().then(() => order.push('resolved'));
  await committed.held;
  assert.equal(order.length, 0, 'it waits for what is under way');
  produced.release();
  await sent;
  committed.release();
  await closing;
  assert.equal(order[0], 'sent');
  assert.equal(order.filter(event => event === 'resolved').length, 1);
  assert.ok(order.indexOf('closed') > 0);
  assert.deepEqual(cluster.committed('billing').get('orders/0')?.offset, 1);
  assert.equal(cluster.records('orders', 0).length, 3);
});

test('close() beside a loop that produces: its body can send what it has in hand, and that is committed', async t => {
  const { cluster, client } = await clientSetting(t, { topics: { orders: 1, copies: 1 } });
  cluster.append('orders', 0, [{ value: 'a' }, { value: 'b' }]);
  const producer = new KeyedProducer(client);
  const consumer = new SimpleConsumer(client, { topic: 'orders', groupId: 'billing' });
  let closing: Promise<void> | undefined;
  for await (const { value } of consumer) {
    closing ??= client.close();
    await producer.sendMessages('copies', 'k', value);
  }
  await closing;
  assert.deepEqual(
    cluster.records('copies', 0).map(({ value }) => value?.toString()),
    ['a'],
  );
  assert.equal(cluster.committed('billing').get('orders/0')?.offset, 1);
  await assert.rejects(producer.sendMessages('copies', 'k', 'late'), closed);
});

test('there is one time limit for all: who is closed later gets what is left, also when the first failed', async () => {
  const clock = new ManualClock();
  const cluster = { deadline: (ms: number) => new Deadline(clock, ms) };
  const children = new Children();
  const limits: unknown[] = [];
  const failure = new Error('not in order');
  const child = (name: string, work: () => void) => ({
    close: async ({ timeoutMs }: { timeoutMs?: number | null | undefined } = {}) => {
      limits.push([name, timeoutMs]);
      work();
    },
  });
  children.add(
    child('producer', () => {}),
    'second',
  );
  const slow = () => {
    clock.advance(400);
    throw failure;
  };
  children.add(child('consumer', slow), 'first');
  assert.equal(await children.close(cluster, 1000), failure);
  assert.equal(await children.close(cluster, Number.POSITIVE_INFINITY), failure);
  assert.deepEqual(limits, [
    ['consumer', 1000],
    ['producer', 600],
    ['consumer', null],
    ['producer', null],
  ]);
});

test('close() tells the failure of what could not be closed in order, once everything is closed', async t => {
  const { cluster } = await clientSetting(t);
  const client = new KafkaClient({ brokers: cluster.brokers });
  const core = coreOf(client);
  const failure = new Error('not in order');
  const closedAll: string[] = [];
  core.adopt({ close: async () => void closedAll.push('second') }, 'second');
  core.adopt({ close: () => Promise.reject(failure) });
  await assert.rejects(client.close(), error => error === failure);
  assert.deepEqual(closedAll, ['second']);
  await assert.rejects(client.connect(), closed);
});

test('close() with a time limit that is none says so, and closes nothing', async t => {
  const { client } = await clientSetting(t);
  await assert.rejects(client.close({ timeoutMs: -1 }), { code: 'TIDE_OPTION' });
  await client.connect();
  await client.close({ timeoutMs: null });
});

test('close() again gives the same promise; a client that was never used closes too', async t => {
  const { client } = await clientSetting(t);
  await client.connect();
  const first = client.close();
  assert.equal(client.close(), first);
  await first;
  await new KafkaClient({ brokers: 'nowhere.invalid' }).close();
});

test('every connection is gone after close()', async t => {
  const { cluster, client } = await clientSetting(t, { brokers: 3, topics: { orders: 3 } });
  const open = new Set<string>();
  let opened = 0;
  client.on('connection', ({ kind, broker }) => {
    if (kind === 'opened') opened += 1;
    open[kind === 'opened' ? 'add' : 'delete'](broker);
  });
  const producer = new KeyedProducer(client);
  await producer.sendMany([0, 1, 2].map(partition => ({ topic: 'orders', partition, key: 'k', value: 'x' })));
  assert.equal(opened, 3);
  await client.close();
  assert.deepEqual([...open], []);
  assert.deepEqual(cluster.errors, []);
});

test('await using closes', async t => {
  const { cluster } = await clientSetting(t);
  let used: KafkaClient;
  {
    await using client = new KafkaClient({ brokers: cluster.brokers });
    await client.connect();
    used = client;
  }
  await assert.rejects(used.connect(), closed);
});

test('after close() every method is TIDE_CLOSED, and nothing is sent', async t => {
  const { cluster, client, core } = await clientSetting(t);
  const producer = new KeyedProducer(client);
  const consumer = new SimpleConsumer(client, { topic: 'orders' });
  const [admin, store] = [new Admin(client), new OffsetStore(core)];
  const place = { topic: 'orders', partition: 0 };
  await client.connect();
  await client.close();
  const before = cluster.requests().length;
  const calls: Record<string, () => Promise<unknown>> = {
    connect: () => client.connect(),
    metadata: () => client.metadata(),
    metadataOfTopics: () => client.metadata(['orders']),
    request: () => client.request(Metadata, { topics: [] }),
    requestToBroker: () => client.request(Metadata, { topics: [] }, { to: { broker: 1 } }),
    requestToLeader: () => client.request(Metadata, { topics: [] }, { to: place }),
    requestToGroup: () => client.request(Metadata, { topics: [] }, { to: { group: 'billing' } }),
    requestToController: () => client.request(Metadata, { topics: [] }, { to: 'controller' }),
    send: () => producer.sendMessages('orders', 'k', 'a'),
    getMessages: () => consumer.getMessages(1),
    commit: () => store.commit('billing', [{ ...place, offset: 1 }]),
    fetch: () => store.fetch('billing', [place]),
    listOffsets: () => listOffsets(core, [{ ...place, at: 'latest' }], 'read_committed'),
    createTopics: () => admin.createTopics({ name: 'new' }),
    deleteTopics: () => admin.deleteTopics('orders'),
    listTopics: () => admin.listTopics(),
    describeTopics: () => admin.describeTopics('orders'),
  };
  for (const [name, call] of Object.entries(calls)) await assert.rejects(call(), closed, name);
  assert.throws(() => new KeyedProducer(client), closed);
  assert.throws(() => new SimpleConsumer(client, { topic: 'orders' }), closed);
  assert.equal(cluster.requests().length, before);
});

test('what waits for an answer when the client is closed is TIDE_CLOSED', async t => {
  const { cluster, client } = await clientSetting(t);
  await client.connect();
  const hold = cluster.on(Metadata).hold();
  const waiting = [client.metadata(), client.request(Metadata, { topics: [] })].map(rejection);
  await hold.held;
  await client.close();
  hold.release();
  for (const error of await Promise.all(waiting)) assert.equal(error.code, 'TIDE_CLOSED');
});

test('what waits between two attempts when the client is closed is TIDE_CLOSED at once', async t => {
  const patient = { attempts: 5, backoffMs: 600_000, maxBackoffMs: 600_000 };
  const lost = new KafkaClient({ brokers: await deadAddress(), retry: patient });
  const failed = new Promise(resolve => lost.once('connection', resolve));
  const connecting = rejection(lost.connect());
  await failed;
  await new Promise(setImmediate);
  await lost.close();
  assert.equal((await connecting).code, 'TIDE_CLOSED');

  const { cluster, client } = await clientSetting(t, { client: { retry: patient } });
  const core = coreOf(client);
  cluster.on(Metadata, { topic: 'orders' }).failTimes(1000, 'LEADER_NOT_AVAILABLE');
  cluster.on(CreateTopics).failTimes(1000, 'REQUEST_TIMED_OUT');
  const scattered = rejection(listOffsets(core, [{ topic: 'orders', partition: 0, at: 'latest' }], 'read_committed'));
  const creating = rejection(new Admin(client).createTopics({ name: 'new' }, { timeoutMs: 2_000_000 }));
  await cluster.nextRequest(CreateTopics);
  await client.metadata([]); // what was asked for before is answered
  await client.close();
  assert.equal((await scattered).code, 'TIDE_CLOSED');
  assert.equal((await creating).code, 'TIDE_CLOSED');
});

test('what cannot be closed in order is told, and everything is closed all the same', async t => {
  const { cluster } = await clientSetting(t);
  const client = new KafkaClient({ brokers: cluster.brokers, retry: quick });
  const producer = new KeyedProducer(client);
  cluster.on(Produce).failTimes(1_000_000, 'NOT_ENOUGH_REPLICAS');
  const lost = rejection(producer.sendMessages('orders', 'k', 'a'));
  const other = new SimpleConsumer(client, { topic: 'orders' });
  await cluster.nextRequest(Produce);
  const closing = client.close({ timeoutMs: 30 });
  assert.equal((await rejection(closing)).code, 'TIDE_TIMEOUT');
  assert.equal((await lost).code, 'TIDE_CLOSED');
  await assert.rejects(other.getMessages(1), closed);
  await assert.rejects(client.connect(), closed);
});

test('a producer that is closed by itself is not closed again by the client', async t => {
  const { client } = await clientSetting(t);
  const producer = new KeyedProducer(client);
  await producer.sendMessages('orders', 'k', 'a');
  await producer.close();
  await client.metadata();
  await client.close();
});
