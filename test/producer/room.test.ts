import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { KafkaError, PartialError } from '../../src/base/errors.js';
import type { TopicInfo } from '../../src/cluster/metadata.js';
import type { EmbeddedClusterOptions } from '../../src/embedded/index.js';
import { Accumulator } from '../../src/producer/accumulator.js';
import type { Batch } from '../../src/producer/batch.js';
import { ManyDelivery } from '../../src/producer/delivery.js';
import { KeyedProducer, type KeyedProducerOptions, murmur2Partitioner, type RoomOptions } from '../../src/producer/index.js';
import type { Lane } from '../../src/producer/lane.js';
import { halves } from '../../src/producer/rebuild.js';
import { Room } from '../../src/producer/room.js';
import { Produce } from '../../src/protocol/index.js';
import { clientSetting, rejection } from '../client/setting.js';
import { ManualClock } from '../embedded/setting.js';
import { sentBatches, valuesOf } from './setting.js';

test('a partition may hold three quarters at most; of two, each three sevenths; and so on', () => {
  for (const [count, share] of [
    [1, 3 / 4],
    [2, 3 / 7],
    [3, 3 / 10],
    [9, 3 / 28],
  ] as const) {
    const room = new Room(28_000);
    const holders = Array.from({ length: count }, () => ({ heldBytes: 0 }));
    for (let taken = true; taken; ) {
      taken = false;
      for (const holder of holders) {
        if (!room.admits(holder)) continue;
        room.take(holder, 10);
        taken = true;
      }
    }
    for (const { heldBytes } of holders) assert.ok(Math.abs(heldBytes - share * 28_000) <= 40, `${heldBytes} of ${count}`);
    assert.ok(room.admits({ heldBytes: 0 }), 'another one finds room');
  }
});

test('a partition that holds nothing has room for a record, whatever the others hold', () => {
  const room = new Room(100);
  const [greedy, other] = [{ heldBytes: 0 }, { heldBytes: 0 }];
  room.take(greedy, 500);
  assert.deepEqual([room.admits(greedy), room.admits(other)], [false, true]);
  room.take(other, 1);
  assert.equal(room.admits(other), false);
  room.give(greedy, 500);
  assert.equal(room.admits(other), true);
});

test('many partitions hold more than there is by one record each at most', () => {
  const room = new Room(1000);
  const holders = Array.from({ length: 20 }, () => ({ heldBytes: 0 }));
  const recordBytes = 300;
  let over = 0;
  for (let round = 0; round < 10; round++) {
    for (const holder of holders) {
      while (room.admits(holder)) room.take(holder, recordBytes);
      assert.ok(holder.heldBytes > 0, 'each has one');
    }
    over = Math.max(
      over,
      holders.reduce((sum, { heldBytes }) => sum + heldBytes, -1000),
    );
    assert.ok(over <= holders.length * recordBytes, `${over}`);
    for (const [i, holder] of holders.entries()) if (i % 3 === round % 3) room.give(holder, holder.heldBytes);
  }
  assert.ok(over > recordBytes, 'they do hold more');
});

const topic: TopicInfo = {
  name: 'orders',
  id: '',
  errorCode: 0,
  internal: false,
  partitions: [0, 1].map(partition => ({ partition, leader: 1, leaderEpoch: 0, replicas: [], isr: [], errorCode: 0 })),
};

