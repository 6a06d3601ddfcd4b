import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Deferred, deferred } from '../../src/base/wait.js';
import { KeyedProducer, type KeyedProducerOptions } from '../../src/producer/index.js';
import { clientSetting, rejection } from '../client/setting.js';
import { valuesOf } from './setting.js';

const record = (value: string) => ({ topic: 'orders', key: 'k', value });
const tick = () => new Promise(setImmediate);

/** A producer whose values are ready when the test says so. */
async function setting(t: TestContext, options: Omit<KeyedProducerOptions<string, string>, 'valueSerializer'> = {}) {
  const { client, cluster } = await clientSetting(t);
  const made = new Map<string, Deferred<string>>();
  const producer = new KeyedProducer<string, string>(client, {
    ...options,
    valueSerializer: value => {
      const making = deferred<string>();
      made.set(value, making);
      return making.promise;
    },
  });
  const make = (...values: readonly string[]) => {
    for (const value of values) made.get(value)?.resolve(value);
  };
  return { client, cluster, producer, make };
}

test('records keep the order of their calls, whichever is serialised first; one that fails keeps nobody waiting', async t => {
  const { cluster, producer, make } = await setting(t, {});
  const calls = [producer.send(record('a')), producer.sendMany([record('b'), record('c')]), producer.sendMessages('orders', 'k', 'd', 'e')];
  make('e', 'd', 'c', 'b');
  await tick();
  make('a');
  await Promise.all(calls);
  assert.deepEqual(valuesOf(cluster), ['a', 'b', 'c', 'd', 'e']);
});

test('flush() and close() count records that are being serialised; close() rejects them', { timeout: 20_000 }, async t => {
  for (const deliveryTimeoutMs of [120_000, null]) {
    const { cluster, producer, make } = await setting(t, { deliveryTimeoutMs });
    const events: unknown[] = [];
    producer.on('deliveryFailed', ({ topic, partition, error, count }) => events.push([topic, partition, error.code, count]));
    const calls = [
      producer.send(record('a')),
      producer.sendMany([record('b'), { ...record('c'), topic: 'bills' }]),
      producer.sendMessages('orders', 'k', 'd', 'e'),
    ].map(rejection);
    const flushed = await rejection(producer.flush({ timeoutMs: 0 }));
    assert.deepEqual([flushed.code, flushed.context['leftCount']], ['TIDE_TIMEOUT', 5]);
    const closed = await rejection(producer.close({ timeoutMs: 0 }));
    assert.deepEqual([closed.code, closed.context['leftCount']], ['TIDE_TIMEOUT', 5]);
    for (const error of await Promise.all(calls)) assert.deepEqual([error.code, error.persistence], ['TIDE_CLOSED', 'no']);
    assert.deepEqual(events, [
      ['orders', -1, 'TIDE_CLOSED', 1],
      ['orders', -1, 'TIDE_CLOSED', 1],
      ['bills', -1, 'TIDE_CLOSED', 1],
      ['orders', -1, 'TIDE_CLOSED', 2],
    ]);
    make('a', 'b', 'c', 'd', 'e');
    await tick();
    assert.deepEqual(valuesOf(cluster), [], 'what is made too late is dropped');
  }
});

test('close() waits for records that are being serialised', async t => {
  const { cluster, producer, make } = await setting(t);
  const call = producer.send(record('a'));
  const closed = producer.close();
  make('a');
  await Promise.all([call, closed]);
  assert.deepEqual(valuesOf(cluster), ['a']);
});

test('a serialiser that takes longer than deliveryTimeoutMs ends its own call; those behind it go on', { timeout: 20_000 }, async t => {
  const { cluster, producer, make } = await setting(t, { deliveryTimeoutMs: 200 });
  const stuck = rejection(producer.send(record('stuck')));
  await tick();
  const late = rejection(producer.sendMessages('orders', 'k', 'late', 'later'));
  assert.deepEqual([(await stuck).code, (await stuck).persistence], ['TIDE_TIMEOUT', 'no']);
  assert.match((await stuck).message, /^produce: 1 records were not serialised within 200 ms \(deliveryTimeoutMs\)$/);
  assert.equal((await late).code, 'TIDE_TIMEOUT');
  const next = producer.send(record('next'));
  make('next', 'stuck');
  await next;
  assert.deepEqual(valuesOf(cluster), ['next']);
});

test('a call whose signal is aborted while its records are serialised is not stored', async t => {
  const { cluster, producer, make } = await setting(t);
  const warm = producer.send(record('first'));
  make('first');
  await warm; // the topic is known now
  const reason = new Error('enough');
  const stop = new AbortController();
  const calls = [producer.send(record('a'), { signal: stop.signal }), producer.sendMany([record('b')], { signal: stop.signal })];
  const ends = calls.map(call => assert.rejects(call, reason));
  stop.abort(reason);
  await Promise.all(ends);
  const last = producer.send(record('last'));
  make('a', 'b', 'last');
  await last;
  assert.deepEqual(valuesOf(cluster), ['first', 'last']);
});

test('a transaction that is aborted does not wait for a serialiser, nor does the next one', { timeout: 20_000 }, async t => {
  const { cluster, producer, make } = await setting(t, { transactionalId: 'billing' });
  await producer.begin();
  const stuck = rejection(producer.send(record('stuck')));
  await producer.abort();
  assert.deepEqual([(await stuck).code, (await stuck).persistence], ['TIDE_STATE', 'no']);
  await producer.begin();
  const next = producer.send(record('next'));
  make('next');
  await next;
  await producer.commit();
  assert.deepEqual(
    valuesOf(cluster).filter(value => value !== 'null'),
    ['next'],
  );
});

test('of two serialisers that fail, one is told of, and the other goes unheard', async t => {
  const { client } = await clientSetting(t);
  const producer = new KeyedProducer<string, string>(client, {
    keySerializer: () => Promise.reject(new Error('the key breaks')),
    valueSerializer: () => {
      throw new Error('the value breaks');
    },
  });
  for (const call of [producer.send(record('a')), producer.sendMany([record('a')])]) {
    const error = await rejection(call);
    assert.deepEqual([error.code, error.persistence], ['TIDE_INPUT', 'no']);
    assert.match(error.message, /the value breaks/);
  }
});
