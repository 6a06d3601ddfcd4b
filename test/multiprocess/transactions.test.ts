import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Admin } from '../../src/admin/index.js';
import { KafkaClient } from '../../src/client/client.js';
import { SimpleConsumer } from '../../src/consumer/index.js';
import type { EmbeddedCluster } from '../../src/embedded/index.js';
import type { ResultPlace } from '../../src/multiprocess/index.js';
import { KeyedProducer } from '../../src/producer/index.js';
import { EndTxn } from '../../src/protocol/index.js';
import { handler, ran, ranUntil, script, setting, stored } from './setting.js';

const billing = handler('billing.js');

/** What readers of committed records see, in order. */
async function bills(cluster: EmbeddedCluster, topic = 'out'): Promise<readonly string[]> {
  await using client = new KafkaClient({ brokers: cluster.brokers });
  const consumer = new SimpleConsumer(client, { topic });
  const end = await client.offsets.latest(topic, 0);
  const seen: string[] = [];
  while ((consumer.position(0) ?? 0) < end) {
    for (const { value } of await consumer.getMessages(100, { block: 1, timeoutMs: 20 })) seen.push(String(value));
  }
  return seen;
}

const orders = (values: readonly string[]) => values.map(value => ({ key: value.split(' ')[0] ?? '', value }));

for (const [what, values] of [
  ['nothing goes wrong', ['a', 'b', 'c', 'd']],
  ['a handler fails after it has sent', ['a', 'b fail 2', 'c', 'd']],
  ['a thread ends after it has sent', ['a', 'b', 'c exit 1', 'd']],
  ['both', ['a fail 1', 'b exit 1', 'c', 'd exit 1']],
] as const) {
  test(`with a transactional producer what comes of each message is seen exactly once: ${what}`, async t => {
    const { cluster, client, consumer } = await setting(t);
    cluster.append('orders', 0, orders(values));
    await using producer = new KeyedProducer(client, { transactionalId: 'bills' });
    const fleet = consumer({ producer, transactionMs: 50 });
    await ranUntil(fleet, billing, 'all is committed', () => stored(cluster)[0] === 4);
    assert.deepEqual(await bills(cluster), ['bill for a', 'bill for b', 'bill for c', 'bill for d']);
    assert.deepEqual(stored(cluster), { 0: 4 });
  });
}

test('what was done beside a message that failed is rolled back with it, and comes again', async t => {
  const { cluster, client, consumer } = await setting(t);
  cluster.append('orders', 0, orders(['a fail 1', 'b', 'c', 'd']));
  await using producer = new KeyedProducer(client, { transactionalId: 'bills' });
  const fleet = consumer({ producer, transactionMs: 50, ordering: 'none', concurrency: 4 });
  await ranUntil(fleet, billing, 'all is committed', () => stored(cluster)[0] === 4);
  assert.deepEqual([...(await bills(cluster))].sort(), ['bill for a', 'bill for b', 'bill for c', 'bill for d']);
});

test('a transaction that ends in time leaves no hole: what was done out of order is not seen twice', async t => {
  const { cluster, client, consumer } = await setting(t);
  const values = Array.from({ length: 60 }, (_, i) => `o${i}`);
  cluster.append(
    'orders',
    0,
    values.map((value, i) => ({ key: i % 2 === 0 ? 'same' : value, value })),
  );
  await using producer = new KeyedProducer(client, { transactionalId: 'bills' });
  const fleet = consumer({ producer, transactionMs: 1, ordering: 'key', concurrency: 4 });
  await ranUntil(fleet, billing, 'all is committed', () => stored(cluster)[0] === 60, { onResult: () => {} });
  assert.deepEqual([...(await bills(cluster))].sort(), values.map(value => `bill for ${value}`).sort());
});

