import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OffsetCommit } from '../../src/protocol/index.js';
import { encodeBatch, readBatches } from '../../src/records/index.js';
import { committedSoFar, fill, get, offsets, read, setting, stored } from './setting.js';

const explicit = { groupId: 'audit', autoCommit: false, marking: 'explicit' } as const;

test('with explicit marking asking for more says nothing, and leaving a loop puts nothing back', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 6);
  const orders = consumer(explicit);
  await get(orders, 2);
  await get(orders, 1);
  for await (const { offset } of orders) if (offset === 4) break;
  assert.equal(orders.position(0), 5);
  await orders.commit();
  assert.deepEqual(stored(cluster, 'audit'), { 0: 0 });
  orders.rewind();
  assert.deepEqual(offsets(await get(orders, 6)), [0, 1, 2, 3, 4, 5]);
});

test('marks may come in any order; done never passes a hole and never goes back', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 6);
  const orders = consumer(explicit);
  const messages = await get(orders, 6);
  const done = async (offset: number, expected: number) => {
    const message = messages[offset];
    assert.ok(message);
    orders.mark(message);
    await orders.commit();
    assert.deepEqual(stored(cluster, 'audit'), { 0: expected });
  };
  await done(1, 0);
  await done(4, 0);
  await done(0, 2);
  await done(0, 2);
  await done(3, 2);
  await done(2, 5);
  await done(1, 5);
  await done(5, 6);
});

test('a list of messages, a batch, a partition with an offset, and everything up to one can be marked', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 12, { perBatch: 3 });
  const orders = consumer(explicit);
  const loop = orders.batches();
  const batch = async () => {
    const { value } = await loop.next();
    assert.ok(value);
    return value;
  };
  const [first, second, third, fourth] = [await batch(), await batch(), await batch(), await batch()];
  const at = async (expected: number) => {
    await orders.commit();
    assert.deepEqual(stored(cluster, 'audit'), { 0: expected });
  };
  orders.mark(second);
  orders.mark(second);
  orders.mark([...second]);
  await at(0);
  orders.mark(0, 0);
  await at(1);
  orders.mark([...first]);
  await at(6);
  orders.markUpTo(0, 7);
  await at(8);
  orders.markUpTo(third);
  await at(9);
  const last = fourth.at(2);
  assert.ok(last);
  orders.taskDone(last);
  await at(9);
  orders.markUpTo(last);
  await at(12);
});

test('a list marks its own messages, and no others between them', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 2 } });
  fill(cluster, 6);
  fill(cluster, 6, { partition: 1 });
  const orders = consumer(explicit);
  const messages = await get(orders, 12);
  const some = (...places: string[]) => messages.filter(({ partition, offset }) => places.includes(`${partition}:${offset}`));
  const at = async (expected: Record<number, number>) => {
    await orders.commit();
    assert.deepEqual(stored(cluster, 'audit'), expected);
  };
  orders.mark(some('0:0', '0:1', '0:3', '1:0', '1:4', '1:5'));
  await at({ 0: 2, 1: 1 });
  orders.mark(some('0:5', '0:4', '0:2').reverse());
  await at({ 0: 6, 1: 1 });
  orders.mark(some('1:1', '1:2', '1:3'));
  await at({ 0: 6, 1: 6 });
});

test('a batch marks its own messages', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 9, { perBatch: 3 });
  const orders = consumer(explicit);
  const loop = orders.batches();
  const [first, second, third] = [(await loop.next()).value, (await loop.next()).value, (await loop.next()).value];
  const at = async (expected: number) => {
    await orders.commit();
    assert.deepEqual(stored(cluster, 'audit'), { 0: expected });
  };
  first.mark(first.at(0));
  await at(1);
  first.mark();
  await at(3);
  third.mark([third.at(0), third.at(1)]);
  await at(3);
  second.mark();
  await at(8);
  third.markUpTo(third.at(2));
  await at(9);
  await orders.seek(0);
  assert.throws(() => third.mark(), { code: 'TIDE_STALE' });
});

test('a batch that is marked twice behind a hole is done once', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 6, { perBatch: 3 });
  const orders = consumer(explicit);
  const loop = orders.batches();
  const first = (await loop.next()).value;
  const second = (await loop.next()).value;
  orders.mark(second);
  orders.mark(second.at(1));
  orders.mark(first);
  await orders.commit();
  assert.deepEqual(stored(cluster, 'audit'), { 0: 6 });
});