/** An accumulator on its own, whose batches are settled by the test. */
function accumulatorOf(bufferBytes: number) {
  const batches: { readonly lane: Lane; readonly batch: Batch }[] = [];
  const refused: string[] = [];
  const crowds: string[] = [];
  const clock = new ManualClock();
  const seal = { compression: 'none' } as const;
  const accumulator = new Accumulator(
    { bufferBytes, batchBytes: 300, everyN: Number.POSITIVE_INFINITY, deliveryTimeoutMs: 1000, seal },
    clock,
    murmur2Partitioner,
    'record',
    {
      opened: (lane, batch) => batches.push({ lane, batch }),
      filled: () => {},
      refused: (name, partition, { code }, count) => refused.push(`${name}/${partition} ${code} ${count}`),
      crowded: () => crowds.push('crowded'),
      eased: () => crowds.push('eased'),
    },
  );
  const delivery = new ManyDelivery(1_000_000, 'sendMany');
  delivery.promise.catch(() => {}); // nobody waits for it
  let given = 0;
  const put = (partition: number, bounds: RoomOptions = {}) => {
    const lane = accumulator.laneFor(topic, { key: 'k', partition }, { chosen: undefined });
    if (lane instanceof KafkaError) throw lane;
    const { timeoutMs = 1000, signal } = bounds;
    accumulator.put(lane, delivery, given++, 'k', 'x'.repeat(50), 0, undefined, clock.now(), {
      timeoutMs: timeoutMs ?? Number.POSITIVE_INFINITY,
      signal,
    });
    return lane;
  };
  /** How many records are taken before one has to wait; it is taken out again. */
  const capacity = (): number => {
    let count = 0;
    for (; accumulator.waiting().length === 0; count++) put(0, { timeoutMs: 5 });
    clock.advance(5);
    return count - 1;
  };
  const take = (lane: Lane): Batch => lane.take('none') ?? assert.fail('there is one');
  return { accumulator, batches, refused, crowds, clock, seal, put, capacity, take };
}

test('what batches held is free again when they are settled, replaced by their halves, or by nothing', () => {
  const { accumulator, batches, seal, capacity, take } = accumulatorOf(3000);
  const settleAll = () => {
    for (const { lane, batch } of batches.splice(0)) {
      lane.drop(batch);
      lane.arrived(batch);
      accumulator.release(lane, batch);
      assert.equal(batch.heldBytes, 0);
    }
    for (const { heldBytes } of accumulator.lanes()) assert.equal(heldBytes, 0);
  };
  const first = capacity();
  assert.ok(first > 20, `${first}`);
  settleAll();
  assert.equal(capacity(), first);

  const { lane, batch } = batches.shift() ?? assert.fail();
  assert.equal(take(lane), batch);
  const parts = halves(batch, seal);
  accumulator.divide(lane, batch, parts);
  lane.cameBack(batch, ...parts);
  batches.push(...parts.map(part => ({ lane, batch: part })));
  assert.equal(
    lane.heldBytes,
    batches.reduce((sum, each) => sum + each.batch.heldBytes, 0),
  );
  lane.gather();
  settleAll();
  assert.equal(capacity(), first);

  const gone = batches.shift() ?? assert.fail();
  assert.equal(take(gone.lane), gone.batch);
  accumulator.divide(gone.lane, gone.batch, []);
  gone.lane.cameBack(gone.batch);
  settleAll();
  assert.equal(capacity(), first);
});

test('records wait in line: those of a partition in their order, each for its own time', () => {
  const { accumulator, batches, refused, clock, put } = accumulatorOf(1000);
  const stop = new AbortController();
  while (accumulator.waiting().length === 0) put(0, { timeoutMs: 10 });
  put(0, { timeoutMs: 30 });
  put(0, { timeoutMs: null, signal: stop.signal });
  put(0, { timeoutMs: null });
  clock.advance(10);
  assert.deepEqual(refused, ['orders/0 TIDE_BUFFER_FULL 1']);
  clock.advance(20);
  assert.deepEqual(refused.length, 2);
  clock.advance(1_000_000);
  assert.equal(accumulator.waiting().length, 2, 'without a limit they wait');
  const waiting = accumulator.waiting().map(({ index }) => index);
  assert.deepEqual(
    waiting,
    waiting.toSorted((a, b) => a - b),
  );
  stop.abort();
  const gone = batches.splice(0);
  for (const { lane, batch } of gone) lane.drop(batch);
  for (const { lane, batch } of gone) accumulator.release(lane, batch);
  assert.equal(accumulator.waiting().length, 0);
  assert.deepEqual(
    batches.map(({ batch }) => batch.count),
    [1],
    'what was aborted is left out',
  );
});

