import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyedProducer, type ProducerRecord, type RecordResult, SimpleProducer, withTransaction } from '../../src/index.js';
import { clientSetting, rejection } from '../client/setting.js';

/** Calls as somebody without types may make them. */
interface Untyped {
  send(...given: unknown[]): Promise<RecordResult>;
  sendMany(records: readonly unknown[]): Promise<unknown>;
  sendMessages(...given: unknown[]): Promise<unknown>;
}

test('sendMessages() without a value says that one is missing', async t => {
  const { client } = await clientSetting(t);
  for (const [call, signature] of [
    [new KeyedProducer(client).sendMessages('orders', 'v'), 'sendMessages(topic, key, ...values)'],
    [new SimpleProducer(client).sendMessages('orders'), 'sendMessages(topic, ...values)'],
  ] as const) {
    const { code, message, persistence } = await rejection(call);
    assert.deepEqual(
      { code, message, persistence },
      { code: 'TIDE_INPUT', message: `sendMessages: no value was given, where at least one is expected: ${signature}`, persistence: 'no' },
    );
  }
});

test('withTransaction() says what it was given instead of a producer, or of work', async t => {
  const { client } = await clientSetting(t);
  const untyped: (...given: unknown[]) => Promise<unknown> = withTransaction as never;
  const messages = async (...given: unknown[]) => {
    const { code, message } = await rejection(untyped(...given));
    return `${code} ${message}`;
  };
  const work = () => assert.fail('not run');
  assert.equal(await messages(client, work), 'TIDE_INPUT withTransaction: expected a producer, got an object (KafkaClient)');
  assert.equal(await messages(undefined, work), 'TIDE_INPUT withTransaction: expected a producer, got undefined');
  assert.equal(
    await messages(new SimpleProducer(client)),
    'TIDE_INPUT withTransaction: expected a function that does the work, got undefined',
  );
});

test('what is no record is named before the options are looked at; several are for sendMany', async t => {
  const { client } = await clientSetting(t);
  const producer = new SimpleProducer(client) as Untyped;
  const messages = await Promise.all(
    [producer.send('orders', 'v'), producer.send(), producer.send([{ topic: 'orders', value: 'v' }]), producer.send(null)].map(
      async call => {
        const { code, message } = await rejection(call);
        assert.equal(code, 'TIDE_INPUT');
        return message;
      },
    ),
  );
  assert.deepEqual(messages, [
    'send: expected a record { topic, key, value, ... }, got "orders"',
    'send: expected a record { topic, key, value, ... }, got undefined',
    'send: expected a record { topic, key, value, ... }, got an array of 1; sendMany takes several',
    'send: expected a record { topic, key, value, ... }, got null',
  ]);
});

test('a field of a record that nobody knows is refused, with the nearest that is known', async t => {
  const { client } = await clientSetting(t);
  for (const producer of [new SimpleProducer(client), new SimpleProducer(client, { valueSerializer: value => value as string })]) {
    const untyped = producer as Untyped;
    const refused = async (field: object, message: RegExp) => {
      const error = await rejection(untyped.send({ topic: 'orders', value: 'v', ...field }));
      assert.equal(error.code, 'TIDE_INPUT');
      assert.match(error.message, message);
    };
    await refused({ header: { a: '1' } }, /^send: unknown field "header" of a record; did you mean "headers"\?$/);
    await refused({ timeStamp: 5 }, /unknown field "timeStamp" of a record; did you mean "timestamp"\?$/);
    await refused({ zzzzzz: 5, key: null, partition: undefined }, /unknown field "zzzzzz" of a record$/);
    await refused({ value: undefined, Value: 'v' }, /unknown field "Value" of a record; did you mean "value"\?$/);
    const many = await rejection(
      untyped.sendMany([
        { topic: 'orders', value: 'v' },
        { topic: 'orders', value: 'v', header: {} },
      ]),
    );
    assert.match(many.message, /unknown field "header"/);
  }
});

test('fields that are undefined are not given; an instance of a class may have more than a record', async t => {
  const { client } = await clientSetting(t);
  const producer = new SimpleProducer(client);
  await producer.send({ topic: 'orders', key: undefined, value: 'a', headers: undefined, timestamp: undefined, partition: undefined });
  await producer.send({ topic: 'orders', key: null, value: null });
  class Order implements ProducerRecord {
    readonly topic = 'orders';
    readonly value = 'b';
    readonly count = 3;
  }
  const serialising = new SimpleProducer(client, { valueSerializer: value => value as string });
  const stored = [await producer.send(new Order()), await serialising.send(new Order())];
  assert.deepEqual(
    stored.map(({ offset }) => offset),
    [2, 3],
  );
});