test('gaps that compaction left are no holes', async t => {
  const { cluster, consumer } = await setting(t);
  cluster.append('orders', 0, [{ value: 'a' }], { baseOffset: 3 });
  cluster.append('orders', 0, [{ value: 'b' }], { baseOffset: 10 });
  const orders = consumer(explicit);
  const [a, b] = await get(orders, 2);
  assert.ok(a && b);
  await orders.commit();
  assert.deepEqual(stored(cluster, 'audit'), { 0: 3 }, 'below the first message there is nothing to do');
  assert.throws(() => orders.mark(0, 7), { code: 'TIDE_INPUT', message: /no such message/ });
  orders.mark(a);
  await orders.commit();
  assert.deepEqual(stored(cluster, 'audit'), { 0: 10 });
  orders.mark(b);
  await orders.commit();
  assert.deepEqual(stored(cluster, 'audit'), { 0: 11 });
});

test('in a loop marks count beside what asking says', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 3);
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  for await (const message of orders) {
    orders.mark(message);
    await orders.commit();
    assert.deepEqual(stored(cluster, 'audit'), { 0: message.offset + 1 });
    if (message.offset === 1) break;
  }
  assert.equal(orders.position(0), 2, 'it was done, so nothing was put back');
});

test('a mark for what was taken back is TIDE_STALE, and does nothing', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 6);
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  const stale = { code: 'TIDE_STALE', message: /orders\/0 offset 1.*taken back/ };

  let messages = await get(orders, 2);
  orders.rewind();
  assert.throws(() => orders.mark(messages[1]!), stale);
  assert.throws(() => orders.mark(messages), { code: 'TIDE_STALE' });
  await assert.rejects(orders.commit(messages), { code: 'TIDE_STALE' });

  messages = await get(orders, 2);
  await orders.seek(0);
  assert.throws(() => orders.markUpTo(messages[1]!), stale);

  messages = [];
  for await (const message of orders) {
    messages.push(message);
    if (message.offset === 1) break;
  }
  assert.throws(() => orders.mark(messages[1]!), stale);
  orders.mark(messages[0]!); // done already: no harm

  assert.deepEqual(offsets(await get(orders, 1)), [1]);
  assert.throws(() => orders.mark(messages[1]!), stale, 'only the message handed out anew counts');
  await orders.commit();
  assert.deepEqual(stored(cluster, 'audit'), { 0: 1 });
});

test('a mark for what this consumer never handed out is TIDE_NOT_OWNED', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 2);
  const [orders, other] = [consumer(explicit), consumer()];
  const [foreign] = await get(other, 1);
  await get(orders, 1);
  const notOwned = { code: 'TIDE_NOT_OWNED' };
  assert.throws(() => orders.mark(foreign!), notOwned);
  const made = readBatches(encodeBatch([{ value: 'x', timestamp: 0 }]), { topic: 'orders', partition: 0 })
    .next()
    ?.next();
  assert.throws(() => orders.mark(made!), notOwned);
  assert.throws(() => orders.mark(5, 0), notOwned);
  assert.throws(() => consumer().mark(0, 0), { ...notOwned, message: /none yet/ });
});

test('marks that cannot be are TIDE_INPUT: offsets never handed out, things that are no messages', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 5);
  const orders = consumer(explicit);
  await orders.seek(2);
  const [two] = await get(orders, 2);
  const input = { code: 'TIDE_INPUT' };
  for (const offset of [-1, 0, 1, 4, 5, 1.5, Number.NaN]) assert.throws(() => orders.mark(0, offset), input, String(offset));
  assert.throws(() => orders.markUpTo(0, 4), input);
  for (const nothing of [undefined, null, {}, 'orders', [two, 1]]) assert.throws(() => orders.mark(nothing as unknown as []), input);
  await orders.commit();
  assert.deepEqual(stored(cluster, 'audit'), { 0: 2 }, 'nothing was marked, not even the first of the list');
});

test('commit() says whether something new was stored, and marks nothing', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 4);
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  assert.equal(await orders.commit(), false, 'nothing was read yet');
  await get(orders, 2);
  assert.equal(await orders.commit(), true, 'where it started is new');
  assert.equal(await orders.commit(), false);
  await get(orders, 1);
  assert.equal(await orders.commit(), true);
  assert.equal(await orders.commit(), false);
  assert.deepEqual(committedSoFar(cluster), ['0:0', '0:2']);
});

