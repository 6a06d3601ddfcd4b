import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyedProducer, withTransaction } from '../../src/producer/index.js';
import { AddPartitionsToTxn, EndTxn, InitProducerId, Produce, TxnOffsetCommit } from '../../src/protocol/index.js';
import { setting, versions } from './transactions-setting.js';

for (const [name, options] of versions) {
  test(`transactions ${name}: what is committed is seen as a whole, what is aborted never`, async t => {
    const { cluster, seen, producer } = await setting(t, options);
    const orders = producer();
    await orders.begin();
    await orders.sendMany([
      { topic: 'orders', partition: 0, value: 'a' },
      { topic: 'bills', partition: 1, value: 'b' },
    ]);
    assert.deepEqual([await seen('orders', 0), await seen('bills', 1)], [[], []]);
    await orders.commit();
    assert.deepEqual([await seen('orders', 0), await seen('bills', 1)], [['a'], ['b']]);

    await orders.begin();
    await orders.send({ topic: 'orders', partition: 0, value: 'never' });
    await orders.abort();
    await orders.begin();
    await orders.send({ topic: 'orders', partition: 0, value: 'c' });
    await orders.commit();
    assert.deepEqual(await seen('orders', 0), ['a', 'c']);
    const added = cluster.requests(AddPartitionsToTxn).length;
    assert.equal(added, options.transactionVersion === 1 ? 3 : 0);
  });

  test(`transactions ${name}: offsets count when it is committed`, async t => {
    const { client, producer } = await setting(t, options);
    const orders = producer();
    const group = client.offsetCoordinator({ groupId: 'readers' });
    await withTransaction(orders, async tx => {
      await tx.send({ topic: 'bills', partition: 0, value: 'b' });
      await tx.sendOffsets('readers', [{ topic: 'orders', partition: 1, offset: 7, metadata: 'note' }]);
    });
    assert.deepEqual([(await group.offset('orders', 1))?.offset, (await group.offset('orders', 1))?.metadata], [7, 'note']);
    await assert.rejects(
      withTransaction(orders, async tx => {
        await tx.sendOffsets('readers', [{ topic: 'orders', partition: 1, offset: 9 }]);
        throw new Error('no');
      }),
      /^Error: no$/,
    );
    assert.equal((await group.offset('orders', 1))?.offset, 7);
  });

  test(`transactions ${name}: a record that was not stored lets nothing be committed; the next transaction is sound`, async t => {
    const { cluster, seen, producer } = await setting(t, options);
    const orders = producer({ retry: { attempts: 2 } });
    await orders.begin();
    cluster.on(Produce, { partition: 0 }).failOnce('TOPIC_AUTHORIZATION_FAILED');
    const results = await Promise.allSettled([
      orders.send({ topic: 'orders', partition: 0, value: 'lost' }),
      orders.send({ topic: 'orders', partition: 1, value: 'kept back' }),
    ]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['rejected', 'fulfilled'],
    );
    await assert.rejects(orders.send({ topic: 'orders', partition: 1, value: 'x' }), { code: 'TIDE_STATE', message: /abort\(\) it/ });
    await assert.rejects(orders.commit(), { code: 'TIDE_STATE', message: /abort\(\) it/ });
    await orders.abort();
    await withTransaction(orders, tx => tx.sendMany([0, 1].map(partition => ({ topic: 'orders', partition, value: `good ${partition}` }))));
    assert.deepEqual([await seen('orders', 0), await seen('orders', 1)], [['good 0'], ['good 1']]);
  });

  test(`transactions ${name}: a newer producer with the same id fences the older`, async t => {
    const { seen, producer } = await setting(t, options);
    const older = producer();
    const newer = producer();
    await older.begin();
    await older.send({ topic: 'orders', partition: 0, value: 'zombie' });
    await newer.begin();
    await newer.send({ topic: 'orders', partition: 0, value: 'alive' });
    await assert.rejects(older.commit(), { code: 'TIDE_FENCED' });
    await assert.rejects(older.begin(), { code: 'TIDE_FENCED' });
    await assert.rejects(older.send({ topic: 'orders', partition: 0, value: 'x' }), { code: 'TIDE_FENCED' });
    await newer.commit();
    assert.deepEqual(await seen('orders', 0), ['alive']);
    await older.close();
  });

  test(`transactions ${name}: an answer to the commit that was lost is asked for again`, async t => {
    const { cluster, seen, producer } = await setting(t, options);
    const orders = producer();
    await orders.begin();
    await orders.send({ topic: 'orders', partition: 0, value: 'a' });
    cluster.on(EndTxn).dropAnswer(1);
    await orders.commit();
    await withTransaction(orders, tx => tx.send({ topic: 'orders', partition: 0, value: 'b' }));
    assert.deepEqual(await seen('orders', 0), ['a', 'b']);
  });

  test(`transactions ${name}: a coordinator that is busy is asked again`, async t => {
    const { cluster, seen, producer } = await setting(t, options);
    const orders = producer();
    cluster.on(InitProducerId).failTimes(3, 'CONCURRENT_TRANSACTIONS');
    cluster.on(EndTxn).failTimes(3, 'COORDINATOR_LOAD_IN_PROGRESS');
    cluster.on(TxnOffsetCommit).failTimes(3, 'NOT_COORDINATOR');
    await withTransaction(orders, async tx => {
      await tx.send({ topic: 'orders', partition: 0, value: 'a' });
      await tx.sendOffsets({ groupId: 'readers' }, [{ topic: 'orders', partition: 1, offset: 7 }]);
    });
    assert.deepEqual(await seen('orders', 0), ['a']);
  });
}

