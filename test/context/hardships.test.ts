import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OffsetCommitContext, withOffsets } from '../../src/context/index.js';
import { FindCoordinator, OffsetCommit, OffsetFetch } from '../../src/protocol/index.js';
import { fill, get, offsets, setting, stored } from '../consumer/setting.js';

const byHand = { groupId: 'audit', autoCommit: false } as const;

test('mark as a callback of forEach marks the messages, whatever numbers come with them', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 10);
  const orders = consumer(byHand);
  await withOffsets(orders, async context => {
    const messages = await get(orders, 5);
    const done: { forEach(each: typeof context.mark, self: object): void } = [messages[0], messages[2], messages[4]] as never;
    done.forEach(context.mark, context);
  });
  assert.deepEqual(stored(cluster, 'audit'), { 0: 1 });
  assert.deepEqual(offsets(await get(orders, 3)), [1, 2, 3]);
});

test('a commit that cannot even begin rolls back: the consumer is free again', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 10);
  const orders = consumer(byHand);
  const left = withOffsets(orders, async context => {
    const iterator = orders[Symbol.asyncIterator]();
    const first = await iterator.next();
    if (!first.done) context.mark(first.value);
  });
  await assert.rejects(left, { code: 'TIDE_STATE' });
  assert.equal(stored(cluster, 'audit')[0], undefined);
});

test('a commit with a signal that is aborted already is rolled back', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 10);
  const orders = consumer(byHand);
  const context = OffsetCommitContext.begin(orders);
  context.mark(await get(orders, 3));
  const reason = new Error('enough');
  await assert.rejects(context.commit({ signal: AbortSignal.abort(reason) }), reason);
  assert.deepEqual(offsets(await get(orders, 1)), [0]);
  assert.deepEqual(stored(cluster, 'audit'), {});
});

test('a context that was handed nothing has tried nothing', async t => {
  const { cluster, consumer } = await setting(t);
  const orders = consumer(byHand);
  const failing = (read: () => Promise<unknown>, attempts: number[]) =>
    assert.rejects(
      withOffsets(orders, async context => {
        attempts.push(context.attempt);
        await read();
        throw new Error('no');
      }),
    );
  const attempts: number[] = [];
  for (let i = 0; i < 3; i++) await failing(() => orders.getMessages(1, { block: false }), attempts);
  fill(cluster, 10);
  for (let i = 0; i < 2; i++) await failing(() => get(orders, 1), attempts);
  assert.deepEqual(attempts, [1, 1, 1, 1, 2]);
});

test('what onCommitFailure gives must be a decision; it is rolled back where it is none', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 10);
  const orders = consumer(byHand);
  cluster.on(OffsetCommit).failOnce('GROUP_AUTHORIZATION_FAILED');
  const work = withOffsets(orders, async context => context.mark(await get(orders, 3)), { onCommitFailure: () => 'Retry' as never });
  await assert.rejects(work, { code: 'TIDE_OPTION' });
  assert.deepEqual(offsets(await get(orders, 1)), [0]);
});

test('a rollback from inside a listener that is told of damage is not undone', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 9, { perBatch: 1 });
  cluster.corrupt('orders', 0, 4);
  const orders = consumer({ ...byHand, onCorrupt: 'skip' });
  const context = OffsetCommitContext.begin(orders);
  orders.on('corruptRecords', () => void context.rollback());
  await get(orders, 4);
  await orders.getMessages(2, { timeoutMs: 1000 }).catch(() => {});
  assert.deepEqual(offsets(await get(orders, 4)), [0, 1, 2, 3]);
});

test('a rollback to what is not in memory any more, over a topic that was replaced, asks the policy', async t => {
  const { cluster, client, consumer } = await setting(t);
  fill(cluster, 40, { perBatch: 1 });
  const orders = consumer({ ...byHand, prefetchBytes: 200 });
  const moves: string[] = [];
  orders.on('outOfRange', ({ why, newOffset }) => moves.push(`${why} ${newOffset}`));
  await orders.seek(10);
  const context = OffsetCommitContext.begin(orders);
  await get(orders, 20);
  cluster.deleteTopic('orders');
  cluster.createTopic('orders', 1);
  fill(cluster, 40, { perBatch: 1 });
  await client.metadata(['orders']);
  await context.rollback();
  assert.deepEqual(offsets(await get(orders, 3)), [0, 1, 2]);
  assert.deepEqual(moves, ['recreated 0']);
});

