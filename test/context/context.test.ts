import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deferred } from '../../src/base/wait.js';
import { OffsetCommitContext, withOffsets } from '../../src/context/index.js';
import { Fetch, OffsetCommit } from '../../src/protocol/index.js';
import { committedSoFar, elsewhere, fill, get, offsets, places, setting, stored, until } from '../consumer/setting.js';

const byHand = { groupId: 'audit', autoCommit: false } as const;

test('what is marked without a hole is committed when the work returns; what is not comes again', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 10);
  const orders = consumer(byHand);
  const result = await withOffsets(orders, async context => {
    const messages = await get(orders, 6);
    context.mark(messages.slice(0, 3));
    context.mark(messages[4] ?? assert.fail());
    assert.equal(context.marked, 4);
    assert.equal(context.highWaterMark(0), 3);
    assert.deepEqual(stored(cluster, 'audit'), {}, 'nothing before the end');
    return 'the result';
  });
  assert.equal(result, 'the result');
  assert.deepEqual(stored(cluster, 'audit'), { 0: 3 });
  assert.deepEqual(offsets(await get(orders, 7)), [3, 4, 5, 6, 7, 8, 9]);
});

test('a context that the work has ended by itself stays as it is', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 10);
  const orders = consumer(byHand);
  const take = async (context: OffsetCommitContext, count: number) => {
    const messages = await get(orders, count);
    context.mark(messages);
    return offsets(messages);
  };
  assert.equal(
    await withOffsets(orders, async context => {
      await take(context, 2);
      return context.commit();
    }),
    true,
  );
  await withOffsets(orders, async context => {
    await take(context, 2);
    await context.rollback();
  });
  assert.deepEqual(await withOffsets(orders, context => take(context, 1)), [2], 'put back by the work');
  assert.deepEqual(committedSoFar(cluster), ['0:2', '0:3']);
  await withOffsets(orders, async context => {
    await take(context, 1);
    void context.commit();
  });
  assert.deepEqual(stored(cluster, 'audit'), { 0: 4 }, 'one that is not awaited is waited for');
  cluster.on(OffsetCommit).failOnce('OFFSET_METADATA_TOO_LARGE');
  const failing = withOffsets(orders, async context => {
    await take(context, 1);
    context.commit().catch(() => {});
  });
  await assert.rejects(failing, { code: 'OFFSET_METADATA_TOO_LARGE' });
});

test('a throw puts the consumer back to where the context began, sends nothing, and comes out unchanged', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 10);
  const orders = consumer(byHand);
  await get(orders, 2);
  const failure = new Error('the work failed');
  const attempts: number[] = [];
  for (let i = 0; i < 3; i++) {
    const work = withOffsets(orders, async context => {
      attempts.push(context.attempt);
      const messages = await get(orders, 4);
      assert.deepEqual(offsets(messages), [2, 3, 4, 5]);
      context.mark(messages);
      throw failure;
    });
    await assert.rejects(work, failure);
  }
  assert.deepEqual(attempts, [1, 2, 3]);
  assert.deepEqual(committedSoFar(cluster), []);
  assert.equal(
    cluster.requests(Fetch).filter(({ body }) => body.topics[0]?.partitions[0]?.fetchOffset === 2).length,
    0,
    'read from memory',
  );
  await withOffsets(orders, async context => {
    assert.equal(context.attempt, 4);
    context.markUpTo((await get(orders, 1))[0] ?? assert.fail());
  });
  await withOffsets(orders, context => assert.equal(context.attempt, 1));
  assert.deepEqual(stored(cluster, 'audit'), { 0: 3 });
});

test('a context without marks sends nothing and puts everything back', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 2 } });
  for (const partition of [0, 1]) fill(cluster, 3, { partition });
  const orders = consumer(byHand);
  const context = OffsetCommitContext.begin(orders);
  const first = places(await get(orders, 6));
  assert.equal(await context.commit(), false);
  assert.equal(context.highWaterMark(0), undefined);
  assert.deepEqual(committedSoFar(cluster), []);
  assert.deepEqual(places(await get(orders, 6)).sort(), first.sort());
});

