import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaError } from '../../src/base/errors.js';
import { KafkaClient } from '../../src/client/client.js';
import { SimpleConsumer } from '../../src/consumer/index.js';
import { withOffsets } from '../../src/context/index.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { FindCoordinator, Metadata, OffsetCommit } from '../../src/protocol/index.js';
import { rejection } from '../support/rejection.js';
import { committedSoFar, elsewhere, fetches, fill, get, offsets, setting, stored, until } from './setting.js';

test('close beside a loop waits for its body; the item is done when the body asks for more, and the loop ends quietly', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 5);
  const orders = consumer({ groupId: 'audit' });
  const seen: number[] = [];
  let closed: Promise<void> | undefined;
  for await (const { offset } of orders) {
    seen.push(offset);
    if (offset !== 2) continue;
    closed = orders.close();
    await elsewhere(cluster);
    assert.deepEqual(committedSoFar(cluster), ['0:0'], 'it waits');
  }
  await closed;
  assert.deepEqual(seen, [0, 1, 2]);
  assert.deepEqual(stored(cluster, 'audit'), { 0: 3 });
});

test('close beside a loop whose body leaves: the item is not done', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 5);
  const orders = consumer({ groupId: 'audit' });
  let closed: Promise<void> | undefined;
  for await (const { offset } of orders) {
    if (offset !== 2) continue;
    closed = orders.close();
    break;
  }
  await closed;
  assert.deepEqual(stored(cluster, 'audit'), { 0: 2 });
});

test('close ends a loop that waits, quietly', async t => {
  const { consumer } = await setting(t);
  const orders = consumer();
  const loop = (async () => {
    for await (const _ of orders) assert.fail('there is nothing');
  })();
  await until(() => orders.position(0) === 0);
  await orders.close();
  await loop;
});

test('close rejects a call that waits, and hands out nothing any more', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 2);
  const orders = consumer({ groupId: 'audit' });
  const pending = get(orders, 5);
  await until(() => orders.position(0) === 2);
  const closed = orders.close();
  await assert.rejects(pending, { code: 'TIDE_CLOSED' });
  await closed;
  assert.deepEqual(stored(cluster, 'audit'), { 0: 0 });
});

test('an unanswered batch of getMessages is not waited for, and comes again', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 3);
  const orders = consumer({ groupId: 'audit' });
  await get(orders, 2);
  await orders.close();
  assert.deepEqual(offsets(await get(consumer({ groupId: 'audit' }), 3)), [0, 1, 2]);
});

test('close that is awaited inside the body waits no longer than its time, and says what to do', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 2);
  const orders = consumer({ groupId: 'audit' });
  await assert.rejects(
    async () => {
      for await (const _ of orders) await orders.close({ timeoutMs: 30 });
    },
    { code: 'TIDE_TIMEOUT', message: /break first, or do not await it there/ },
  );
  assert.deepEqual(stored(cluster, 'audit'), { 0: 0 });
});

test('with explicit marking close waits until all is marked', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 4);
  const orders = consumer({ groupId: 'audit', marking: 'explicit' });
  const messages = await get(orders, 4);
  const closed = orders.close();
  await elsewhere(cluster);
  orders.mark(messages.slice(1));
  assert.equal(await orders.commit(), false, 'a hole');
  await assert.rejects(get(orders, 1), { code: 'TIDE_CLOSED' });
  orders.mark(messages);
  await closed;
  assert.deepEqual(stored(cluster, 'audit'), { 0: 4 });
  assert.throws(() => orders.mark(messages), { code: 'TIDE_CLOSED' });
});

test('with explicit marking close waits no longer than its time: what has no mark is not done', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 4);
  const orders = consumer({ groupId: 'audit', marking: 'explicit' });
  const messages = await get(orders, 4);
  orders.mark(messages.slice(0, 2));
  await assert.rejects(orders.close({ timeoutMs: 20 }), { code: 'TIDE_TIMEOUT' });
  assert.deepEqual(stored(cluster, 'audit'), { 0: 2 });
});