test('the time to deliver counts from the call, also of a record that waits for room', () => {
  const { accumulator, batches, clock, put } = accumulatorOf(1000);
  while (accumulator.waiting().length === 0) put(0);
  const calledAt = clock.now();
  clock.advance(400);
  const gone = batches.splice(0);
  for (const { lane, batch } of gone) lane.drop(batch);
  for (const { lane, batch } of gone) accumulator.release(lane, batch);
  assert.deepEqual(
    batches.map(({ batch }) => batch.expiresAt),
    [calledAt + 1000],
  );
});

test('it is told when records begin to wait for room, and when none waits any more: let in, out of time, or refused', () => {
  const { accumulator, batches, crowds, clock, put } = accumulatorOf(1000);
  const crowd = () => {
    while (accumulator.waiting().length < 2) put(0);
    assert.deepEqual(crowds.splice(0), ['crowded']);
  };
  crowd();
  clock.advance(1000);
  assert.deepEqual(crowds.splice(0), ['eased']);
  crowd();
  accumulator.close(new KafkaError('TIDE_CLOSED', 'closed'));
  assert.deepEqual(crowds.splice(0), ['eased']);
  crowd();
  for (const { lane, batch } of batches.splice(0)) accumulator.release(lane, batch);
  assert.deepEqual(crowds.splice(0), ['eased']);
});

test('a record lines up behind those of its partition that wait, also when there is room for it', () => {
  const { accumulator, batches, put, take } = accumulatorOf(1000);
  while (accumulator.waiting().length === 0) put(0);
  const { lane, batch } = batches[0] ?? assert.fail();
  take(lane);
  accumulator.divide(lane, batch, []); // makes room, and lets none in
  const open = lane.open?.count;
  put(0);
  assert.deepEqual([accumulator.waiting().length, lane.open?.count], [2, open]);
});

/** A producer with room for some ten records of 100 bytes to each partition, and a partition 0 to which nothing can be stored. */
async function setting(t: TestContext, { options, ...cluster }: EmbeddedClusterOptions & { options?: KeyedProducerOptions } = {}) {
  const given = await clientSetting(t, { topics: { orders: 8 }, ...cluster });
  const producer = new KeyedProducer(given.client, { bufferBytes: 3000, ...options });
  const send = (value: string, partition = 0, room: RoomOptions = {}) =>
    producer.send({ topic: 'orders', partition, key: 'k', value: value.padEnd(100, '.') }, room);
  await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(partition => send('first', partition)));
  /** How many of many calls find room at once; the others are told that there is none. */
  const capacity = async (): Promise<number> => {
    const hold = given.cluster.on(Produce).hold();
    let full = 0;
    const calls = Array.from({ length: 40 }, (_, i) => send(`${i}`, 0, { timeoutMs: 0 }).catch(() => ++full));
    await new Promise(resolve => producer.once('deliveryFailed', resolve));
    hold.release();
    await Promise.all(calls);
    return 40 - full;
  };
  return { ...given, producer, send, capacity };
}

const texts = (cluster: Parameters<typeof valuesOf>[0], partition = 0) =>
  valuesOf(cluster, partition).map(value => value.replace(/\.+$/, ''));

test('send waits while there is no room, and goes on in order: nothing is dropped', async t => {
  const { cluster, producer, send } = await setting(t);
  const hold = cluster.on(Produce).hold();
  const numbers = Array.from({ length: 100 }, (_, i) => `${i}`);
  const all = numbers.map(value => send(value));
  await hold.held;
  hold.release();
  await Promise.all(all);
  assert.deepEqual(texts(cluster), ['first', ...numbers]);
  await producer.sendMany(numbers.map(value => ({ topic: 'orders', partition: 1, key: 'k', value: value.padEnd(100, '.') })));
  assert.deepEqual(texts(cluster, 1), ['first', ...numbers]);
});