test('attempts are counted on when a message that comes later rolls all of it back, and one that was passed over stays so', async t => {
  const { cluster, client, consumer } = await setting(t);
  cluster.append('orders', 0, orders(['a', 'b fail 99', 'c fail 2', 'd', 'e fail 2']));
  await using producer = new KeyedProducer(client, { transactionalId: 'bills' });
  const fleet = consumer({ producer, transactionMs: 5000, maxAttempts: 3, onPoison: 'skip' });
  const poisoned: number[] = [];
  fleet.on('poisoned', ({ offset }) => poisoned.push(offset));
  const stop = new AbortController();
  const attempts: string[] = [];
  const onResult = (_: unknown, { offset, attempt }: ResultPlace): void => {
    attempts.push(`${offset}#${attempt}`);
    if (offset === 4) stop.abort();
  };
  await fleet.run(billing, { signal: stop.signal, onResult });
  assert.deepEqual(poisoned, [1]);
  assert.deepEqual(attempts.slice(-4), ['0#1', '2#3', '3#1', '4#3']);
  assert.deepEqual(await bills(cluster), ['bill for a', 'bill for c', 'bill for d', 'bill for e']);
  assert.deepEqual(stored(cluster), { 0: 5 });
});

test('a commit that is lost is rolled back, and all of it comes again', async t => {
  const { cluster, client, consumer } = await setting(t);
  cluster.append('orders', 0, orders(['a', 'b']));
  cluster.on(EndTxn).failOnce('CONCURRENT_TRANSACTIONS');
  await using producer = new KeyedProducer(client, { transactionalId: 'bills' });
  const fleet = consumer({ producer, transactionMs: 20 });
  await ranUntil(fleet, billing, 'all is committed', () => stored(cluster)[0] === 2);
  assert.deepEqual(await bills(cluster), ['bill for a', 'bill for b']);
});

test('a dead letter is part of a transaction: seen once, and what the failed attempts sent is not', async t => {
  const { cluster, client, consumer } = await setting(t);
  await new Admin(client).createTopics({ name: 'dead' });
  cluster.append('orders', 0, orders(['a', 'b fail 99', 'c']));
  await using producer = new KeyedProducer(client, { transactionalId: 'bills' });
  const fleet = consumer({ producer, transactionMs: 50, maxAttempts: 2, onPoison: { topic: 'dead' } });
  await ranUntil(fleet, billing, 'all is committed', () => stored(cluster)[0] === 3);
  assert.deepEqual(await bills(cluster), ['bill for a', 'bill for c']);
  assert.deepEqual(await bills(cluster, 'dead'), ['b fail 99']);
});

test('a dead letter is committed with the offset of its message, and not before: else who goes on from there would write it again', async t => {
  const { cluster, client, consumer } = await setting(t, { partitions: 2 });
  await new Admin(client).createTopics({ name: 'dead' });
  cluster.append('orders', 0, orders(['a', 'b fail 99']));
  for (let i = 0; i < 10; i++) cluster.append('orders', 1, orders([`c${i} slow 20`])); // keep the thread, and the round ends meanwhile
  await using producer = new KeyedProducer(client, { transactionalId: 'bills' });
  const send = producer.send.bind(producer);
  const isBusy = () => fleet.snapshot()?.threads[0]?.partitions[0]?.partition === 1 || stored(cluster)[1] === 10;
  producer.send = async (record, ...more) => {
    // Until the thread has the other partition, if the round is not over before.
    for (let i = 0; i < 20 && record.topic === 'dead' && !isBusy(); i++) await new Promise(resolve => setTimeout(resolve, 10));
    return send(record, ...more);
  };
  const options = { transactionMs: 10, ordering: 'none', maxAttempts: 1, onPoison: { topic: 'dead' }, threads: 1 } as const;
  const fleet = consumer({ producer, ...options });
  const beside: unknown[] = [];
  fleet.on('committed', () => {
    if (cluster.records('dead', 0).length > 0) beside.push(stored(cluster)[0]);
  });
  await ranUntil(fleet, billing, 'all is committed', () => stored(cluster)[0] === 2 && stored(cluster)[1] === 10);
  assert.ok(beside.length > 0 && beside.every(offset => offset === 2), `${beside}`);
  assert.deepEqual(await bills(cluster, 'dead'), ['b fail 99']);
});