test('a close whose time runs out says who held on, and the failure of the last commit is its cause', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 4);
  const orders = consumer({ groupId: 'audit', marking: 'explicit' });
  const messages = await get(orders, 4);
  orders.mark(messages.slice(0, 2));
  cluster.on(OffsetCommit).failOnce('GROUP_AUTHORIZATION_FAILED');
  const error = await rejection(orders.close({ timeoutMs: 20.4 }));
  assert.equal(error.code, 'TIDE_TIMEOUT');
  assert.match(error.message, /messages to be marked, held on for 20 ms/);
  const { cause } = error as { cause?: unknown };
  assert.ok(cause instanceof KafkaError);
  assert.equal((cause.cause instanceof KafkaError ? cause.cause : cause).code, 'GROUP_AUTHORIZATION_FAILED');

  const ledger = consumer({ groupId: 'audit', autoCommit: false });
  const inside = withOffsets(ledger, async context => {
    context.mark(await get(ledger, 1));
    await ledger.close({ timeoutMs: 20 });
  });
  await assert.rejects(inside, {
    code: 'TIDE_TIMEOUT',
    message: /^close\(\): a commit context was open for 20 ms .*commit or roll back first/,
  });
});

test('work that gives up while close waits says so with rewind', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 4);
  const orders = consumer({ groupId: 'audit', marking: 'explicit' });
  const messages = await get(orders, 4);
  const closed = orders.close();
  orders.mark(messages.slice(0, 1));
  orders.rewind();
  await closed;
  assert.deepEqual(stored(cluster, 'audit'), { 0: 1 });
});

test('work that goes on while close waits may pause and resume as before', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 4);
  const orders = consumer({ groupId: 'audit', marking: 'explicit' });
  const messages = await get(orders, 4);
  const closed = orders.close();
  orders.pause();
  orders.mark(messages);
  orders.resume();
  await closed;
  assert.deepEqual(stored(cluster, 'audit'), { 0: 4 });
});

test('close may be called again, and everything else is refused afterwards', async t => {
  const { consumer, cluster } = await setting(t);
  fill(cluster, 2);
  const orders = consumer({ groupId: 'audit' });
  const loop = orders.messages();
  const { value } = await loop.next();
  const closed = orders.close();
  await loop.return?.();
  await Promise.all([closed, orders.close(), orders[Symbol.asyncDispose]()]);
  await orders.close({ timeoutMs: 0 });
  const refused = { code: 'TIDE_CLOSED' };
  await assert.rejects(get(orders, 1), refused);
  await assert.rejects(orders.messages().next(), refused);
  await assert.rejects(orders.batches().next(), refused);
  await assert.rejects(orders.seek(0), refused);
  await assert.rejects(orders.pending(), refused);
  await assert.rejects(orders.commit(), refused);
  await assert.rejects(orders.committed(0), refused);
  for (const call of [
    () => orders.mark(value),
    () => orders.markUpTo(value),
    () => orders.rewind(),
    () => orders.pause(),
    () => orders.resume(),
  ]) {
    assert.throws(call, refused);
  }
});

test('a close that could not commit closes everything, then rejects with the cause', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 2);
  const orders = consumer({ groupId: 'audit' });
  await get(orders, 1);
  await get(orders, 1);
  cluster.on(OffsetCommit).failTimes(99, 'GROUP_AUTHORIZATION_FAILED');
  await assert.rejects(orders.close(), { code: 'GROUP_AUTHORIZATION_FAILED' });
  const polls = fetches(cluster).length;
  fill(cluster, 2); // would end a long poll, and begin the next
  await elsewhere(cluster);
  assert.equal(fetches(cluster).length, polls, 'nothing is fetched any more');
  await assert.rejects(orders.close(), { code: 'GROUP_AUTHORIZATION_FAILED' });
});

