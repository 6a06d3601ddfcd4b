import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fetch, OffsetCommit } from '../../src/protocol/index.js';
import { committedSoFar, fill, get, next, offsets, read, setting, stored, until } from './setting.js';

const never = 2 ** 31 - 1;

test('every N messages what is done is committed, and never what is in hand', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 20);
  const orders = consumer({ groupId: 'audit', autoCommit: { everyN: 5 } });
  for await (const { offset } of orders) {
    if (offset === 5 || offset === 10) await until(() => stored(cluster, 'audit')[0] === offset);
    if (offset === 12) break;
  }
  assert.equal(await orders.commit(), true, 'what is done since');
  assert.deepEqual(committedSoFar(cluster), ['0:0', '0:5', '0:10', '0:12']);
});

test('getMessages counts what the call before it returned', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 20);
  const orders = consumer({ groupId: 'audit', autoCommit: { everyN: 5 } });
  await get(orders, 7);
  const committed = cluster.nextRequest(OffsetCommit);
  await get(orders, 7);
  assert.equal((await committed).body.topics[0]?.partitions[0]?.committedOffset, 7);
});

test('marks count too', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 20);
  const orders = consumer({ groupId: 'audit', marking: 'explicit', autoCommit: { everyN: 5 } });
  const messages = await get(orders, 20);
  const committed = cluster.nextRequest(OffsetCommit);
  orders.mark(messages.slice(0, 5));
  assert.equal((await committed).body.topics[0]?.partitions[0]?.committedOffset, 5);
});

test('every T ms what is done is committed; nothing is sent when nothing is new', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 3);
  const orders = consumer({ groupId: 'audit', autoCommit: { everyMs: 20 } });
  await get(orders, 2);
  const committed = cluster.nextRequest(OffsetCommit);
  await get(orders, 1);
  assert.equal((await committed).body.topics[0]?.partitions[0]?.committedOffset, 2);
  await until(() => stored(cluster, 'audit')[0] === 2);
  const other = consumer({ groupId: 'clock', autoCommit: { everyMs: 20 } });
  for (let tick = 0; tick <= 2; tick++) {
    if (tick > 0) await until(() => stored(cluster, 'clock')[0] === tick - 1); // a tick of its own, and by then one of the first
    await get(other, 1);
  }
  const sent = cluster.requests(OffsetCommit).filter(({ body }) => body.groupId === 'audit');
  assert.equal(sent.length, 2, 'where it began, and the two');
});

test('a commit by hand starts the count anew', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 20);
  const orders = consumer({ groupId: 'audit', autoCommit: { everyN: 5 } });
  for await (const { offset } of orders) {
    if (offset === 4) await orders.commit();
    if (offset === 8) break;
  }
  assert.equal(await orders.commit(), true, 'the eighth is only the fourth since');
  assert.deepEqual(committedSoFar(cluster), ['0:0', '0:4', '0:8']);
});

test('a commit that failed is told and tried again by the next trigger', async t => {
  const { cluster, consumer, client } = await setting(t);
  fill(cluster, 20);
  const orders = consumer({ groupId: 'audit', autoCommit: { everyN: 2, everyMs: never } });
  await get(orders, 2);
  cluster.on(OffsetCommit).failOnce('GROUP_AUTHORIZATION_FAILED');
  const failed = next(orders, 'commitFailed');
  await get(orders, 1);
  const { error } = await failed;
  assert.match(error.message, /GROUP_AUTHORIZATION_FAILED/);
  assert.deepEqual(
    client.nonFatalErrors().map(passed => passed.error),
    [error],
  );
  assert.deepEqual(stored(cluster, 'audit'), { 0: 0 });
  await get(orders, 2);
  await get(orders, 1);
  await until(() => (stored(cluster, 'audit')[0] ?? 0) > 0);
});

test('a commit in time does not hold up the loop', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 20);
  const orders = consumer({ groupId: 'audit', autoCommit: { everyN: 1 } });
  await get(orders, 1);
  const held = cluster.on(OffsetCommit).hold();
  assert.equal((await read(orders, 19)).length, 19);
  held.release();
});

test('without a committed offset the place the policy chose is committed before anything is handed out', async t => {
  for (const [autoOffsetReset, start] of [
    ['latest', 3],
    ['earliest', 0],
    ['largest', 3],
    ['smallest', 0],
  ] as const) {
    const { cluster, consumer } = await setting(t);
    fill(cluster, 3);
    const orders = consumer({ groupId: 'audit', autoOffsetReset });
    const held = cluster.on(OffsetCommit).hold();
    const first = get(orders, 1);
    await held.held;
    assert.deepEqual(committedSoFar(cluster), [`0:${start}`]);
    fill(cluster, 1);
    assert.equal(cluster.requests(Fetch).length, 0);
    held.release();
    assert.deepEqual(offsets(await first), [start]);
  }
});

test('a place that cannot be committed is an error of the first read; the next read tries again', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 1);
  const orders = consumer({ groupId: 'audit' });
  cluster.on(OffsetCommit).failOnce('GROUP_AUTHORIZATION_FAILED');
  await assert.rejects(get(orders, 1), { code: 'GROUP_AUTHORIZATION_FAILED' });
  assert.deepEqual(offsets(await get(orders, 1)), [0]);
});

test('with autoCommit false nothing is ever committed, not on close either', async t => {
  for (const options of [{ groupId: 'audit', autoCommit: false }, {}]) {
    const { cluster, consumer } = await setting(t);
    fill(cluster, 300);
    const orders = consumer({ ...options, autoOffsetReset: 'earliest' });
    await read(orders, 250);
    await orders.seek(3);
    await orders.close();
    assert.equal(cluster.requests(OffsetCommit).length, 0);
  }
});

test('close commits what is done, also when only a count was given', async t => {
  for (const autoCommit of [true, { everyN: 1000 }, { everyMs: never }]) {
    const { cluster, consumer } = await setting(t);
    fill(cluster, 3);
    const orders = consumer({ groupId: 'audit', autoCommit });
    await read(orders, 2);
    await get(orders, 1);
    await orders.close();
    assert.deepEqual(committedSoFar(cluster), ['0:0', '0:2'], 'the unanswered third is not done');
  }
});

test('a seek does not commit by itself; the next commit stores it, even if it is lower', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 5);
  const orders = consumer({ groupId: 'audit' });
  await read(orders, 4);
  await orders.commit();
  await orders.seek(1);
  assert.deepEqual(stored(cluster, 'audit'), { 0: 4 });
  assert.equal(await orders.commit(), true, 'nobody has stored it before');
  assert.deepEqual(stored(cluster, 'audit'), { 0: 1 });
});

test('by default a group commits by itself, and a reader without one does not', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 150);
  await read(consumer({ groupId: 'audit' }), 150);
  await until(() => (stored(cluster, 'audit')[0] ?? 0) >= 100);
});
