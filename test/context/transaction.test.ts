import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { SimpleConsumer } from '../../src/consumer/index.js';
import { type ContextOptions, OffsetCommitContext, withOffsets } from '../../src/context/index.js';
import type { EmbeddedClusterOptions } from '../../src/embedded/index.js';
import { KeyedProducer } from '../../src/producer/index.js';
import {
  AddOffsetsToTxn,
  DescribeGroups,
  EndTxn,
  InitProducerId,
  OffsetCommit,
  Produce,
  TxnOffsetCommit,
} from '../../src/protocol/index.js';
import type { Message } from '../../src/records/index.js';
import { rejection } from '../client/setting.js';
import { elsewhere, fill, get, offsets, setting, stored } from '../consumer/setting.js';

/** A consumer of "orders" with ten messages, and a producer that writes to "bills" in transactions. */
async function transactional(t: TestContext, options: EmbeddedClusterOptions = {}) {
  const given = await setting(t, { topics: { orders: 1, bills: 1 }, ...options });
  fill(given.cluster, 10);
  const consumer = given.consumer({ groupId: 'billing', autoCommit: false });
  const producer = new KeyedProducer(given.client, { transactionalId: 'billing' });
  /** What one context does with the next `count` messages. */
  const bill = (count: number, also?: (messages: readonly Message[]) => unknown, contextOptions?: ContextOptions) =>
    withOffsets(
      consumer,
      async context => {
        const messages = await get(consumer, count);
        const records = messages.map(({ offset, value }) => ({ topic: 'bills', key: `${offset}`, value }));
        await producer.sendMany(records);
        context.mark(messages);
        await also?.(messages);
        return context.attempt;
      },
      { producer, ...contextOptions },
    );
  return { ...given, consumer, producer, bill };
}

/** What somebody reads in "bills" who sees only what is committed. */
async function bills(t: TestContext, brokers: readonly string[]): Promise<number[]> {
  const client = new KafkaClient({ brokers: [...brokers] });
  t.after(() => client.close());
  const reader = new SimpleConsumer(client, { topic: 'bills', isolation: 'read_committed' });
  const keys: number[] = [];
  for (
    let batch = await reader.getMessages(100, { block: false });
    batch.length > 0;
    batch = await reader.getMessages(100, { block: false })
  )
    for (const message of batch) keys.push(Number(message.key?.toString()));
  return keys;
}

const to = (end: number): number[] => Array.from({ length: end }, (_, i) => i);

for (const transactionVersion of [1, 2] as const) {
  test(`what is sent and the offsets are committed together (transaction.version ${transactionVersion})`, async t => {
    const { cluster, consumer, producer, bill } = await transactional(t, { transactionVersion });
    assert.equal(await bill(4), 1);
    assert.deepEqual([stored(cluster, 'billing'), await bills(t, cluster.brokers)], [{ 0: 4 }, to(4)]);
    assert.equal(producer.inTransaction, false);
    await bill(6);
    assert.deepEqual([stored(cluster, 'billing'), await bills(t, cluster.brokers)], [{ 0: 10 }, to(10)]);
    assert.equal(cluster.requests(OffsetCommit).length, 0);
    assert.equal(await consumer.commit(), false, 'it knows what is stored');
  });

  test(`a throw aborts what was sent, and puts the consumer back (transaction.version ${transactionVersion})`, async t => {
    const { cluster, producer, bill } = await transactional(t, { transactionVersion });
    const failure = new Error('the work failed');
    for (const _ of [1, 2]) {
      const failing = bill(4, () => {
        throw failure;
      });
      await assert.rejects(failing, failure);
      assert.equal(producer.inTransaction, false);
    }
    assert.deepEqual([stored(cluster, 'billing'), await bills(t, cluster.brokers)], [{}, []]);
    assert.equal(await bill(10), 3, 'the third attempt');
    assert.deepEqual([stored(cluster, 'billing'), await bills(t, cluster.brokers)], [{ 0: 10 }, to(10)]);
  });

  test(`a commit nobody knows the end of is settled by the next context (transaction.version ${transactionVersion})`, async t => {
    for (const isStored of [true, false]) {
      const { cluster, bill } = await transactional(t, { transactionVersion });
      let isOver = false;
      const fault = cluster.on(EndTxn, () => !isOver);
      if (isStored) fault.dropAnswer(Number.POSITIVE_INFINITY);
      else fault.drop(Number.POSITIVE_INFINITY);
      const error = await rejection(bill(4, undefined, { commitTimeoutMs: 100 }));
      assert.equal(error.persistence, 'maybe', error.message);
      isOver = true;
      await bill(isStored ? 6 : 10, messages => assert.equal(messages[0]?.offset, isStored ? 4 : 0));
      assert.deepEqual([stored(cluster, 'billing'), await bills(t, cluster.brokers)], [{ 0: 10 }, to(10)]);
    }
  });
}