test('await using rolls back unless it was committed', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 4);
  const orders = consumer(byHand);
  {
    await using context = OffsetCommitContext.begin(orders);
    context.mark(await get(orders, 2));
  }
  {
    await using context = OffsetCommitContext.begin(orders);
    context.mark(await get(orders, 2));
    assert.equal(await context.commit(), true);
  }
  assert.deepEqual(stored(cluster, 'audit'), { 0: 2 });
  assert.deepEqual(offsets(await get(orders, 2)), [2, 3]);
});

test('inside a context the consumer only hands out: reading marks nothing, and leaving a loop puts nothing back', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 6, { perBatch: 2 });
  const orders = consumer(byHand);
  const context = OffsetCommitContext.begin(orders);
  for await (const message of orders) {
    if (message.offset === 0) context.mark(message);
    if (message.offset === 2) break;
  }
  const batches: number[] = [];
  for await (const batch of orders.batches()) {
    batches.push(batch.firstOffset);
    if (batch.lastOffset === 5) break;
  }
  assert.deepEqual(batches, [3, 4]);
  await context.commit();
  assert.deepEqual(stored(cluster, 'audit'), { 0: 1 });
  assert.deepEqual(offsets(await get(orders, 2)), [1, 2]);
});

test('what belongs to the consumer is refused while a context is open, and changes nothing', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 4);
  const orders = consumer(byHand);
  const [before] = await get(orders, 1);
  const context = OffsetCommitContext.begin(orders);
  const messages = await get(orders, 2);
  const refused = { code: 'TIDE_STATE', message: /commit context/ };
  assert.throws(() => orders.mark(messages), refused);
  assert.throws(() => orders.markUpTo(0, 1), refused);
  assert.throws(() => orders.taskDone(messages[0] ?? assert.fail()), refused);
  assert.throws(() => orders.rewind(), refused);
  await assert.rejects(orders.commit(), refused);
  await assert.rejects(orders.seek(0), refused);
  assert.throws(() => OffsetCommitContext.begin(orders), refused);
  await assert.rejects(
    withOffsets(orders, () => assert.fail('not run')),
    refused,
  );
  assert.throws(() => context.mark(0, 3), { code: 'TIDE_INPUT' });
  assert.throws(() => context.mark(1, 0), { code: 'TIDE_NOT_OWNED' });
  assert.throws(() => context.mark({ topic: 'others', partition: 0 }, 0), { code: 'TIDE_NOT_OWNED' });
  context.mark(before ?? assert.fail()); // done before, as a context is asking for more
  assert.equal(context.marked, 0);
  context.mark({ topic: 'orders', partition: 0 }, 1);
  await context.commit();
  assert.deepEqual(stored(cluster, 'audit'), { 0: 2 });
  const over = { code: 'TIDE_STATE', message: /the context is committed/ };
  assert.throws(() => context.mark(messages), over);
  await assert.rejects(context.commit(), over);
  await context.rollback();
  assert.equal(context.highWaterMark(0), 2);
});