test('a head that is read ever again, batch by batch and message by message, keeps no more than it needs', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 20, { perBatch: 2 });
  const orders = consumer(byHand);
  for (let i = 0; i < 15_000; i++) {
    for await (const _ of orders) break;
  }
  assert.deepEqual(
    offsets(await get(orders, 20)),
    Array.from({ length: 20 }, (_, i) => i),
  );
});

test('commitTimeoutMs holds while nobody says who coordinates the group, and behind a commit that hangs', async t => {
  const { cluster, consumer } = await setting(t, { client: { requestTimeoutMs: 600_000 } });
  fill(cluster, 10);
  const orders = consumer(byHand);
  await withOffsets(orders, async context => context.mark(await get(orders, 1)));
  const work = () => withOffsets(orders, async context => context.mark(await get(orders, 2)), { commitTimeoutMs: 50 });
  cluster.on(OffsetFetch).failOnce('NOT_COORDINATOR'); // it is looked for anew
  const lookUp = cluster.on(FindCoordinator).hold();
  const asked = orders.committed(0);
  await lookUp.held;
  await assert.rejects(work(), { code: 'TIDE_TIMEOUT', persistence: 'no' });
  lookUp.release();
  assert.equal(await asked, 1);
  assert.deepEqual(offsets(await get(orders, 1)), [1]);

  const commit = cluster.on(OffsetCommit).hold();
  const hanging = orders.commit();
  await commit.held;
  await assert.rejects(work(), { code: 'TIDE_TIMEOUT', persistence: 'no' });
  commit.release();
  await hanging;
  await withOffsets(orders, async context => context.mark(await get(orders, 2)));
  assert.deepEqual(stored(cluster, 'audit'), { 0: 4 });
});

test('an offset below the first message that was handed out is that of no message', async t => {
  const { cluster, consumer } = await setting(t);
  for (const baseOffset of [10, 20, 30]) cluster.append('orders', 0, [{ value: 'a' }], { baseOffset });
  const orders = consumer(byHand);
  const context = OffsetCommitContext.begin(orders);
  assert.deepEqual(offsets(await get(orders, 3)), [10, 20, 30]);
  const none = { code: 'TIDE_INPUT', message: /orders\/0 offset 5: there is no such message/ };
  assert.throws(() => context.mark(0, 5), none);
  assert.throws(() => context.markUpTo(0, 5), none);
  context.mark(0, 30);
  assert.throws(() => context.mark(0, 5), none);
  assert.deepEqual([context.marked, context.highWaterMark(0)], [1, undefined]);
  context.mark(0, 10);
  context.mark(0, 10);
  assert.deepEqual([context.marked, context.highWaterMark(0)], [2, 20]);
  await context.commit();
  assert.deepEqual(stored(cluster, 'audit'), { 0: 20 });
});

test('a mark that comes too late says what became of the message: handed out again, or passed', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 10, { perBatch: 1 });
  const orders = consumer({ groupId: 'audit', autoCommit: false, prefetchBytes: 1 });
  const [first] = await get(orders, 1);
  assert.ok(first !== undefined);
  orders.rewind();
  assert.throws(() => orders.mark(first), { code: 'TIDE_STALE', message: /its offset is handed out again$/ });
  const moved = new Promise(resolve => orders.once('outOfRange', resolve));
  cluster.trim('orders', 0, 6);
  await orders.seek(1);
  const messages = await get(orders, 2);
  await moved;
  assert.deepEqual(offsets(messages), [6, 7]);
  assert.throws(() => orders.mark(first), {
    code: 'TIDE_STALE',
    message: /taken back when the partition was moved to offset 6, .*does not reach back/,
  });
});

test('marks for a partition that a topic was created again without are refused, and so are questions about it', async t => {
  const { cluster, client, consumer } = await setting(t, { topics: { orders: 3 } });
  for (const partition of [0, 1, 2]) fill(cluster, 2, { partition });
  const orders = consumer(byHand);
  const context = OffsetCommitContext.begin(orders);
  const messages = await get(orders, 6);
  const lost = messages.filter(({ partition }) => partition === 2);
  cluster.deleteTopic('orders');
  cluster.createTopic('orders', 2);
  await client.metadata(['orders']);
  while (orders.position(2) !== undefined) await orders.getMessages(1, { timeoutMs: 5 });
  const gone = { code: 'TIDE_PARTITION_LOST', message: /orders\/2.* without/ };
  assert.throws(() => context.mark(lost), gone);
  assert.throws(() => context.mark(2, 0), gone);
  assert.throws(() => context.highWaterMark(2), gone);
  assert.equal(context.marked, 0);
  assert.equal(await context.commit(), false);
  assert.throws(() => orders.mark(lost), gone);
  assert.throws(() => orders.pause([2]), gone);
  assert.throws(() => orders.pause([3]), { code: 'TIDE_NOT_OWNED' });
});