test('a process that follows another begins behind what that has committed meanwhile', async t => {
  const { cluster, client, consumer, bill } = await transactional(t);
  const hold = cluster.on(EndTxn).hold();
  const first = bill(4); // sent, and about to be committed
  await hold.held;
  const next = new KafkaClient({ brokers: cluster.brokers, retry: { backoffMs: 5, maxBackoffMs: 20 } });
  t.after(() => next.close());
  const follower = new SimpleConsumer(next, { topic: 'orders', groupId: 'billing', autoCommit: false });
  const producer = new KeyedProducer(next, { transactionalId: 'billing' });
  hold.release();
  await first;
  await follower.seek(0, 1); // where it stands is known from here on
  assert.equal(follower.position(0), 4);
  await bill(2);
  assert.deepEqual(stored(cluster, 'billing'), { 0: 6 });
  await withOffsets(
    follower,
    async context => {
      const messages = await get(follower, 4);
      assert.deepEqual(offsets(messages), [6, 7, 8, 9]);
      await producer.sendMany(messages.map(({ offset, value }) => ({ topic: 'bills', key: `${offset}`, value })));
      context.mark(messages);
    },
    { producer },
  );
  assert.deepEqual([stored(cluster, 'billing'), await bills(t, cluster.brokers)], [{ 0: 10 }, to(10)]);
  for (const _ of [1, 2]) assert.equal((await rejection(bill(1))).code, 'TIDE_FENCED');
  assert.deepEqual([stored(cluster, 'billing'), await bills(t, cluster.brokers)], [{ 0: 10 }, to(10)]);
  await consumer.close();
  await client.close();
});

test('a seek of the user stays, whatever is stored', async t => {
  const { cluster, consumer, bill } = await transactional(t);
  await bill(6);
  await consumer.seek(2);
  await bill(3, messages => assert.deepEqual(offsets(messages), [2, 3, 4]));
  assert.deepEqual(stored(cluster, 'billing'), { 0: 5 });
});

test('without marks what was sent is committed, and no offsets are', async t => {
  const { cluster, consumer, producer } = await transactional(t);
  const context = await OffsetCommitContext.begin(consumer, { producer });
  await producer.send({ topic: 'bills', key: '7', value: 'x' });
  await get(consumer, 3);
  assert.equal(await context.commit(), false);
  assert.deepEqual(await bills(t, cluster.brokers), [7]);
  assert.equal(cluster.requests(TxnOffsetCommit).length + cluster.requests(AddOffsetsToTxn).length, 0);
  assert.deepEqual(offsets(await get(consumer, 3)), [0, 1, 2]);
});

test('await using aborts unless it was committed', async t => {
  const { cluster, consumer, producer } = await transactional(t);
  {
    await using context = await OffsetCommitContext.begin(consumer, { producer });
    await producer.send({ topic: 'bills', key: '0', value: 'x' });
    context.mark(await get(consumer, 1));
  }
  assert.equal(producer.inTransaction, false);
  assert.deepEqual([stored(cluster, 'billing'), await bills(t, cluster.brokers)], [{}, []]);
});

test('a record that cannot be stored fails the whole context', async t => {
  const { cluster, bill, producer } = await transactional(t);
  const failing = bill(2, () => {
    producer.send({ topic: 'bills', key: 'k', value: 'x', partition: 9 }).catch(() => {});
  });
  const error = await rejection(failing);
  assert.equal(error.code, 'TIDE_STATE');
  assert.match(error.message, /the transaction has failed: abort\(\) it.*bills\/9|cannot be committed/);
  assert.deepEqual([stored(cluster, 'billing'), await bills(t, cluster.brokers)], [{}, []]);
  assert.equal(await bill(10), 2);
  assert.deepEqual([stored(cluster, 'billing'), await bills(t, cluster.brokers)], [{ 0: 10 }, to(10)]);
});

test('a group with members refuses the context, and nothing is stored', async t => {
  const { cluster, bill } = await transactional(t);
  const members = { protocolType: 'consumer', protocolData: '', members: [] };
  cluster.on(DescribeGroups).answer(({ body }) => ({
    groups: body.groups.map(groupId => ({ errorCode: 0, groupId, groupState: 'Stable', ...members })),
  }));
  const error = await rejection(bill(2));
  assert.deepEqual([error.code, error.persistence], ['TIDE_GROUP_IN_USE', 'no']);
  assert.deepEqual([stored(cluster, 'billing'), await bills(t, cluster.brokers)], [{}, []]);
});

test('a group that nobody could be asked about refuses the context: nothing was to be stored yet', async t => {
  const { cluster, bill } = await transactional(t);
  let isOver = false;
  cluster.on(DescribeGroups, () => !isOver).drop(Number.POSITIVE_INFINITY);
  assert.equal((await rejection(bill(2, undefined, { commitTimeoutMs: 50 }))).persistence, 'no');
  isOver = true;
  await bill(10);
  assert.deepEqual([stored(cluster, 'billing'), await bills(t, cluster.brokers)], [{ 0: 10 }, to(10)]);
});