for (const [name, options] of versions) {
  test(`transactions ${name}: work that caught that it was fenced has not succeeded`, async t => {
    const { seen, producer } = await setting(t, options);
    const [older, newer] = [producer(), producer()];
    await assert.rejects(
      withTransaction(older, async tx => {
        await tx.send({ topic: 'orders', partition: 0, value: 'older' });
        await withTransaction(newer, other => other.send({ topic: 'orders', partition: 0, value: 'newer' }));
        await assert.rejects(tx.send({ topic: 'bills', partition: 0, value: 'late' }));
      }),
    );
    await assert.rejects(older.begin(), { code: 'TIDE_FENCED' });
    assert.deepEqual([await seen('orders', 0), await seen('bills', 0)], [['newer'], []]);
  });

  test(`transactions ${name}: work that caught that nobody knows how its commit ended is committed after all`, async t => {
    const { cluster, seen, once } = await setting(t, options);
    const producer = once();
    cluster.on(EndTxn).drop();
    await withTransaction(producer, async tx => {
      await tx.send({ topic: 'orders', partition: 0, value: 'a' });
      await assert.rejects(tx.commit({ timeoutMs: 1000 }), { persistence: 'maybe' });
    });
    assert.deepEqual(await seen('orders', 0), ['a']);
    await withTransaction(producer, async tx => {
      await tx.send({ topic: 'orders', partition: 0, value: 'never' });
      await tx.abort(); // by itself, and for certain
    });
    assert.deepEqual(await seen('orders', 0), ['a']);
  });
}

test('calls out of turn say what to do', async t => {
  const { client, producer } = await setting(t);
  const orders = producer();
  const state = { code: 'TIDE_STATE', message: /call begin\(\) first/ };
  await assert.rejects(orders.commit(), state);
  await assert.rejects(orders.abort(), state);
  await assert.rejects(orders.send({ topic: 'orders', key: 'k', value: 'x' }), state);
  await assert.rejects(orders.sendMessages('orders', 'k', 'x'), state);
  await assert.rejects(orders.sendOffsets('readers', []), state);
  await assert.rejects(withTransaction(orders, 7 as never), { code: 'TIDE_INPUT', message: /expected a function/ });
  await orders.begin();
  await assert.rejects(orders.begin(), { code: 'TIDE_STATE', message: /commit\(\) or abort\(\) it first/ });
  for (const group of ['', 7, null, {}] as never[]) await assert.rejects(orders.sendOffsets(group, []), { code: /TIDE_(INPUT|OPTION)/ });
  await assert.rejects(orders.sendOffsets('readers', [{ topic: 'orders', partition: 0, offset: -1 }]), { code: 'TIDE_INPUT' });
  await orders.commit(); // nothing was sent: nothing is asked
  await assert.rejects(new KeyedProducer(client).begin(), { code: 'TIDE_STATE', message: /no transactionalId/ });
  for (const options of [{ acks: 1 }, { idempotent: false }, { transactionalId: '' }] as const)
    assert.throws(() => producer(options), { code: 'TIDE_OPTION' });
  assert.throws(() => new KeyedProducer(client, { transactionTimeoutMs: 1000 }), { code: 'TIDE_OPTION' });
});

test('a transaction that was aborted takes back what waits, also in a serialiser', async t => {
  const { seen, producer } = await setting(t);
  let serialize: (bytes: string) => void = () => {};
  const orders = producer({
    valueSerializer: () =>
      new Promise<string>(resolve => {
        serialize = resolve;
      }),
  });
  await orders.begin();
  const sent = orders.send({ topic: 'orders', partition: 0, value: 'x' });
  await orders.abort();
  await orders.begin();
  serialize('late');
  await assert.rejects(sent, { code: 'TIDE_STATE' });
  await orders.commit();
  assert.deepEqual(await seen('orders', 0), []);
});
