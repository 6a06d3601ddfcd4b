import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaConsumer } from '../../src/consumer/index.js';
import { Fetch } from '../../src/protocol/index.js';
import type { CompressionName } from '../../src/records/index.js';
import { said } from './handlers/whole.js';
import { handler, ran, setting, stored } from './setting.js';

const values = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    key: `key ${i}`,
    value: `${i} `.repeat(100),
    headers: [['n', String(i)]] as [string, string][],
  }));

for (const compression of ['none', 'gzip', 'snappy', 'lz4'] as const satisfies readonly CompressionName[]) {
  test(`without handlers messages are those of every consumer, in order (${compression})`, async t => {
    const { cluster, client, consumer } = await setting(t, { partitions: 2 });
    for (const partition of [0, 1]) {
      for (let i = 0; i < 5; i++) cluster.append('orders', partition, values(1000), { compression });
    }
    const all = {
      topics: [
        ['orders', 0],
        ['orders', 1],
      ] as [string, number][],
      groupId: undefined,
    };
    const byPartition = async (orders: KafkaConsumer) => {
      const found: Record<number, unknown[]> = { 0: [], 1: [] };
      for (let count = 0; count < 10_000; ) {
        const messages = await orders.getMessages(1000, { timeoutMs: null });
        for (const message of messages) found[message.partition]?.push(said(message));
        count += messages.length;
      }
      return found;
    };
    const expected = await byPartition(new KafkaConsumer(client, all));
    const orders = consumer(all);
    let started = 0;
    const count = () => (started += 1);
    process.on('worker', count);
    t.after(() => process.off('worker', count));
    assert.deepEqual(await byPartition(orders), expected);
    assert.equal(started > 0, compression !== 'none', `${started} threads were started`);
    await orders.seek(2500);
    assert.deepEqual(
      (await orders.getMessages(1, { timeoutMs: null })).map(({ offset }) => offset),
      [2500],
    );
  });
}

test('damaged records are told as by every consumer', async t => {
  const { cluster, consumer } = await setting(t);
  cluster.append('orders', 0, values(2000), { compression: 'gzip' });
  cluster.append('orders', 0, values(2000), { compression: 'gzip' });
  cluster.on(Fetch, { topic: 'orders' }).rewrite(frame => {
    const damaged = Buffer.from(frame);
    if (damaged.length > 10_000) damaged[damaged.length - 1000] = (damaged[damaged.length - 1000] ?? 0) ^ 1;
    return damaged;
  }, 1000);
  const orders = consumer();
  assert.equal((await orders.getMessages(2000, { timeoutMs: null })).length, 2000);
  await assert.rejects(orders.getMessages(1, { timeoutMs: null }), { code: 'TIDE_CORRUPT' });
});

test('loops and runs take turns', async t => {
  const { cluster, consumer } = await setting(t);
  for (let i = 0; i < 4; i++) cluster.append('orders', 0, values(1000), { compression: 'lz4' });
  const orders = consumer({ autoCommit: false });
  const seen: number[] = [];
  for await (const { offset } of orders) if (seen.push(offset) === 500) break;
  const { places } = await ran(orders, 1000, {}, handler('plain.js'));
  seen.splice(499, 1, ...places.map(({ offset }) => offset));
  for await (const { offset } of orders) if (seen.push(offset) === 3000) break;
  assert.deepEqual(
    seen,
    Array.from({ length: 3000 }, (_, i) => i),
  );
  assert.deepEqual(stored(cluster), {});
});

test('without handlers it commits as a SimpleConsumer: every 100 messages', async t => {
  const { cluster, consumer } = await setting(t);
  cluster.append('orders', 0, values(250));
  const orders = consumer();
  const committed = new Promise<void>(resolve => {
    orders.on('committed', ({ offsets: [first] }) => {
      if (first?.offset === 100) resolve();
    });
  });
  let count = 0;
  for await (const _ of orders) {
    if (++count === 101) await committed; // the hundredth is done since this one was asked for
    if (count === 101) break;
  }
});

test('without handlers it waits as a SimpleConsumer: a loop ends when nothing came for iterTimeoutMs', async t => {
  const { consumer } = await setting(t);
  for await (const _ of consumer({ iterTimeoutMs: 50 })) assert.fail('nothing is there');
});