for (const transactionVersion of [1, 2] as const) {
  test(`a rollback whose abort ran out of time leaves nothing to the next context (transaction.version ${transactionVersion})`, async t => {
    const { cluster, producer, bill } = await transactional(t, { transactionVersion });
    const hold = cluster.on(Produce, { topic: 'orders' }).hold();
    const failing = bill(
      4,
      async () => {
        producer.send({ topic: 'orders', partition: 0, value: 'never' }).catch(() => {});
        await hold.held;
        throw new Error('the work failed');
      },
      { commitTimeoutMs: 50 },
    );
    await assert.rejects(failing, /^Error: the work failed$/);
    assert.equal(producer.inTransaction, false);
    hold.release();
    await bill(10, messages => assert.deepEqual(offsets(messages), to(10)));
    assert.deepEqual([stored(cluster, 'billing'), await bills(t, cluster.brokers)], [{ 0: 10 }, to(10)]);
  });
}

test('a signal ends the wait for a transaction that begins', { timeout: 20_000 }, async t => {
  const { cluster, consumer, producer, bill } = await transactional(t);
  const hold = cluster.on(InitProducerId).hold();
  const stop = new AbortController();
  const begun = OffsetCommitContext.begin(consumer, { producer, signal: stop.signal });
  await hold.held;
  stop.abort(new Error('mine'));
  await assert.rejects(begun, /^Error: mine$/);
  hold.release();
  assert.equal(await bill(10), 1);
  assert.deepEqual([stored(cluster, 'billing'), await bills(t, cluster.brokers)], [{ 0: 10 }, to(10)]);
});

test('a signal ends the wait for an abort, which the next context waits for', { timeout: 20_000 }, async t => {
  const { cluster, consumer, producer, bill } = await transactional(t);
  for (const how of ['commit', 'rollback'] as const) {
    const stop = new AbortController();
    const context = await OffsetCommitContext.begin(consumer, { producer, signal: how === 'commit' ? undefined : stop.signal });
    context.mark(await get(consumer, 4));
    const hold = cluster.on(Produce).hold();
    producer.send({ topic: 'bills', key: '99', value: 'never' }).catch(() => {});
    await hold.held;
    const ended = how === 'commit' ? context.commit({ signal: stop.signal }) : context.rollback();
    stop.abort(new Error('mine'));
    await (how === 'commit' ? assert.rejects(ended, /^Error: mine$/) : ended);
    assert.equal(cluster.requests(EndTxn).filter(({ body }) => !body.committed).length, how === 'commit' ? 0 : 1);
    const next = bill(5, messages => assert.equal(messages[0]?.offset, how === 'commit' ? 0 : 5));
    hold.release();
    await next;
  }
  assert.deepEqual([stored(cluster, 'billing'), await bills(t, cluster.brokers)], [{ 0: 10 }, to(10)]);
});

test('a context whose transaction cannot begin leaves the consumer as it was', async t => {
  const { cluster, consumer, producer, bill } = await transactional(t);
  await producer.begin();
  const error = await rejection(bill(2));
  assert.deepEqual([error.code, error.message], ['TIDE_STATE', 'begin(): a transaction is open: commit() or abort() it first']);
  assert.equal(producer.inTransaction, true);
  await producer.abort();
  assert.equal(await bill(2), 1);
  const hold = cluster.on(InitProducerId).hold();
  const other = new KeyedProducer(new KafkaClient({ brokers: cluster.brokers }), { transactionalId: 'other' });
  const begun = rejection(OffsetCommitContext.begin(consumer, { producer: other, commitTimeoutMs: 50 }));
  await hold.held;
  await assert.rejects(get(consumer, 1), { code: 'TIDE_STATE' });
  assert.equal((await begun).code, 'TIDE_TIMEOUT');
  hold.release();
  await elsewhere(cluster);
  assert.deepEqual(offsets(await get(consumer, 1)), [2]);
});

test('what does not go together is refused', async t => {
  const { client, consumer, producer } = await transactional(t);
  const plain = new KeyedProducer(client);
  const refused: [options: unknown, message: RegExp][] = [
    [{ producer: plain }, /"producer" must be a SimpleProducer or KeyedProducer with a transactionalId, got an object/],
    [{ producer: 'billing' }, /"producer" must be a SimpleProducer or KeyedProducer with a transactionalId, got "billing"/],
    [{ producer, onCommitFailure: 'keep' }, /onCommitFailure must be "rollback" with a producer/],
    [{ producer, onCommitFailure: () => 'retry' }, /onCommitFailure must be "rollback" with a producer/],
  ];
  for (const [options, message] of refused) {
    const error = await rejection(withOffsets(consumer, () => assert.fail(), options as ContextOptions));
    assert.equal(error.code, 'TIDE_OPTION');
    assert.match(error.message, message);
  }
});