test('a context is refused where it cannot be', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 4);
  const begin = (given: unknown, options?: object) => () => OffsetCommitContext.begin(given as object, options);
  for (const nothing of [undefined, null, {}, 'orders'])
    assert.throws(begin(nothing), { code: 'TIDE_INPUT', message: /expected a consumer/ });
  assert.throws(begin(consumer({ groupId: 'audit' })), { code: 'TIDE_STATE', message: /autoCommit: false/ });
  assert.throws(begin(consumer()), { code: 'TIDE_STATE', message: /groupId/ });
  assert.throws(begin(consumer(byHand), { rollbackBackof: 1 }), { code: 'TIDE_OPTION', message: /rollbackBackoffMs/ });
  assert.throws(begin(consumer(byHand), { onCommitFailure: 'ignore' }), { code: 'TIDE_OPTION', message: /"rollback", "retry", "keep"/ });
  const orders = consumer(byHand);
  const loop = orders.messages();
  await loop.next();
  assert.throws(begin(orders), { code: 'TIDE_STATE', message: /is reading/ });
  await loop.return?.();
  const marking = consumer({ ...byHand, marking: 'explicit' });
  await get(marking, 1);
  assert.throws(begin(marking), { code: 'TIDE_STATE', message: /not marked/ });
  marking.rewind();
  await OffsetCommitContext.begin(marking).rollback();
  const closed = consumer(byHand);
  await closed.close();
  assert.throws(begin(closed), { code: 'TIDE_CLOSED' });
});

test('a commit that is refused rolls back, then throws; onCommitFailure may decide otherwise', async t => {
  const { cluster, consumer } = await setting(t, { client: { retry: { attempts: 2, backoffMs: 1, maxBackoffMs: 1 } } });
  fill(cluster, 6);
  const orders = consumer(byHand);
  const refuse = () => cluster.on(OffsetCommit).failOnce('OFFSET_METADATA_TOO_LARGE');
  const two = async (context: OffsetCommitContext) => context.mark(await get(orders, 2));
  refuse();
  await assert.rejects(withOffsets(orders, two), { code: 'OFFSET_METADATA_TOO_LARGE' });
  assert.equal(orders.position(0), 0);
  assert.deepEqual(stored(cluster, 'audit'), {});

  refuse();
  const failures: [string, number][] = [];
  await withOffsets(orders, two, {
    onCommitFailure: (error, count) => {
      failures.push([(error as Error & { code: string }).code, count]);
      return 'retry';
    },
  });
  assert.deepEqual(failures, [['OFFSET_METADATA_TOO_LARGE', 1]]);
  assert.deepEqual(stored(cluster, 'audit'), { 0: 2 });

  refuse();
  const context = OffsetCommitContext.begin(orders, { onCommitFailure: 'keep' });
  await two(context);
  assert.equal(await context.commit(), false);
  assert.equal(orders.position(0), 4);
  assert.deepEqual(stored(cluster, 'audit'), { 0: 2 });
  assert.equal(await orders.commit(), true);
  assert.deepEqual(stored(cluster, 'audit'), { 0: 4 });
});

test('where Kafka takes some partitions, those stand at their marks, the others where they began, and the error lists both', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 2 } });
  for (const partition of [0, 1]) fill(cluster, 3, { partition });
  const orders = consumer(byHand);
  cluster.on(OffsetCommit, { partition: 1 }).failOnce('OFFSET_METADATA_TOO_LARGE');
  const work = withOffsets(orders, async context => context.mark(await get(orders, 6)));
  await assert.rejects(work, (error: Error & { results?: readonly { partition: number; error: Error | undefined }[] }) => {
    assert.deepEqual(error.results?.map(({ partition, error: why }) => [partition, why === undefined]).sort(), [
      [0, true],
      [1, false],
    ]);
    return true;
  });
  assert.deepEqual(
    [0, 1].map(partition => orders.position(partition)),
    [3, 0],
  );
  assert.deepEqual(stored(cluster, 'audit'), { 0: 3 });
});

test('when nobody knows whether it was stored, all is rolled back, and the next commit states what is true', async t => {
  const { cluster, consumer } = await setting(t, { client: { requestTimeoutMs: 40 } });
  fill(cluster, 4);
  const orders = consumer(byHand);
  await withOffsets(orders, async context => context.mark(await get(orders, 1)));
  let losing = true;
  cluster.on(OffsetCommit, () => losing).dropAnswer(Number.POSITIVE_INFINITY);
  const work = withOffsets(orders, async context => context.mark(await get(orders, 2)), { commitTimeoutMs: 100 });
  await assert.rejects(work, { persistence: 'maybe' });
  losing = false;
  assert.equal(orders.position(0), 1);
  assert.deepEqual(stored(cluster, 'audit'), { 0: 3 }, 'it was');
  const empty = OffsetCommitContext.begin(orders);
  assert.equal(await empty.commit(), true);
  assert.deepEqual(stored(cluster, 'audit'), { 0: 1 });
  assert.deepEqual(offsets(await get(orders, 1)), [1]);
});

