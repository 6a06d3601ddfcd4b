import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { batchSendRule } from '../../src/producer/batch-send.js';
import type { Delivery } from '../../src/producer/delivery.js';
import { ManyDelivery } from '../../src/producer/delivery.js';
import { KeyedProducer, type KeyedProducerOptions } from '../../src/producer/index.js';
import { Lane } from '../../src/producer/lane.js';
import { Linger } from '../../src/producer/linger.js';
import { Produce } from '../../src/protocol/index.js';
import { clientSetting } from '../client/setting.js';
import { ManualClock } from '../embedded/setting.js';
import { produced, quiet, sentBatches } from './setting.js';

/** A producer that has sent a record already, so that all it needs is there. */
async function setting(t: TestContext, options: KeyedProducerOptions) {
  const { cluster, client } = await clientSetting(t);
  const producer = new KeyedProducer(client, options);
  const send = (...values: readonly string[]) =>
    Promise.all(values.map(value => producer.send({ topic: 'orders', key: 'k', value }))).then(all => all.map(({ offset }) => offset));
  const first = send('first');
  await producer.flush();
  await first;
  /** How many records each batch has that was sent since then. */
  const batches = () =>
    sentBatches(cluster)
      .slice(1)
      .map(({ values }) => values.length);
  return { cluster, producer, send, batches };
}

test('batchSend by count: a partition sends when so many records are there', async t => {
  const { cluster, send, batches, producer } = await setting(t, { batchSend: { everyN: 3, everyMs: null } });
  const two = send('a', 'b');
  await quiet(cluster);
  assert.deepEqual(batches(), []);
  assert.deepEqual(await Promise.all([two, send('c')]), [[1, 2], [3]]);
  const seven = send('d', 'e', 'f', 'g', 'h', 'i', 'j');
  await quiet(cluster);
  assert.deepEqual(batches(), [3, 3, 3], 'the seventh waits');
  await producer.flush();
  await seven;
  assert.deepEqual(batches(), [3, 3, 3, 1]);
});

test('batchSend by size: a partition sends what is full, and goes on to collect', async t => {
  const { cluster, send, batches, producer } = await setting(t, { batchSend: { everyN: null, everyMs: null, bytes: 450 } });
  const all = send(...Array.from({ length: 10 }, () => 'x'.repeat(100)));
  await quiet(cluster);
  assert.deepEqual(batches(), [3, 3, 3]);
  await producer.flush();
  await all;
  assert.deepEqual(batches(), [3, 3, 3, 1]);
});

test('batchSend by time: nobody needs to flush', async t => {
  const { send, batches } = await setting(t, { batchSend: { everyN: 100, everyMs: 1 } });
  assert.deepEqual(await send('a', 'b'), [1, 2]);
  assert.deepEqual(batches(), [2]);
});

test('batchSend: true waits for 500 records, or 20 ms', async t => {
  const { send, batches } = await setting(t, { batchSend: true });
  await send(...Array.from({ length: 1100 }, (_, i) => `${i}`));
  assert.deepEqual(batches(), [500, 500, 100]);
  assert.deepEqual(
    batchSendRule.accept(true, 'batchSend'),
    { everyN: 500, everyMs: 20, bytes: undefined },
    'which the remaining 100 waited for',
  );
});

test('everyMs null waits for flush() or close(), or for the count', async t => {
  const { cluster, send, batches, producer } = await setting(t, { batchSend: { everyN: 100, everyMs: null } });
  const one = send('a');
  await quiet(cluster);
  assert.deepEqual(batches(), []);
  await producer.flush();
  assert.deepEqual(await one, [1]);
  const two = send('b');
  await producer.close();
  assert.deepEqual(await two, [2]);
  assert.equal(cluster.records('orders', 0).length, 3);
});

test('records do not wait for company that has no room', { timeout: 20_000 }, async t => {
  const { cluster, send, batches, producer } = await setting(t, { batchSend: { everyN: 500, everyMs: null }, bufferBytes: 3000 });
  const values = Array.from({ length: 40 }, () => 'x'.repeat(100));
  const all = send(...values);
  await produced(cluster, 2); // though there are not 500 of them, and nobody flushes
  await quiet(cluster);
  const before = batches().length;
  const late = send('late');
  await quiet(cluster);
  assert.equal(batches().length, before, 'once there is room for all, they wait for company again');
  await producer.flush();
  await Promise.all([all, late]);
  assert.equal(cluster.records('orders', 0).length, 42);
});

test('what is sent during a flush does not wait for others', async t => {
  const { cluster, send, producer } = await setting(t, { batchSend: { everyN: 100, everyMs: null } });
  const hold = cluster.on(Produce).hold();
  const one = send('a');
  const flushed = producer.flush();
  await produced(cluster, 2);
  const two = send('b');
  await produced(cluster, 3);
  hold.release();
  await Promise.all([flushed, one, two]);
});