test('the last commit is tried again as long as there is time', async t => {
  const { cluster, consumer } = await setting(t, { client: { retry: { attempts: 2, backoffMs: 1, maxBackoffMs: 1 } } });
  fill(cluster, 2);
  const orders = consumer({ groupId: 'audit' });
  await get(orders, 1);
  await get(orders, 1);
  cluster.on(OffsetCommit).failTimes(9, 'COORDINATOR_LOAD_IN_PROGRESS');
  await orders.close();
  assert.deepEqual(stored(cluster, 'audit'), { 0: 1 });
});

test('the last commit waits no longer than there is time', async t => {
  const { cluster, consumer } = await setting(t, { client: { requestTimeoutMs: 600_000 } }); // nothing else ends the wait
  fill(cluster, 2);
  const orders = consumer({ groupId: 'audit' });
  await get(orders, 1);
  await get(orders, 1);
  cluster.on(OffsetCommit).silent();
  await assert.rejects(orders.close({ timeoutMs: 50 }), { code: 'TIDE_TIMEOUT', persistence: 'maybe' });
});

test('a commit by hand that is under way is waited for', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 2);
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  await get(orders, 1);
  const { held, release } = cluster.on(OffsetCommit).hold();
  const commit = orders.commit();
  await held;
  const closed = orders.close();
  release();
  await closed;
  assert.equal(await commit, true);
});

test('close while the first read still looks for the cluster ends both at once', async t => {
  const { client } = await setting(t, { client: { brokers: '127.0.0.1:1', retry: { attempts: 1000 } } });
  const orders = new SimpleConsumer(client, { topic: 'orders', groupId: 'audit' });
  const call = get(orders, 1);
  const other = new SimpleConsumer(client, { topic: 'orders' });
  const loop = other.messages().next();
  await new Promise(resolve => client.once('connection', resolve)); // which has failed
  const closed = [orders.close(), other.close()];
  await assert.rejects(call, { code: 'TIDE_CLOSED' });
  assert.deepEqual(await loop, { done: true, value: undefined });
  await Promise.all(closed);
});

test('a consumer that was never used closes at once, without a connection', async t => {
  const { cluster, consumer } = await setting(t);
  await consumer({ groupId: 'audit' }).close();
  assert.equal(cluster.requests(Metadata).length, 0);
});

test('closing the client closes its consumers first', async t => {
  const { cluster, client, consumer } = await setting(t);
  fill(cluster, 3);
  const orders = consumer({ groupId: 'audit' });
  const seen: number[] = [];
  let closed: Promise<void> | undefined;
  for await (const { offset } of orders) {
    seen.push(offset);
    if (offset === 1) closed = client.close();
  }
  await closed;
  assert.deepEqual(seen, [0, 1]);
  assert.deepEqual(stored(cluster, 'audit'), { 0: 2 });
  assert.throws(() => consumer(), { code: 'TIDE_CLOSED' });
});

test('nothing is left running after close', async () => {
  const left = () => process.getActiveResourcesInfo().filter(kind => kind.startsWith('TCP') || kind === 'Timeout');
  const cluster = await EmbeddedCluster.start({ brokers: 2, topics: { orders: 2 } });
  fill(cluster, 3);
  const client = new KafkaClient({ brokers: cluster.brokers });
  const orders = new SimpleConsumer(client, { topic: 'orders', groupId: 'audit' });
  await get(orders, 2);
  await orders.seek(99);
  await orders.getMessages(1, { timeoutMs: 20 });
  cluster.on(FindCoordinator).delay(10);
  await client.close();
  await cluster.close();
  await until(() => left().length === 0); // sockets and timers of the tests before are gone too
});

test('close() gives the same promise, takes null for no limit, and refuses what is no time before anything ends', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 1);
  const orders = consumer();
  for (const timeoutMs of [-1, Number.NaN, 'x' as unknown as number]) {
    await assert.rejects(orders.close({ timeoutMs }), { code: 'TIDE_OPTION', message: /timeoutMs/ });
  }
  assert.equal((await get(orders, 1)).length, 1);
  const closing = orders.close({ timeoutMs: null });
  assert.equal(orders.close(), closing);
  await closing;
});
