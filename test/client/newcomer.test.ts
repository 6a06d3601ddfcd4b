import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import { Admin } from '../../src/admin/index.js';
import { PartialError } from '../../src/base/errors.js';
import { KafkaClient } from '../../src/client/client.js';
import type { KafkaClientOptions } from '../../src/client/client-options.js';
import { SimpleConsumer } from '../../src/consumer/index.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { KeyedProducer, SimpleProducer } from '../../src/producer/index.js';

// What somebody reads who uses the package for the first time: errors that name the remedy, and objects that show what they hold.

const quick = { attempts: 2, backoffMs: 5, maxBackoffMs: 5 };

async function setting(t: TestContext, options: Partial<KafkaClientOptions> = {}) {
  const cluster = await EmbeddedCluster.start({ topics: { orders: 1 } });
  const client = new KafkaClient({ brokers: cluster.brokers, retry: quick, ...options });
  t.after(async () => {
    await client.close();
    await cluster.close();
  });
  return { cluster, client };
}

test('something that is not a client is named', () => {
  const message = /expected a KafkaClient as the first argument, got an object \(Object\)/;
  const wrong = { brokers: 'localhost:9092' };
  // @ts-expect-error
  assert.throws(() => new KeyedProducer(wrong), { code: 'TIDE_INPUT', message });
  // @ts-expect-error
  assert.throws(() => new SimpleConsumer(wrong, { topic: 'orders' }), { code: 'TIDE_INPUT', message });
  // @ts-expect-error
  assert.throws(() => new Admin(wrong), { code: 'TIDE_INPUT', message });
  // @ts-expect-error
  assert.throws(() => new SimpleProducer(), { code: 'TIDE_INPUT', message: /got undefined/ });
});

for (const allowAutoTopicCreation of [false, true]) {
  const remedy = allowAutoTopicCreation ? /the broker does not create topics/ : /create it, .* or give the client allowAutoTopicCreation/;
  test(`a topic that does not exist: what to do, with allowAutoTopicCreation ${allowAutoTopicCreation}`, async t => {
    const { client } = await setting(t, { allowAutoTopicCreation });
    const code = 'UNKNOWN_TOPIC_OR_PARTITION';
    await assert.rejects(new KeyedProducer(client).sendMessages('nope', 'key', 'value'), { code, message: remedy });
    await assert.rejects(new SimpleConsumer(client, { topic: 'nope' }).getMessages(), { code, message: remedy });
  });
}

test('a producer that finds no broker says why, not only that time is over', async t => {
  const client = new KafkaClient({ brokers: '127.0.0.1:1', retry: quick });
  t.after(() => client.close());
  const sent = new KeyedProducer(client, { deliveryTimeoutMs: 1000 }).sendMessages('orders', 'key', 'value');
  await assert.rejects(sent, {
    code: 'TIDE_TIMEOUT',
    message: /within 1000 ms \(deliveryTimeoutMs\); last: .*127\.0\.0\.1:1: connection refused/,
  });
});

test('an error of many records shows the first one, once', async t => {
  const { client } = await setting(t);
  const records = Array.from({ length: 50 }, () => ({ topic: 'orders', partition: 7, value: 'x' }));
  const error: unknown = await new KeyedProducer(client).sendMany(records).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof PartialError);
  assert.equal(error.results.length, 50);
  assert.equal(inspect(error).match(/BrokerError:/g)?.length, 1);
});

test('console.log shows what a message, a consumer and a client hold', async t => {
  const { cluster, client } = await setting(t);
  cluster.append('orders', 0, [
    { key: 'customer-7', value: '{"item":"tea"}', headers: { trace: 'abc' } },
    { key: Buffer.of(0, 1), value: null },
    { key: Buffer.of(255), value: `${'x'.repeat(500)}yyy` },
  ]);
  const consumer = new SimpleConsumer(client, { topic: 'orders', groupId: 'billing' });
  const [text, binary, long] = (await consumer.getMessages(3, { timeoutMs: 5000 })).map(message => inspect(message));
  assert.match(text ?? '', /^Message \{.*offset: 0,.*key: <Buffer 'customer-7'>,\s+value: <Buffer '\{"item":"tea"\}'>/s);
  assert.match(text ?? '', /headers: \[ \[ 'trace', <Buffer 'abc'> \] \]/);
  assert.match(binary ?? '', /key: <Buffer 00 01>,\s+value: null,\s+headers: \[\]/);
  assert.match(long ?? '', /key: <Buffer ff>,\s+value: <Buffer 'x{500}'\.\.\. 3 more bytes>/);
  assert.equal(inspect(consumer), "SimpleConsumer { topic: 'orders', groupId: 'billing', positions: { '0': 3 } }");
  const open = `KafkaClient { brokers: [ '${cluster.brokers[0]}' ], clientId: 'tidemark', closed: false }`;
  assert.equal(inspect(client, { breakLength: Number.POSITIVE_INFINITY }), open);
});