test('the promise is the acknowledgement, with batchSend too', async t => {
  const { cluster, send } = await setting(t, { batchSend: { everyN: 2, everyMs: null } });
  const hold = cluster.on(Produce).hold();
  let settled = false;
  const both = send('a', 'b').then(offsets => {
    settled = true;
    return offsets;
  });
  await hold.held;
  assert.equal(cluster.records('orders', 0).length, 3, 'they are stored');
  await turn();
  assert.equal(settled, false, 'and nobody has said so');
  hold.release();
  assert.deepEqual(await both, [1, 2]);
});

test('calls of one turn share a request; without batchSend nothing waits any longer', async t => {
  const { send, batches } = await setting(t, {});
  await send('a', 'b', 'c', 'd', 'e');
  assert.deepEqual(batches(), [5]);
  for (const value of ['f', 'g']) await send(value);
  assert.deepEqual(batches(), [5, 1, 1]);
});

test('while as many requests are on their way as may be, what comes is collected', async t => {
  const { cluster, send, batches } = await setting(t, {});
  const hold = cluster.on(Produce).hold();
  const calls = [];
  for (let i = 0; i < 5; i++) {
    calls.push(send(`${i}`));
    await produced(cluster, 2 + i);
  }
  for (let i = 5; i < 25; i++) {
    calls.push(send(`${i}`));
    await turn();
  }
  assert.deepEqual(batches(), [1, 1, 1, 1, 1]);
  hold.release();
  await Promise.all(calls);
  assert.deepEqual(batches(), [1, 1, 1, 1, 1, 20]);
});

for (const [name, options, before] of [
  ['count', { batchSend: { everyN: 10, everyMs: null } }, 7],
  ['size', { batchSend: { everyN: null, everyMs: null, bytes: 600 } }, 3],
] as const) {
  test(`the values of one call share a batch when they fit, also when the open one has no room for them all: by ${name}`, async t => {
    const { producer, send, batches } = await setting(t, options);
    const single = send(...Array.from({ length: before }, () => 'x'.repeat(100)));
    const call = producer.sendMessages('orders', 'k', ...Array.from({ length: 4 }, () => 'y'.repeat(100)));
    await producer.flush();
    await Promise.all([single, call]);
    assert.deepEqual(batches(), [before, 4]);
    // More than a batch can hold is spread as it comes.
    const many = producer.sendMessages('orders', 'k', ...Array.from({ length: 14 }, () => 'z'.repeat(100)));
    await producer.flush();
    assert.equal((await many).length, 14);
    assert.deepEqual(batches().slice(2), name === 'count' ? [10, 4] : [4, 4, 4, 2]);
  });
}

/** A lane with what it needs to collect records. */
function laneOf(everyN: number): { readonly lane: Lane; put(now: number): void } {
  const lane = new Lane('orders', 0, { batchBytes: 1000, everyN, deliveryTimeoutMs: 120_000, seal: { compression: 'none' } });
  const delivery: Delivery = new ManyDelivery(1000, 'sendMany');
  let index = 0;
  return { lane, put: now => void lane.append(delivery, index++, null, 'value', 0, undefined, now) };
}

test('whichever comes first: a lane is due when its first record is old enough, or its batch is full', () => {
  const clock = new ManualClock();
  const due: Lane[] = [];
  const linger = new Linger(clock, 20, lane => due.push(lane));
  const [slow, late, full] = [laneOf(3), laneOf(3), laneOf(3)];
  slow.put(clock.now());
  assert.equal(linger.isDue(slow.lane), false);
  clock.advance(12);
  slow.put(clock.now());
  late.put(clock.now());
  for (const { lane } of [slow, late]) assert.equal(linger.isDue(lane), false);
  for (let i = 0; i < 3; i++) full.put(clock.now());
  assert.equal(linger.isDue(full.lane), true, 'it is full');
  clock.advance(7);
  assert.deepEqual(due, []);
  clock.advance(1);
  assert.deepEqual(due, [slow.lane], '20 ms after its first record, not its last');
  assert.equal(linger.isDue(slow.lane), true);
  clock.advance(12);
  assert.deepEqual(due, [slow.lane, late.lane]);
  assert.equal(clock.pending, 0, 'nobody waits any more');
});

test('while somebody pushes, nothing lingers, and what waited is due', () => {
  const clock = new ManualClock();
  const due: Lane[] = [];
  const linger = new Linger(clock, Number.POSITIVE_INFINITY, lane => due.push(lane));
  const { lane, put } = laneOf(100);
  put(clock.now());
  assert.equal(linger.isDue(lane), false);
  const [one, two] = [linger.push(), linger.push()];
  assert.deepEqual(due, [lane]);
  one();
  assert.equal(linger.isDue(lane), true);
  two();
  assert.equal(linger.isDue(lane), false);
});