test('of a call that finds room for some of its records only, those are stored, and the error says which were not', async t => {
  const { cluster, producer, send } = await setting(t);
  const hold = cluster.on(Produce).hold();
  const bothRefused = new Promise<void>(resolve => {
    let count = 0;
    producer.on('deliveryFailed', failed => {
      count += failed.count;
      if (count === 2) resolve();
    });
  });
  const patient = Array.from({ length: 30 }, (_, i) => send(`${i}`));
  const hasty = rejection(send('hasty', 0, { timeoutMs: 5 }));
  const call = producer.sendMany(
    [1, 0].map(partition => ({ topic: 'orders', partition, key: 'k', value: 'of many' })),
    { timeoutMs: 5 },
  );
  const mixed = rejection(call);
  const error = await hasty;
  assert.deepEqual([error.code, error.persistence, error.context['bufferBytes']], ['TIDE_BUFFER_FULL', 'no', 3000]);
  assert.match(error.message, /^produce orders\/0: no room for the record within 5 ms \(timeoutMs\).*nothing of the record was sent$/);
  await bothRefused; // before anything makes room
  hold.release();
  await Promise.all(patient);
  const partial = await mixed;
  assert.ok(partial instanceof PartialError);
  assert.deepEqual(
    partial.results.map(result => (result instanceof KafkaError ? result.code : 'stored')),
    ['stored', 'TIDE_BUFFER_FULL'],
  );
  assert.deepEqual(texts(cluster), ['first', ...Array.from({ length: 30 }, (_, i) => `${i}`)]);
  assert.deepEqual(texts(cluster, 1), ['first', 'of many']);
});

