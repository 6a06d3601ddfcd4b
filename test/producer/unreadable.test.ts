import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaError, PartialError } from '../../src/base/errors.js';
import { KeyedProducer, type KeyedProducerOptions } from '../../src/producer/index.js';
import { Produce } from '../../src/protocol/index.js';
import { clientSetting } from '../client/setting.js';
import { valuesOf } from './setting.js';

const record = (value: string | Uint8Array) => ({ topic: 'orders', key: 'k', value });

/** Bytes that were given to somebody else, as to a thread. */
function givenAway(): Uint8Array {
  const bytes = new Uint8Array(100);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

const unreadable = { code: 'TIDE_INPUT', persistence: 'no', message: /^produce orders\/0: the record cannot be encoded: / } as const;

for (const [name, options] of [
  ['', {}],
  [', also out of a serialiser', { valueSerializer: async (value: string | Uint8Array) => value }],
] satisfies [string, KeyedProducerOptions<string, string | Uint8Array>][]) {
  test(`a record whose bytes cannot be read any more fails alone${name}`, { timeout: 20_000 }, async t => {
    const { client, cluster } = await clientSetting(t);
    const producer = new KeyedProducer<string, string | Uint8Array>(client, options);
    await producer.send(record('first'));
    await assert.rejects(producer.send(record(givenAway())), unreadable);
    const error = await producer.sendMany(['a', givenAway(), 'b'].map(record)).then(
      () => assert.fail(),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof PartialError);
    assert.deepEqual(
      error.results.map(result => (result instanceof KafkaError ? result.code : 'stored')),
      ['stored', 'TIDE_INPUT', 'stored'],
    );
    await producer.sendMessages('orders', 'k', 'c');
    assert.deepEqual(valuesOf(cluster), ['first', 'a', 'b', 'c']);
  });
}

test('records behind one that cannot be read are waited for, and have their time', { timeout: 20_000 }, async t => {
  const { client, cluster } = await clientSetting(t);
  const producer = new KeyedProducer(client, { deliveryTimeoutMs: 200 });
  await producer.send(record('first'));
  cluster.on(Produce).hold();
  const bad = producer.send(record(givenAway()));
  const good = producer.send(record('good'));
  await Promise.all([assert.rejects(bad, unreadable), assert.rejects(good, { code: 'TIDE_TIMEOUT' })]);
});

test('a record that cannot be read once there is room for it takes nobody else down', { timeout: 20_000 }, async t => {
  const { client, cluster } = await clientSetting(t);
  const producer = new KeyedProducer(client, { bufferBytes: 1000 });
  await producer.send(record('first'));
  const hold = cluster.on(Produce).hold();
  const large = producer.send(record('x'.repeat(900)));
  const bytes = new Uint8Array(100);
  const parked = assert.rejects(producer.send(record(bytes)), unreadable);
  const last = producer.send(record('last'));
  await hold.held;
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  hold.release();
  await Promise.all([large, parked, last]);
  assert.deepEqual(valuesOf(cluster), ['first', 'x'.repeat(900), 'last']);
});
