import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deferred } from '../../src/base/wait.js';
import { KeyedProducer, type KeyedProducerOptions } from '../../src/producer/index.js';
import { Metadata, Produce } from '../../src/protocol/index.js';
import { clientSetting, rejection } from '../client/setting.js';
import { valuesOf } from './setting.js';

const options: KeyedProducerOptions = { retry: { attempts: 2, backoffMs: 1, maxBackoffMs: 1 } };
const record = { topic: 'orders', key: 'k', value: 'x' };

test('a topic that is not there when the retries are used up is nothing that passes', async t => {
  const { client } = await clientSetting(t);
  const error = await rejection(new KeyedProducer(client, options).send({ ...record, topic: 'oders' }));
  assert.deepEqual([error.code, error.retriable, error.persistence], ['UNKNOWN_TOPIC_OR_PARTITION', false, 'no']);
  assert.match(error.message, /there is no such topic; create it, with Admin/);
});

for (const [what, bad] of [
  ['topic', { ...record, topic: 'nowhere' }],
  ['partition', { ...record, partition: 9 }],
] as const) {
  test(`a call that is made again as soon as its ${what} was not found asks again, and is told again`, { timeout: 20_000 }, async t => {
    const { client, cluster } = await clientSetting(t);
    const producer = new KeyedProducer(client, options);
    const askedCounts: number[] = [];
    const asked = () => askedCounts.push(cluster.requests(Metadata).length);
    const again = () => {
      asked();
      return producer.sendMany([bad]);
    };
    const error = await rejection(again().catch(again).catch(again));
    asked();
    assert.equal(error.code, 'UNKNOWN_TOPIC_OR_PARTITION');
    assert.equal(new Set(askedCounts).size, 4, 'each call asked');
    await producer.send(record);
  });
}

test('timeoutMs bounds the wait for the topic too: 0 is not at all', { timeout: 20_000 }, async t => {
  const { client, cluster } = await clientSetting(t);
  const producer = new KeyedProducer(client);
  const hold = cluster.on(Metadata, { topic: 'orders' }).hold();
  const patient = producer.send(record, { timeoutMs: null });
  const error = await rejection(producer.send({ ...record, value: 'hasty' }, { timeoutMs: 0 }));
  assert.deepEqual([error.code, error.persistence, error.context['timeoutMs']], ['TIDE_TIMEOUT', 'no', 0]);
  assert.match(error.message, /^produce orders: the topic could not be found within 0 ms \(timeoutMs\); no attempt/);
  hold.release();
  await patient;
  assert.deepEqual(valuesOf(cluster), ['x']);
});

test('deliveryTimeoutMs counts from the call, also while the topic is looked for, and while a serialiser is at work', {
  timeout: 20_000,
}, async t => {
  let passedMs = 0;
  const now = performance.now.bind(performance);
  t.mock.method(performance, 'now', () => now() + passedMs);
  const { client, cluster } = await clientSetting(t);
  const late = { code: 'TIDE_TIMEOUT', message: /^produce orders\/0: not acknowledged within 100000 ms \(deliveryTimeoutMs\)/ } as const;
  cluster.on(Produce).hold();

  const hold = cluster.on(Metadata, { topic: 'orders' }).hold();
  const unknown = new KeyedProducer(client, { deliveryTimeoutMs: 100_000 });
  const calls = [unknown.send(record), unknown.sendMany([record]), unknown.sendMessages('orders', 'k', 'x')];
  await hold.held;
  passedMs += 99_900;
  hold.release();
  for (const call of calls) await assert.rejects(call, { code: late.code });

  const made = deferred<string>();
  const serialising = new KeyedProducer(client, { deliveryTimeoutMs: 100_000, valueSerializer: () => made.promise });
  const slow = [serialising.send(record), serialising.sendMany([record]), serialising.sendMessages('orders', 'k', 'x')];
  passedMs += 99_900;
  made.resolve('x');
  await assert.rejects(slow[0] ?? assert.fail(), late);
  for (const call of slow) await assert.rejects(call, { code: late.code });
});