test('commit(messages) marks exactly those first', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 4);
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  const messages = await get(orders, 4);
  assert.equal(await orders.commit(messages[0]), true);
  assert.deepEqual(stored(cluster, 'audit'), { 0: 1 });
  assert.equal(await orders.commit(messages[2]), false, 'behind a hole');
  assert.equal(await orders.commit(messages), true);
  assert.deepEqual(stored(cluster, 'audit'), { 0: 4 });
});

test('commit() throws what Kafka says, and the next one tries again', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 2 } });
  fill(cluster, 1, { partition: 0 });
  fill(cluster, 1, { partition: 1 });
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  await read(orders, 2);
  cluster.on(OffsetCommit, { partition: 1 }).failOnce('TOPIC_AUTHORIZATION_FAILED');
  await assert.rejects(orders.commit(), { name: 'PartialError', code: 'TOPIC_AUTHORIZATION_FAILED' });
  assert.deepEqual(stored(cluster, 'audit'), { 0: 1 });
  assert.equal(await orders.commit(), true);
  assert.deepEqual(stored(cluster, 'audit'), { 0: 1, 1: 1 });

  cluster.on(OffsetCommit).failOnce('UNKNOWN_MEMBER_ID');
  await orders.seek(0);
  await assert.rejects(orders.commit(), { code: 'TIDE_GROUP_IN_USE' });
  cluster.on(OffsetCommit).failOnce('NOT_COORDINATOR');
  assert.equal(await orders.commit(), true);
  assert.deepEqual(stored(cluster, 'audit'), { 0: 0, 1: 0 });
});

test('commits are sent one at a time; those who ask meanwhile share the next', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 4);
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  await get(orders, 1);
  const held = cluster.on(OffsetCommit).hold();
  const first = orders.commit();
  await held.held;
  await get(orders, 1);
  const others = [orders.commit(), orders.commit()];
  await get(orders, 1);
  held.release();
  assert.deepEqual([await first, ...(await Promise.all(others))], [true, true, true]);
  assert.deepEqual(committedSoFar(cluster), ['0:0', '0:2'], 'what is done when it is sent');
});

test('an aborted commit rejects at once with the reason, and takes nobody with it', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 4);
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  await get(orders, 1);
  const held = cluster.on(OffsetCommit).hold();
  const first = orders.commit();
  await held.held;
  const stop = new AbortController();
  const [aborted, other] = [orders.commit(undefined, { signal: stop.signal }), orders.commit()];
  const reason = new Error('enough');
  stop.abort(reason);
  await assert.rejects(aborted, error => error === reason);
  held.release();
  assert.equal(await first, true);
  assert.equal(await other, false);
  await assert.rejects(orders.commit(undefined, { signal: stop.signal }), error => error === reason);
});

test('after a commit whose outcome is unknown the next one states where the work stands, even if that is lower', async t => {
  const { cluster, consumer } = await setting(t, { client: { retry: { attempts: 1 } } });
  fill(cluster, 4);
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  await get(orders, 1);
  await orders.commit();
  await get(orders, 2);
  cluster.on(OffsetCommit).dropAnswer();
  await assert.rejects(orders.commit(), { persistence: 'maybe' });
  assert.deepEqual(stored(cluster, 'audit'), { 0: 1 });
  await orders.seek(0);
  assert.equal(await orders.commit(), true);
  assert.deepEqual(stored(cluster, 'audit'), { 0: 0 });
});

test('without a group there is nowhere to commit to', async t => {
  const { consumer } = await setting(t);
  const orders = consumer();
  await assert.rejects(orders.commit(), { code: 'TIDE_STATE', message: /groupId/ });
  await assert.rejects(orders.committed(0), { code: 'TIDE_STATE', message: /groupId/ });
  assert.throws(() => consumer({ autoCommit: true }), { code: 'TIDE_OPTION', message: /groupId/ });
});

test('the committed offset can be looked up', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 2);
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  assert.equal(await orders.committed(0), undefined);
  await read(orders, 1);
  await orders.commit();
  assert.equal(await orders.committed(0), 1);
  assert.equal(await consumer({ groupId: 'other' }).committed(0), undefined);
  await assert.rejects(orders.committed(-1), { code: 'TIDE_INPUT' });
});
