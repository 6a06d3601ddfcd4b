import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { deferred } from '../../src/base/wait.js';
import { withTransaction } from '../../src/producer/index.js';
import { AddPartitionsToTxn, EndTxn, InitProducerId, Metadata, Produce, TxnOffsetCommit } from '../../src/protocol/index.js';
import { quiet } from './setting.js';
import { setting, versions } from './transactions-setting.js';

const toFirst = (value: string) => ({ topic: 'orders', partition: 0, value });
const toSecond = (value: string) => ({ topic: 'orders', partition: 1, value });
const offsets = [{ topic: 'orders', partition: 0, offset: 5 }];
const ignored = () => {};

for (const [name, options] of versions) {
  for (const how of ['time', 'signal'] as const) {
    test(`transactions ${name}: an abort that ran out of ${how} is made up for by the next begin()`, async t => {
      const { cluster, seen, producer } = await setting(t, options);
      const orders = producer();
      await orders.begin();
      await orders.send(toFirst('never'));
      const hold = cluster.on(Produce).hold();
      orders.send(toSecond('never')).catch(ignored);
      await hold.held;
      if (how === 'time') await assert.rejects(orders.abort({ timeoutMs: 1 }), { code: 'TIDE_TIMEOUT', persistence: 'maybe' });
      else {
        const stop = new AbortController();
        const aborted = orders.abort({ signal: stop.signal });
        stop.abort(new Error('mine'));
        await assert.rejects(aborted, /^Error: mine$/);
      }
      await assert.rejects(orders.begin({ timeoutMs: 1 }), { code: 'TIDE_TIMEOUT' });
      const begun = orders.begin();
      await quiet(cluster);
      assert.equal(orders.inTransaction, false, 'it waits for what is on its way');
      hold.release();
      await begun;
      await orders.sendMany([toFirst('good'), toSecond('good')]);
      await orders.commit();
      assert.deepEqual([await seen('orders', 0), await seen('orders', 1)], [['good'], ['good']]);
    });
  }

  test(`transactions ${name}: a record whose serialiser still works belongs to what is committed`, async t => {
    const { seen, producer } = await setting(t, options);
    let made: (value: string) => void = ignored;
    const orders = producer({
      valueSerializer: () =>
        new Promise<string>(resolve => {
          made = resolve;
        }),
    });
    const given = deferred<Promise<unknown>[]>();
    const done = withTransaction(orders, tx => given.resolve([tx.send(toFirst('x'))]));
    const [sent] = await given.promise;
    await turn(); // on to the commit
    await assert.rejects(orders.begin(), { code: 'TIDE_STATE', message: /is being committed/ });
    made('a');
    await done;
    await sent;
    assert.deepEqual(await seen('orders', 0), ['a']);
  });

  test(`transactions ${name}: sendOffsets() that is not awaited is waited for`, async t => {
    const { cluster, producer } = await setting(t, options);
    const orders = producer();
    cluster.on(TxnOffsetCommit).failOnce('COORDINATOR_LOAD_IN_PROGRESS');
    let stored: Promise<void> = Promise.resolve();
    await withTransaction(orders, async tx => {
      await tx.send(toFirst('a'));
      stored = tx.sendOffsets('readers', offsets);
    });
    assert.equal(cluster.committed('readers').get('orders/0')?.offset, 5);
    await stored;
    await withTransaction(orders, tx => tx.send(toFirst('b')));
  });

  test(`transactions ${name}: sendOffsets() that is refused and not awaited lets nothing be committed`, async t => {
    const { cluster, seen, producer } = await setting(t, options);
    const orders = producer();
    cluster.on(TxnOffsetCommit).failOnce('GROUP_AUTHORIZATION_FAILED');
    const failing = withTransaction(orders, async tx => {
      await tx.send(toFirst('never'));
      tx.sendOffsets('readers', offsets).catch(ignored);
    });
    await assert.rejects(failing, { code: 'TIDE_STATE', persistence: 'no' });
    await withTransaction(orders, tx => tx.send(toFirst('good')));
    assert.deepEqual([await seen('orders', 0), cluster.committed('readers').size], [['good'], 0]);
  });

  test(`transactions ${name}: an abort does not overtake sendOffsets(), and lets it not be tried again`, async t => {
    const { cluster, seen, producer } = await setting(t, options);
    const orders = producer();
    await orders.begin();
    await orders.send(toFirst('never'));
    const hold = cluster.on(TxnOffsetCommit).hold();
    const stored = orders.sendOffsets('readers', offsets);
    await hold.held;
    const aborted = orders.abort();
    await quiet(cluster);
    assert.equal(cluster.requests(EndTxn).length, 0);
    hold.release();
    await Promise.all([stored, aborted]);

    await orders.begin();
    cluster.on(TxnOffsetCommit).failTimes(Number.POSITIVE_INFINITY, 'COORDINATOR_LOAD_IN_PROGRESS');
    const arrived = cluster.nextRequest(TxnOffsetCommit);
    const refused = assert.rejects(orders.sendOffsets('readers', offsets), { persistence: 'no' });
    await arrived;
    await orders.abort();
    await refused;
    await withTransaction(orders, tx => tx.send(toFirst('good')));
    assert.deepEqual([await seen('orders', 0), cluster.committed('readers').size], [['good'], 0]);
  });

  test(`transactions ${name}: a commit that close() cuts off is in doubt; one that ends in time is waited for`, async t => {
    const { cluster, producer } = await setting(t, options);
    for (const inTime of [false, true]) {
      const orders = producer({ transactionalId: `billing-${inTime}` });
      await orders.begin();
      await orders.send(toFirst('a'));
      const hold = cluster.on(EndTxn).hold();
      const committed = orders.commit({ signal: new AbortController().signal });
      const doubted = inTime ? committed : assert.rejects(committed, { code: 'TIDE_CLOSED', persistence: 'maybe' });
      await hold.held;
      const closed = orders.close({ timeoutMs: inTime ? null : 1 });
      if (!inTime) await closed;
      hold.release();
      await Promise.all([doubted, closed]);
    }
  });

  test(`transactions ${name}: work that caught that the next could not begin has not succeeded`, async t => {
    const { cluster, seen, once } = await setting(t, options);
    const orders = once();
    cluster.on(EndTxn).drop(2);
    await withTransaction(orders, async tx => {
      await tx.send(toFirst('a'));
      await assert.rejects(tx.commit({ timeoutMs: 1000 }), { persistence: 'maybe' });
      await assert.rejects(tx.begin({ timeoutMs: 1000 }), { persistence: 'maybe' });
    });
    assert.deepEqual(await seen('orders', 0), ['a'], 'it was asked for again');
  });

  test(`transactions ${name}: an open transaction is aborted by close(), and holds nobody up`, async t => {
    const { client, cluster, seen, producer } = await setting(t, options);
    const orders = producer();
    await orders.begin();
    await orders.send(toFirst('open'));
    await orders.close();
    assert.deepEqual(
      cluster.requests(EndTxn).map(({ body }) => body.committed),
      [false],
    );
    const other = producer({ transactionalId: undefined });
    await other.send(toFirst('plain'));
    assert.deepEqual(await seen('orders', 0), ['plain']);
    await client.close();
  });

  test(`transactions ${name}: an id that the coordinator has forgotten is asked for anew`, async t => {
    const { cluster, seen, producer } = await setting(t, options);
    const orders = producer();
    await withTransaction(orders, tx => tx.send(toFirst('a')));
    const before = cluster.requests(InitProducerId).length;
    let isGone = true;
    if (options.transactionVersion === 1) cluster.on(AddPartitionsToTxn).failOnce('INVALID_PRODUCER_ID_MAPPING');
    else cluster.on(Produce).failOnce('INVALID_PRODUCER_ID_MAPPING');
    cluster.on(EndTxn, () => isGone).failTimes(Number.POSITIVE_INFINITY, 'INVALID_PRODUCER_ID_MAPPING');
    await assert.rejects(
      withTransaction(orders, tx => tx.send(toFirst('never'))),
      { code: 'INVALID_PRODUCER_ID_MAPPING' },
    );
    await withTransaction(orders, tx => {
      isGone = false;
      return tx.send(toFirst('b'));
    });
    assert.equal(cluster.requests(InitProducerId).length, before + 1);
    assert.deepEqual(await seen('orders', 0), ['a', 'b']);
    cluster.on(EndTxn).failTimes(2, 'INVALID_PRODUCER_ID_MAPPING');
    await assert.rejects(
      withTransaction(orders, tx => tx.send(toFirst('never'))),
      { code: 'INVALID_PRODUCER_ID_MAPPING', persistence: 'no' },
    );
  });

  test(`transactions ${name}: an abort that is refused can be asked for again`, async t => {
    const { cluster, seen, producer } = await setting(t, options);
    const orders = producer();
    await orders.begin();
    await orders.send(toFirst('never'));
    cluster.on(EndTxn).failOnce('TRANSACTIONAL_ID_AUTHORIZATION_FAILED');
    await assert.rejects(orders.abort(), { code: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED', persistence: 'no' });
    await assert.rejects(orders.commit(), { code: 'TIDE_STATE', message: /abort\(\) it/ });
    await orders.abort();
    await withTransaction(orders, tx => tx.send(toFirst('good')));
    assert.deepEqual(await seen('orders', 0), ['good']);
  });

  test(`transactions ${name}: who is fenced learns of it by a record, as TIDE_FENCED everywhere`, async t => {
    const { producer } = await setting(t, options);
    const fenced = { code: 'TIDE_FENCED' };
    const [older, newer] = [producer(), producer()];
    const failing = withTransaction(older, async tx => {
      await tx.send(toFirst('1'));
      await newer.begin();
      await newer.send(toFirst('2'));
      await assert.rejects(tx.send(toFirst('3')), fenced);
      await tx.send(toFirst('4'));
    });
    await assert.rejects(failing, fenced);
    await assert.rejects(older.commit(), fenced);
    await newer.abort();

    const [first, second] = [producer(), producer()];
    await first.begin();
    await second.begin();
    const sent = assert.rejects(first.send(toFirst('5')), fenced);
    await assert.rejects(first.commit(), fenced);
    await sent;
  });
}

test('transactions: each record that is refused lets nothing be committed', async t => {
  const { cluster, seen, producer } = await setting(t);
  const orders = producer({
    maxRequestBytes: 2000,
    valueSerializer: value => {
      if (value === 'throws') throw new Error('boom');
      return value === 'rejects' ? Promise.reject(new Error('boom')) : value;
    },
  });
  const plain = producer({ maxRequestBytes: 2000, transactionalId: 'plain' });
  const stop = new AbortController();
  const large = 'x'.repeat(5000);
  const refusals: readonly (readonly [what: string, send: (by: typeof orders) => Promise<unknown>])[] = [
    ['too large', by => by.send(toFirst(large))],
    ['no topic', by => by.send({ topic: '', partition: 0, value: 'x' })],
    ['no such partition', by => by.send({ topic: 'orders', partition: 9, value: 'x' })],
    ['one of many', by => by.sendMany([toFirst('x'), toFirst(large)])],
    ['no list', by => by.sendMany('x' as never)],
    ['one of the values', by => by.sendMessages('orders', 'k', 'x', large)],
    ['a signal that is aborted', by => by.send(toFirst('x'), { signal: AbortSignal.abort() })],
    [
      'a signal that is aborted while the topic is looked for',
      by => {
        cluster.on(Metadata, () => !stop.signal.aborted).failTimes(Number.POSITIVE_INFINITY, 'LEADER_NOT_AVAILABLE');
        const sent = by.send({ topic: 'bills', key: 'k', value: 'x' }, { signal: stop.signal });
        stop.abort();
        return sent;
      },
    ],
  ];
  const serialising: typeof refusals = [
    ['a serialiser that throws', by => by.send(toFirst('throws'))],
    ['a serialiser that rejects', by => by.send(toFirst('rejects'))],
  ];
  for (const [by, each] of [
    [plain, refusals],
    [orders, [...refusals, ...serialising]],
  ] as const) {
    for (const [what, send] of each) {
      await by.begin();
      const [good, refused] = [by.send(toFirst('never')), send(by)];
      const committed = by.commit();
      await assert.rejects(committed, { code: 'TIDE_STATE', message: /abort\(\) it/ }, what);
      await assert.rejects(refused, what);
      await good.catch(ignored);
      await by.abort();
    }
    await withTransaction(by, tx => tx.send(toFirst('good')));
  }
  assert.deepEqual([await seen('orders', 0), await seen('orders', 1)], [['good', 'good'], []]);
});

test('transactions: begin() that fails once the one before was aborted leaves no success behind', async t => {
  const { cluster, seen, once } = await setting(t, { transactionVersion: 1 });
  const orders = once();
  cluster.on(EndTxn).drop(1);
  const failing = withTransaction(orders, async tx => {
    await tx.send(toFirst('never'));
    await assert.rejects(tx.commit({ timeoutMs: 1000 }), { persistence: 'maybe' });
    cluster.on(InitProducerId).drop(1);
    await assert.rejects(tx.begin({ timeoutMs: 1000 }));
  });
  await assert.rejects(failing, { code: 'TIDE_STATE' });
  await withTransaction(orders, tx => tx.send(toFirst('good')));
  assert.deepEqual(await seen('orders', 0), ['good']);
});

test('transactions: an abort ends the wait for partitions that are added, within its time', { timeout: 20_000 }, async t => {
  const { cluster, seen, producer } = await setting(t, { transactionVersion: 1 });
  const orders = producer();
  await orders.begin();
  let over = false;
  cluster.on(AddPartitionsToTxn, () => !over).failTimes(Number.POSITIVE_INFINITY, 'COORDINATOR_LOAD_IN_PROGRESS');
  const arrived = cluster.nextRequest(AddPartitionsToTxn);
  const sent = assert.rejects(orders.send(toFirst('never')), { code: 'TIDE_STATE', persistence: 'no' });
  await arrived;
  await orders.abort();
  await sent;
  over = true;

  await orders.begin();
  const hold = cluster.on(AddPartitionsToTxn).hold();
  orders.send(toFirst('never')).catch(ignored);
  await hold.held;
  await assert.rejects(orders.abort({ timeoutMs: 1 }), { code: 'TIDE_TIMEOUT', persistence: 'maybe' });
  hold.release();
  await withTransaction(orders, tx => tx.send(toFirst('good')));
  assert.deepEqual(await seen('orders', 0), ['good']);
});

test('transactions: begin() waits for an abort that is under way', async t => {
  const { cluster, seen, producer } = await setting(t);
  const orders = producer();
  await orders.begin();
  await orders.send(toFirst('never'));
  const hold = cluster.on(EndTxn).hold();
  const aborted = orders.abort();
  await hold.held;
  const begun = orders.begin();
  hold.release();
  await Promise.all([aborted, begun]);
  await orders.send(toFirst('good'));
  await orders.commit();
  assert.deepEqual(await seen('orders', 0), ['good']);
});

test('transactions: a member is not left out where brokers cannot check it', async t => {
  const { cluster, producer } = await setting(t, { transactionVersion: 1 });
  cluster.limitVersions(TxnOffsetCommit, 2);
  const orders = producer();
  const member = { groupId: 'readers', generationId: 99, memberId: 'ghost' };
  await assert.rejects(
    withTransaction(orders, tx => tx.sendOffsets(member, offsets)),
    { code: 'TIDE_UNSUPPORTED', persistence: 'no', message: /Kafka 2\.5/ },
  );
  assert.equal(cluster.committed('readers').size, 0);
  await withTransaction(orders, tx => tx.sendOffsets('readers', offsets));
  assert.equal(cluster.committed('readers').get('orders/0')?.offset, 5);
});