test('the values of one call are one batch also where room is short: when it runs out, and when they wait for it', async t => {
  const { cluster, producer, send } = await setting(t);
  const given = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}${i}`);
  const call = (name: string) => producer.sendMessages('orders', 'k', ...given(name, 12).map(value => value.padEnd(100, '.')));
  await call('warm'); // finds the topic, and tells which partition it is
  const partition = sentBatches(cluster).at(-1)?.partition;
  const before = sentBatches(cluster).length;
  const hold = cluster.on(Produce).hold();
  const alone = send('alone', partition);
  await hold.held;
  const calls = [call('a'), call('b'), call('c')];
  const last = send('last', partition);
  hold.release();
  await Promise.all([alone, ...calls, last]);
  const sent = sentBatches(cluster).slice(before);
  for (const name of ['a', 'b', 'c']) {
    const counts = sent.map(({ values }) => values.filter(value => value.startsWith(name) && !value.startsWith('alone')).length);
    assert.deepEqual(
      counts.filter(count => count > 0),
      [12],
      name,
    );
  }
  assert.deepEqual(texts(cluster, partition).slice(-38), ['alone', ...given('a', 12), ...given('b', 12), ...given('c', 12), 'last']);
});

test('a call whose values cannot be one batch takes no more room than there is', () => {
  const { accumulator, clock } = accumulatorOf(3000);
  const [lane, few, many] = [accumulator.laneFor(topic, { key: 'k', partition: 0 }, undefined), 2, 100];
  if (lane instanceof KafkaError) throw lane;
  const put = (count: number) => {
    const values = Array.from({ length: count }, () => 'x'.repeat(50));
    const delivery = new ManyDelivery(count, 'sendMessages');
    accumulator.putValues(lane, delivery, undefined, 'k', values, 0, clock.now(), { timeoutMs: 1000, signal: undefined });
    return accumulator.waiting().length;
  };
  const waiting = put(many);
  assert.ok(waiting > 0 && waiting < many, `${waiting}`);
  assert.ok(lane.heldBytes < 3000);
  assert.equal(put(few), waiting + few, 'they line up behind the others');
});

test('a signal ends the wait at once, and what waited for room is not stored', async t => {
  const { cluster, send } = await setting(t);
  const hold = cluster.on(Produce).hold();
  const patient = Array.from({ length: 30 }, (_, i) => send(`${i}`));
  const stop = new AbortController();
  const waiting = send('late', 0, { signal: stop.signal, timeoutMs: null });
  const reason = new Error('enough');
  stop.abort(reason);
  await assert.rejects(waiting, reason);
  await assert.rejects(send('never', 0, { signal: stop.signal }), reason);
  hold.release();
  await Promise.all(patient);
  await send('last');
  assert.deepEqual(texts(cluster), ['first', ...Array.from({ length: 30 }, (_, i) => `${i}`), 'last']);
});

for (const troubled of [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3, 4, 5]]) {
  test(`partitions in trouble leave room for the others: ${troubled.length} of 8`, async t => {
    const { cluster, send } = await setting(t, { options: { bufferBytes: 6000 } });
    let isOver = false;
    for (const id of troubled) {
      const match = {
        get partition() {
          return isOver ? -1 : id;
        },
      };
      cluster.on(Produce, match).failTimes(Number.POSITIVE_INFINITY, 'NOT_ENOUGH_REPLICAS');
    }
    const numbers = Array.from({ length: 60 }, (_, i) => `${i}`);
    const stuck = troubled.flatMap(partition => numbers.map(value => send(value, partition)));
    try {
      for (const value of numbers) await Promise.all([send(value, 6, { timeoutMs: 10_000 }), send(value, 7, { timeoutMs: 10_000 })]);
      assert.deepEqual(texts(cluster, 6), ['first', ...numbers]);
      for (const partition of troubled) assert.deepEqual(texts(cluster, partition), ['first']);
    } finally {
      isOver = true;
    }
    await Promise.all(stuck);
    for (const partition of troubled) assert.deepEqual(texts(cluster, partition), ['first', ...numbers]);
  });
}

test('memory is given back after acknowledgements, rejections, halves, what ran out of time, and what was refused at the call', async t => {
  const { cluster, producer, send, capacity } = await setting(t, {
    options: { batchSend: { everyN: null, everyMs: 1 }, deliveryTimeoutMs: 5000 },
  });
  const before = await capacity();
  assert.ok(before > 10 && before < 30, `${before}`);
  cluster.on(Produce).failOnce('INVALID_TIMESTAMP');
  assert.equal((await rejection(Promise.all([send('a'), send('b')]))).code, 'INVALID_TIMESTAMP');
  assert.equal(await capacity(), before, 'after a rejection');
  assert.equal(
    (await rejection(producer.send({ topic: 'orders', key: 'k', value: 'x', partition: 9 }))).code,
    'UNKNOWN_TOPIC_OR_PARTITION',
  );
  assert.equal(await capacity(), before, 'after a refusal');
  cluster.on(Produce, { partition: 1 }).failTimes(3, 'MESSAGE_TOO_LARGE');
  const results = await Promise.allSettled(Array.from({ length: 8 }, (_, i) => send(`${i}`, 1)));
  assert.deepEqual(new Set(results.map(({ status }) => status)), new Set(['fulfilled']));
  assert.equal(await capacity(), before, 'after halves');
});

test('memory is given back after a batch ran out of time, on its way and before', async t => {
  const { cluster, send, capacity } = await setting(t, { options: { deliveryTimeoutMs: 500 } });
  const before = await capacity();
  const hold = cluster.on(Produce).hold();
  const late = await Promise.allSettled(Array.from({ length: 8 }, (_, i) => send(`${i}`)));
  assert.deepEqual(new Set(late.map(({ status }) => status)), new Set(['rejected']));
  hold.release();
  while (texts(cluster).length < 2) await new Promise(setImmediate);
  await send('next', 1);
  assert.equal(await capacity(), before);
});

test('close() tells those that wait for room, and their listeners', async t => {
  const { cluster, producer, send } = await setting(t);
  let told = 0;
  producer.on('deliveryFailed', ({ count }) => {
    told += count;
  });
  cluster.on(Produce).hold();
  const calls = Promise.allSettled(Array.from({ length: 40 }, (_, i) => send(`${i}`)));
  const error = await rejection(producer.close({ timeoutMs: 0 }));
  assert.deepEqual([error.code, error.context['leftCount']], ['TIDE_TIMEOUT', 40]);
  for (const call of await calls) assert.equal(call.status === 'rejected' && (call.reason as KafkaError).code, 'TIDE_CLOSED');
  assert.equal(told, 40);
});
