import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { fill, get, offsets, places, read, setting, stored, until } from './setting.js';

test('a message is done when the loop asks for the next one', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 3);
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  const seen: number[] = [];
  for await (const { offset } of orders) {
    seen.push(offset);
    await orders.commit();
    assert.equal(stored(cluster, 'audit')[0] ?? 0, offset, 'the one in hand is not done');
    if (offset === 2) break;
  }
  assert.deepEqual(seen, [0, 1, 2]);
});

for (const [name, leave] of [
  [
    'break',
    async (loop: AsyncIterable<{ offset: number }>) => {
      for await (const { offset } of loop) if (offset === 2) break;
    },
  ],
  [
    'return',
    async (loop: AsyncIterable<{ offset: number }>) => {
      await (async () => {
        for await (const { offset } of loop) if (offset === 2) return;
      })();
    },
  ],
  [
    'an exception',
    async (loop: AsyncIterable<{ offset: number }>) => {
      await assert.rejects(async () => {
        for await (const { offset } of loop) if (offset === 2) throw new Error('cannot');
      }, /cannot/);
    },
  ],
] as const) {
  test(`leaving a loop by ${name} leaves the message in hand not done, and the next loop begins with it`, async t => {
    const { cluster, consumer } = await setting(t);
    fill(cluster, 4, { perBatch: 2 });
    const orders = consumer({ groupId: 'audit', autoCommit: false });
    await leave(orders);
    assert.equal(orders.position(0), 2);
    assert.equal(await orders.commit(), true);
    assert.deepEqual(stored(cluster, 'audit'), { 0: 2 });
    assert.deepEqual(offsets(await read(orders, 2)), [2, 3], 'leaving did not close the consumer');
  });
}

test('batches are done batch by batch, and what was begun goes on in the middle of a batch', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 9, { perBatch: 3 });
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  const seen: number[][] = [];
  for await (const batch of orders.batches()) {
    seen.push(offsets(batch));
    if (seen.length === 2) break;
  }
  assert.deepEqual(seen, [
    [0, 1, 2],
    [3, 4, 5],
  ]);
  await orders.commit();
  assert.deepEqual(stored(cluster, 'audit'), { 0: 3 });

  assert.deepEqual(offsets(await read(orders, 1)), [3]);
  for await (const batch of orders.batches()) {
    assert.deepEqual([batch.count, batch.firstOffset, batch.lastOffset, batch.nextOffset], [2, 4, 5, 6]);
    assert.deepEqual(offsets(batch), [4, 5]);
    assert.deepEqual(batch.offsets(), [4, 5]);
    assert.deepEqual([batch.at(-1), batch.at(0)?.offset, batch.at(2)], [undefined, 4, undefined]);
    assert.equal(batch.highWatermark, 9);
    break;
  }
});

test('positions and done are counted for each partition', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 2 } });
  fill(cluster, 2, { partition: 0 });
  fill(cluster, 2, { partition: 1 });
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  const seen: string[] = [];
  for await (const { partition, offset } of orders) {
    seen.push(`${partition}:${offset}`);
    if (seen.length === 3) break;
  }
  const inHand = Number(seen[2]?.[0]);
  assert.deepEqual([orders.position(0), orders.position(1)], inHand === 0 ? [0, 2] : [2, 0]);
  await orders.commit();
  assert.deepEqual(stored(cluster, 'audit'), inHand === 0 ? { 0: 0, 1: 2 } : { 0: 2, 1: 0 });
});

test('every partition is read in turn: none waits until another is empty', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 3 } });
  for (const partition of [0, 1, 2]) fill(cluster, 20, { partition, perBatch: 2 });
  const orders = consumer();
  await until(() => orders.position(0) === undefined);
  const seen = await read(orders, 60);
  for (const partition of [0, 1, 2]) {
    assert.deepEqual(
      offsets(seen.filter(message => message.partition === partition)),
      Array.from({ length: 20 }, (_, i) => i),
    );
  }
  const firstTen = new Set(seen.slice(20, 40).map(({ partition }) => partition));
  assert.equal(firstTen.size, 3);
});

test('an abort before the loop, while it waits, and inside its body ends it quietly', async t => {
  const { cluster, consumer } = await setting(t);
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  assert.deepEqual(await collect(orders.messages({ signal: AbortSignal.abort() })), []);
  assert.deepEqual(await collect(orders.messages({ signal: AbortSignal.timeout(20) })), [], 'nothing is there');

  fill(cluster, 3);
  const inBody = new AbortController();
  const seen: number[] = [];
  for await (const { offset } of orders.messages({ signal: inBody.signal })) {
    seen.push(offset);
    if (offset === 1) inBody.abort();
  }
  assert.deepEqual(seen, [0, 1]);
  await orders.commit();
  assert.deepEqual(stored(cluster, 'audit'), { 0: 2 }, 'the last one is done: the loop asked for more');
});