test('a partition that is paused while its dead letter is written keeps nobody waiting: the letter is rolled back', async t => {
  const { cluster, client, consumer } = await setting(t, { partitions: 2 });
  await new Admin(client).createTopics({ name: 'dead' });
  cluster.append('orders', 0, orders(['a', 'b fail 99']));
  await using producer = new KeyedProducer(client, { transactionalId: 'bills' });
  const send = producer.send.bind(producer);
  const fleet = consumer({ producer, transactionMs: 10, maxAttempts: 1, onPoison: { topic: 'dead' } });
  producer.send = async (record, ...more) => {
    if (record.topic !== 'dead') return send(record, ...more);
    fleet.pause([{ topic: 'orders', partition: 0 }]);
    if (cluster.offsets('orders', 1).end === 0) cluster.append('orders', 1, orders(['c', 'd']));
    return send(record, ...more);
  };
  let isResumed = false;
  const isDone = (): boolean => {
    if (stored(cluster)[1] === 2 && !isResumed) {
      assert.ok((stored(cluster)[0] ?? 0) < 2, 'it is paused');
      isResumed = true;
    }
    if (isResumed) fleet.resume([{ topic: 'orders', partition: 0 }]);
    return stored(cluster)[0] === 2;
  };
  await ranUntil(fleet, billing, 'all is committed', isDone);
  assert.deepEqual([...(await bills(cluster))].sort(), ['bill for a', 'bill for c', 'bill for d']);
  assert.deepEqual(await bills(cluster, 'dead'), ['b fail 99']);
});

test('a dead letter for a message without a key needs none, whatever the partitioner needs', async t => {
  const { cluster, client, consumer } = await setting(t);
  await new Admin(client).createTopics({ name: 'dead', partitions: 3 });
  cluster.append('orders', 0, [{ key: null, value: 'a' }]);
  await using producer = new KeyedProducer(client, { transactionalId: 'bills' });
  const fleet = consumer({ producer, transactionMs: 50, maxAttempts: 1, onPoison: { topic: 'dead' } });
  await ranUntil(fleet, billing, 'all is committed', () => stored(cluster)[0] === 1); // the bill cannot be sent without a key
  assert.deepEqual(await bills(cluster, 'dead'), ['a']);
});

test('a dead letter that cannot be written because another record failed the transaction is part of the next one', async t => {
  const { cluster, client, consumer } = await setting(t);
  await new Admin(client).createTopics({ name: 'dead' });
  cluster.append('orders', 0, orders(['a', 'b fail 99', 'c']));
  await using producer = new KeyedProducer(client, { transactionalId: 'bills' });
  const send = producer.send.bind(producer);
  let letters = 0;
  producer.send = async (record, ...more) => {
    if (record.topic === 'dead' && ++letters === 1) await send({ topic: 'out', value: 'without a key' }).catch(() => {});
    return send(record, ...more);
  };
  const fleet = consumer({ producer, transactionMs: 50, maxAttempts: 2, onPoison: { topic: 'dead' } });
  await ranUntil(fleet, billing, 'all is committed', () => stored(cluster)[0] === 3);
  assert.deepEqual(await bills(cluster), ['bill for a', 'bill for c']);
  assert.deepEqual([letters, await bills(cluster, 'dead')], [2, ['b fail 99']]);
});

test('a message that stops everything leaves nothing of its transaction, and the group where it was', async t => {
  const { cluster, client, consumer } = await setting(t);
  cluster.append('orders', 0, orders(['a', 'b fail 99', 'c']));
  await using producer = new KeyedProducer(client, { transactionalId: 'bills' });
  const fleet = consumer({ producer, transactionMs: 50, maxAttempts: 2 });
  await assert.rejects(fleet.run(billing), { code: 'TIDE_POISON' });
  assert.deepEqual((await bills(cluster)).filter(bill => bill.includes('b')).length <= 1, true);
  assert.equal((await bills(cluster)).includes('bill for b'), false);
  assert.ok((stored(cluster)[0] ?? 0) <= 1);
});

test('what cannot be together is refused', async t => {
  const { client, consumer } = await setting(t);
  await using producer = new KeyedProducer(client, { transactionalId: 'bills' });
  assert.throws(() => consumer({ producer, autoCommit: true }), {
    code: 'TIDE_OPTION',
    message: /autoCommit and a producer with a transactionalId/,
  });
  assert.throws(() => consumer({ producer, groupId: undefined }), { code: 'TIDE_OPTION', message: /needs a groupId/ });
  assert.throws(() => consumer({ producer: {} as KeyedProducer }), { code: 'TIDE_OPTION', message: /"producer"/ });
  const plain = new KeyedProducer(client);
  const { results } = await ran(consumer({ producer: plain, autoCommit: false }), 0, { signal: AbortSignal.abort() }, script);
  assert.deepEqual(results, []);
});