test('a position that the policy moves inside a context is where its partition began; older marks do not count', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 2 } });
  for (const partition of [0, 1]) fill(cluster, 4, { partition, perBatch: 1 });
  const orders = consumer({ ...byHand, prefetchBytes: 1, maxPartitionBytes: 1 });
  const context = OffsetCommitContext.begin(orders);
  const first = await get(orders, 2);
  context.mark(first);
  const moved = new Promise(resolve => orders.once('outOfRange', resolve));
  cluster.trim('orders', 0, 3);
  const seen: string[] = [];
  while (!seen.includes('0:3')) seen.push(...places(await get(orders, 1)));
  await moved;
  assert.equal(context.highWaterMark(0), undefined);
  await context.rollback();
  assert.equal(orders.position(0), 3);
  assert.deepEqual(committedSoFar(cluster), []);
});

test('close beside a context waits for its end; a context whose consumer was closed cannot commit', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 4);
  const orders = consumer(byHand);
  const context = OffsetCommitContext.begin(orders);
  context.mark(await get(orders, 2));
  const closing = orders.close();
  await assert.rejects(get(orders, 1), { code: 'TIDE_CLOSED' });
  assert.equal(await context.commit(), true);
  await closing;
  assert.deepEqual(stored(cluster, 'audit'), { 0: 2 });

  const others = consumer(byHand);
  const late = OffsetCommitContext.begin(others);
  late.mark(await get(others, 1));
  await assert.rejects(others.close({ timeoutMs: 20 }), { code: 'TIDE_TIMEOUT' });
  await assert.rejects(late.commit(), { code: 'TIDE_CLOSED' });
  await late.rollback();
});

test('rollbackBackoffMs slows what fails at once, whichever way it fails', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 1);
  const orders = consumer(byHand);
  const work = (fails: boolean, signal: AbortSignal, worked: () => void) =>
    withOffsets(
      orders,
      async context => {
        context.mark(await get(orders, 1));
        worked();
        if (fails) throw new Error('no');
      },
      { rollbackBackoffMs: 600_000, signal },
    );
  for (const fails of [true, false]) {
    const stop = new AbortController();
    if (!fails) cluster.on(OffsetCommit).failOnce('GROUP_AUTHORIZATION_FAILED');
    let isOver = false;
    const worked = deferred();
    const over = assert.rejects(work(fails, stop.signal, worked.resolve), fails ? /no/ : /GROUP_AUTHORIZATION_FAILED/).finally(() => {
      isOver = true;
    });
    await worked.promise;
    await until(() => orders.position(0) === 0); // rolled back
    await elsewhere(cluster);
    assert.equal(isOver, false);
    stop.abort();
    await over;
  }
});

test('a mark by offset for what was done before the context marks nothing in it, also where the log has a gap', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 2);
  cluster.append('orders', 0, [{ value: '5' }], { baseOffset: 5 });
  const orders = consumer(byHand);
  await get(orders, 2);
  const context = OffsetCommitContext.begin(orders);
  assert.deepEqual(offsets(await get(orders, 1)), [5]);
  context.mark(0, 1);
  context.markUpTo(0, 0);
  assert.equal(context.highWaterMark(0), undefined);
  assert.equal(await context.commit(), false);
  assert.deepEqual(committedSoFar(cluster), []);
});