test('what a context is given that cannot be is a typed error that names it, and changes nothing', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 5);
  const orders = consumer(byHand);
  const work = () => assert.fail('nothing is begun');
  for (const options of [null, 5, [], { comitTimeoutMs: 5 }, { signal: {} }]) {
    assert.throws(() => OffsetCommitContext.begin(orders, options as never), { code: 'TIDE_OPTION' });
    await assert.rejects(withOffsets(orders, work, options as never), { code: 'TIDE_OPTION' });
  }
  await assert.rejects(withOffsets(orders, undefined as never), { code: 'TIDE_INPUT', message: /^withOffsets: expected a function/ });
  const context = OffsetCommitContext.begin(orders);
  assert.equal(context.highWaterMark(0), undefined, 'nothing was read yet');
  context.mark(await get(orders, 3));
  for (const place of [undefined, null, '0', {}, { partition: '0' }, -1, 0.5]) {
    assert.throws(() => context.highWaterMark(place as never), { code: 'TIDE_INPUT', message: /^highWaterMark\(\): / });
    assert.throws(() => context.mark(place as never, 4), { code: 'TIDE_INPUT', message: /^mark\(\): / });
    assert.throws(() => context.markUpTo(place as never, 4), { code: 'TIDE_INPUT', message: /^markUpTo\(\): / });
  }
  assert.throws(() => context.mark(0, undefined as never), {
    code: 'TIDE_INPUT',
    message: /^mark\(\) of a partition and an offset: .* got undefined/,
  });
  for (const options of [null, 5, { timeoutMs: 5 }, { sginal: undefined }, { signal: 'now' }]) {
    await assert.rejects(context.commit(options as never), { code: 'TIDE_OPTION', message: /^commit\(\) of a context: / });
  }
  assert.deepEqual([context.marked, context.highWaterMark(0)], [3, 3]);
  assert.equal(await context.commit(), true);
  assert.deepEqual(stored(cluster, 'audit'), { 0: 3 });
});

test('a signal in the options ends the commit and the pause after a rollback; where it is aborted already nothing begins', async t => {
  const { cluster, consumer } = await setting(t, { client: { requestTimeoutMs: 600_000 } });
  fill(cluster, 5);
  const orders = consumer(byHand);
  const reason = new Error('enough');
  const stop = new AbortController();
  const commit = cluster.on(OffsetCommit).hold();
  const work = withOffsets(orders, async context => context.mark(await get(orders, 2)), {
    signal: stop.signal,
    rollbackBackoffMs: 600_000,
  });
  const failed = assert.rejects(work, reason);
  await commit.held;
  stop.abort(reason);
  await failed;
  await assert.rejects(
    withOffsets(orders, () => assert.fail('nothing is begun'), { signal: stop.signal }),
    reason,
  );
  commit.release();
  assert.deepEqual(offsets(await get(orders, 1)), [0]);
});

test('a rollback during a commit waits for it; what is stored stays stored, and the decision about a failure does not wait for itself', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 9);
  const orders = consumer(byHand);
  const commit = cluster.on(OffsetCommit).hold();
  const log: string[] = [];
  const work = withOffsets(orders, async context => {
    context.mark(await get(orders, 3));
    context.commit().then(() => log.push('stored'));
    throw new Error('no');
  }).catch(() => log.push('thrown'));
  await commit.held;
  commit.release();
  await work;
  assert.deepEqual(log, ['stored', 'thrown']);
  assert.deepEqual(offsets(await get(orders, 1)), [3]);

  cluster.on(OffsetCommit).failOnce('GROUP_AUTHORIZATION_FAILED');
  const context = OffsetCommitContext.begin(orders, {
    onCommitFailure: async () => {
      await context.rollback();
      return 'rollback' as const;
    },
  });
  context.mark(await get(orders, 2));
  await assert.rejects(context.commit(), /GROUP_AUTHORIZATION_FAILED/);
  assert.deepEqual(offsets(await get(orders, 1)), [4]);
});