test('an abort while the consumer still connects ends the loop quietly', async t => {
  const { client } = await setting(t, { client: { brokers: '127.0.0.1:1', retry: { attempts: 100 } } });
  const { SimpleConsumer } = await import('../../src/consumer/index.js');
  const orders = new SimpleConsumer(client, { topic: 'orders' });
  assert.deepEqual(await collect(orders.messages({ signal: AbortSignal.timeout(20) })), []);
});

test('a loop without end gets what is appended while it waits', async t => {
  const { cluster, consumer } = await setting(t);
  const orders = consumer();
  const loop = orders.messages();
  const first = loop.next();
  await until(() => orders.position(0) === 0);
  fill(cluster, 2);
  assert.equal((await first).value?.offset, 0);
  assert.equal((await loop.next()).value?.offset, 1);
  await loop.return?.();
});

test('a loop has one body: a second next() is refused while one is pending, which goes on', async t => {
  const { cluster, consumer } = await setting(t);
  const loop = consumer().messages();
  const pending = loop.next();
  await assert.rejects(loop.next(), { code: 'TIDE_STATE', message: /next\(\) was called while the one before is pending/ });
  fill(cluster, 1);
  assert.equal((await pending).value?.offset, 0);
  await loop.return?.();
  assert.deepEqual(await loop.next(), { done: true, value: undefined });
});

for (const marking of ['loop', 'explicit'] as const) {
  test(`return() while next() is pending takes nothing along (marking: ${marking})`, async t => {
    const { cluster, consumer } = await setting(t);
    const orders = consumer({ marking });
    const loop = orders.messages();
    const pending = loop.next();
    await until(() => orders.position(0) === 0);
    await loop.return?.();
    assert.deepEqual(await pending, { done: true, value: undefined });
    fill(cluster, 1);
    assert.deepEqual(offsets(await read(orders, 1)), [0]);
  });
}

test('a failed read ends its loop, and the next loop goes on where that one stood', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 4, { perBatch: 2 });
  cluster.corrupt('orders', 0, 2);
  const orders = consumer();
  const seen: number[] = [];
  await assert.rejects(
    async () => {
      for await (const { offset } of orders) seen.push(offset);
    },
    { code: 'TIDE_CORRUPT' },
  );
  assert.deepEqual(seen, [0, 1]);
  assert.equal(orders.position(0), 2);
  await assert.rejects(orders.messages().next(), { code: 'TIDE_CORRUPT' });
  cluster.corrupt('orders', 0, 2); // the same bit again: it is whole
  assert.deepEqual(offsets(await read(orders, 2)), [2, 3]);
});

test('what reads ahead of the work needs explicit marks: with "loop" a stream says done for what nobody has seen', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 100);
  const work = async (marking: 'loop' | 'explicit', groupId: string) => {
    const orders = consumer({ groupId, marking, autoCommit: false });
    const stream = Readable.from(orders, { highWaterMark: 16 });
    for await (const message of stream) {
      if (marking === 'explicit') orders.mark(message);
      await orders.commit();
      if (message.offset === 3) break;
    }
    return stored(cluster, groupId)[0] ?? 0;
  };
  assert.ok((await work('loop', 'careless')) > 4, 'committed past the message in hand');
  assert.equal(await work('explicit', 'careful'), 4);
});

test('an iterator that is dropped without return() keeps its message not done, and the next loop says what to do', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 2);
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  const dropped = orders.messages();
  await dropped.next();
  await assert.rejects(orders.messages().next(), { code: 'TIDE_STATE', message: /return\(\)/ });
  assert.equal(await orders.commit(), true);
  assert.deepEqual(stored(cluster, 'audit'), { 0: 0 });
  await dropped.return?.();
  assert.deepEqual(places(await read(orders, 2)), ['0:0', '0:1']);
});

test('only one reader at a time, in every combination', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 10);
  const orders = consumer();
  const busy = { code: 'TIDE_STATE', message: /only one may at a time/ };
  const refused = async () => {
    await assert.rejects(orders.messages().next(), busy);
    await assert.rejects(orders.batches().next(), busy);
    await assert.rejects(get(orders, 1), busy);
  };
  for (const loop of [orders.messages(), orders.batches()]) {
    await loop.next();
    await refused();
    await loop.return?.();
  }
  const stop = new AbortController();
  const pending = orders.getMessages(20, { timeoutMs: null, signal: stop.signal });
  await refused();
  stop.abort();
  await assert.rejects(pending, { name: 'AbortError' });
  assert.equal((await get(orders, 10)).length, 10, 'nobody reads any more');
});

async function collect(loop: AsyncIterable<{ offset: number }>): Promise<number[]> {
  const seen: number[] = [];
  for await (const { offset } of loop) seen.push(offset);
  return seen;
}