test('a commit that is given up is rolled back, and onCommitFailure is not asked', { timeout: 10_000 }, async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 2);
  const orders = consumer(byHand);
  const context = OffsetCommitContext.begin(orders, { onCommitFailure: 'retry' });
  context.mark(await get(orders, 2));
  const { held, release } = cluster.on(OffsetCommit).hold();
  const stop = new AbortController();
  const committing = context.commit({ signal: stop.signal });
  await held;
  const reason = new Error('enough');
  stop.abort(reason);
  await assert.rejects(committing, reason);
  release();
  assert.equal(orders.position(0), 0);
  const empty = OffsetCommitContext.begin(orders);
  assert.equal(await empty.commit(), true, 'nobody knows what Kafka has: it is stated');
  assert.deepEqual(stored(cluster, 'audit'), { 0: 0 });
});

test('an onCommitFailure that throws rolls back, and its error comes out', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 2);
  const orders = consumer(byHand);
  cluster.on(OffsetCommit).failOnce('OFFSET_METADATA_TOO_LARGE');
  const own = new Error('of the function');
  const onCommitFailure = () => {
    throw own;
  };
  await assert.rejects(
    withOffsets(orders, async context => context.mark(await get(orders, 2)), { onCommitFailure }),
    own,
  );
  assert.equal(orders.position(0), 0);
  assert.deepEqual(offsets(await get(orders, 2)), [0, 1]);
});

test('a read that is pending when its context ends gives nothing, and what it took comes again', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 3);
  const orders = consumer(byHand);
  const context = OffsetCommitContext.begin(orders);
  assert.deepEqual(offsets(await get(orders, 1)), [0]);
  const pending = assert.rejects(get(orders, 5), { code: 'TIDE_STATE', message: /has ended/ });
  await context.rollback();
  await pending;
  await withOffsets(orders, async next => {
    assert.equal(next.attempt, 2);
    assert.deepEqual(offsets(await get(orders, 3)), [0, 1, 2]);
  });
});

test('a commit of the consumer that has still to be sent when a context begins stores nothing of it', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 6);
  const orders = consumer(byHand);
  await get(orders, 1);
  await get(orders, 1); // the first is done
  const { held, release } = cluster.on(OffsetCommit).hold();
  const first = orders.commit();
  await held;
  const second = orders.commit(); // waits for its turn
  const context = OffsetCommitContext.begin(orders);
  context.mark(await get(orders, 3));
  release();
  await Promise.all([first, second]);
  assert.deepEqual(committedSoFar(cluster), ['0:1', '0:2']);
  await context.rollback();
  assert.deepEqual(offsets(await get(orders, 1)), [2]);
});

test('the first read of a consumer may be in a context: what was marked is read again from memory', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 6, { perBatch: 1 });
  const orders = consumer(byHand);
  const context = OffsetCommitContext.begin(orders);
  context.mark(await get(orders, 4));
  context.mark(await get(orders, 1));
  await context.rollback();
  assert.deepEqual(offsets(await get(orders, 5)), [0, 1, 2, 3, 4]);
  const asked = cluster.requests(Fetch).filter(({ body }) => body.topics[0]?.partitions[0]?.fetchOffset === 0);
  assert.equal(asked.length, 1);
});

test('one attempt without an answer makes the outcome unknown, however the last one failed', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 4);
  const orders = consumer(byHand);
  cluster.on(OffsetCommit).dropAnswer(1);
  let seen = 0;
  cluster.on(OffsetCommit, () => ++seen > 1).failOnce('OFFSET_METADATA_TOO_LARGE');
  const work = withOffsets(orders, async context => context.mark(await get(orders, 2)));
  await assert.rejects(work, { code: 'OFFSET_METADATA_TOO_LARGE', persistence: 'maybe' });
  assert.deepEqual(stored(cluster, 'audit'), { 0: 2 }, 'by the first');
  assert.equal(await OffsetCommitContext.begin(orders).commit(), true);
  assert.deepEqual(stored(cluster, 'audit'), { 0: 0 });
});
