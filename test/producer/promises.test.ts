import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { BrokerErrorName } from '../../src/base/broker-errors.js';
import { KafkaError, PartialError } from '../../src/base/errors.js';
import { KafkaClient } from '../../src/client/client.js';
import { EmbeddedCluster, type EmbeddedClusterOptions } from '../../src/embedded/index.js';
import { KeyedProducer, type KeyedProducerOptions, SimpleProducer } from '../../src/producer/index.js';
import { Produce } from '../../src/protocol/index.js';

const asPartial = (error: unknown): PartialError<unknown> => (error instanceof PartialError ? error : assert.fail(String(error)));

const quick = { attempts: 5, backoffMs: 5, maxBackoffMs: 20 };

async function setting(t: TestContext, cluster: EmbeddedClusterOptions = { topics: { orders: 3 } }) {
  const embedded = await EmbeddedCluster.start(cluster);
  const client = new KafkaClient({ brokers: embedded.brokers, retry: quick });
  t.after(async () => {
    await client.close();
    await embedded.close();
  });
  const values = (topic: string, partition: number) => embedded.records(topic, partition).map(({ value }) => value?.toString() ?? null);
  return { cluster: embedded, client, values, keyed: (options?: KeyedProducerOptions) => new KeyedProducer(client, options) };
}

test('a call gives where each of its records was stored', async t => {
  const { keyed } = await setting(t);
  const first = await keyed().sendMessages('orders', 'customer-7', 'a', 'b');
  const [one, two] = first;
  assert.equal(first.length, 2);
  assert.equal(one?.topic, 'orders');
  assert.equal(two?.partition, one?.partition);
  assert.deepEqual([one?.offset, two?.offset], [0, 1]);
  assert.ok(Math.abs((one?.timestamp ?? 0) - Date.now()) < 60_000);
});

test('one key, one partition: the one Java chooses', async t => {
  const { keyed } = await setting(t, { topics: { orders: 6 } });
  const producer = keyed();
  // murmur2('customer-7') as Kafka's Utils computes it, over 6 partitions
  const results = await producer.sendMany(['21', '21', 'foobar'].map(key => ({ topic: 'orders', key, value: 'x' })));
  assert.equal(results[0]?.partition, ((-973932308 & 0x7fffffff) % 6) as number);
  assert.equal(results[1]?.partition, results[0]?.partition);
  assert.equal(results[2]?.partition, (-790332482 & 0x7fffffff) % 6);
});

test('SimpleProducer: one partition per call, the next call the next one, leaderless ones skipped', async t => {
  const { cluster, client } = await setting(t, { brokers: 3, topics: { logs: { partitions: 3, replicationFactor: 1 } } });
  const producer = new SimpleProducer(client);
  const partitions = [];
  for (let i = 0; i < 4; i++) {
    const results = await producer.sendMessages('logs', 'a', 'b');
    assert.equal(new Set(results.map(({ partition }) => partition)).size, 1);
    partitions.push(results[0]?.partition);
  }
  assert.deepEqual(partitions, [0, 1, 2, 0]);
  assert.equal(cluster.records('logs', 0).length, 4);
  await cluster.stopBroker(cluster.leaderOf('logs', 1));
  assert.equal(cluster.leaderOf('logs', 1), -1);
  const other = new KafkaClient({ brokers: cluster.brokers, retry: quick });
  t.after(() => other.close());
  const another = new SimpleProducer(other);
  const left = [];
  for (let i = 0; i < 3; i++) left.push((await another.sendMessages('logs', 'a'))[0]?.partition);
  assert.deepEqual(left, [0, 2, 0]);
});

test('keys, values, headers, timestamps and tombstones arrive as they were given', async t => {
  const { cluster, keyed } = await setting(t);
  const headers = [
    ['trace', 'abc'],
    ['trace', null],
  ] as const;
  await keyed().sendMany([
    { topic: 'orders', partition: 1, key: '', value: '', timestamp: 1234, headers },
    { topic: 'orders', partition: 1, key: new Uint8Array([0, 255]), value: null },
  ]);
  const [empty, tombstone] = cluster.records('orders', 1);
  assert.deepEqual([empty?.key?.length, empty?.value?.length, empty?.timestamp], [0, 0, 1234]);
  assert.deepEqual(
    empty?.headers.map(([name, value]) => [name, value?.toString() ?? null]),
    [
      ['trace', 'abc'],
      ['trace', null],
    ],
  );
  assert.deepEqual([...(tombstone?.key ?? [])], [0, 255]);
  assert.equal(tombstone?.value, null);
});

for (const code of [
  'NOT_LEADER_OR_FOLLOWER',
  'LEADER_NOT_AVAILABLE',
  'NOT_ENOUGH_REPLICAS',
  'REQUEST_TIMED_OUT',
  'KAFKA_STORAGE_ERROR',
] satisfies BrokerErrorName[]) {
  test(`${code} passes: the records are sent again, in order`, async t => {
    const { cluster, keyed, values } = await setting(t, { topics: { orders: 1 } });
    cluster.on(Produce).failTimes(2, code);
    const producer = keyed();
    await Promise.all(['a', 'b', 'c'].map(value => producer.send({ topic: 'orders', key: 'k', value })));
    assert.deepEqual(values('orders', 0), ['a', 'b', 'c']);
  });
}

test('order holds while a batch is sent again and more calls come', async t => {
  const { cluster, keyed, values } = await setting(t, { topics: { orders: 1 } });
  const producer = keyed({ batchBytes: 200 });
  const numbers = Array.from({ length: 200 }, (_, i) => String(i));
  cluster.on(Produce).drop(1);
  cluster.on(Produce).failTimes(3, 'NOT_ENOUGH_REPLICAS');
  await Promise.all(numbers.map(value => producer.send({ topic: 'orders', key: 'k', value })));
  assert.deepEqual(values('orders', 0), numbers);
});

test('a leader that moves is followed', async t => {
  const { cluster, keyed, values } = await setting(t, { brokers: 3, topics: { orders: 1 } });
  const producer = keyed();
  await producer.sendMessages('orders', 'k', 'before');
  const next = cluster.brokerIds.find(id => id !== cluster.leaderOf('orders', 0)) ?? 0;
  cluster.moveLeader('orders', 0, next);
  await producer.sendMessages('orders', 'k', 'after');
  assert.deepEqual(values('orders', 0), ['before', 'after']);
});

test('an answer that was lost: stored once; without idempotence twice, or rejected with persistence "maybe" when told to', async t => {
  const { cluster, keyed, values } = await setting(t, { topics: { orders: 1, audit: 1, bills: 1 } });
  cluster.on(Produce).dropAnswer(1);
  const [stored] = await keyed().sendMessages('bills', 'k', 'a');
  assert.deepEqual([values('bills', 0), stored?.offset], [['a'], 0]);
  cluster.on(Produce).dropAnswer(1);
  await keyed({ idempotent: false }).sendMessages('orders', 'k', 'a');
  assert.deepEqual(values('orders', 0), ['a', 'a'], 'stored twice, as documented');
  cluster.on(Produce).dropAnswer(1);
  await assert.rejects(keyed({ idempotent: false, onUnsure: 'reject' }).sendMessages('audit', 'k', 'a'), { persistence: 'maybe' });
  assert.deepEqual(values('audit', 0), ['a']);
});

test('one partition in trouble does not delay another', async t => {
  const { cluster, keyed } = await setting(t, { topics: { orders: 2 } });
  cluster.on(Produce, { partition: 0 }).failTimes(10_000, 'NOT_ENOUGH_REPLICAS');
  const producer = keyed();
  const stuck = producer.send({ topic: 'orders', partition: 0, key: 'k', value: 'stuck' });
  for (let i = 0; i < 5; i++) await producer.send({ topic: 'orders', partition: 1, key: 'k', value: `${i}` });
  assert.equal(cluster.records('orders', 1).length, 5);
  cluster.reset(); // which ends the trouble
  await stuck;
});

test('a record the broker finds too large fails alone, and the error says what became of the others', async t => {
  const { keyed, values } = await setting(t, { topics: { orders: 1 }, maxMessageBytes: 1000 });
  const producer = keyed();
  const error = await producer.sendMany(['small', 'x'.repeat(5000), 'small too'].map(value => ({ topic: 'orders', key: 'k', value }))).then(
    () => assert.fail(),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof PartialError);
  assert.equal(error.code, 'MESSAGE_TOO_LARGE');
  assert.match(error.message, /1 of 3 records failed, the other 2 were delivered/);
  assert.deepEqual(
    error.results.map(result => (result instanceof KafkaError ? result.persistence : 'stored')),
    ['stored', 'no', 'stored'],
  );
  assert.deepEqual(values('orders', 0), ['small', 'small too']);
});

test('what can never be sent is refused at the call, by itself: the others of the call are sent', async t => {
  const { cluster, keyed } = await setting(t);
  const producer = keyed();
  const good = { topic: 'orders', key: 'k', value: 'good' };
  const bad: readonly (readonly [object, string])[] = [
    [{ ...good, topic: 'not a topic' }, 'TIDE_INPUT'],
    [{ ...good, value: 7 }, 'TIDE_INPUT'],
    [{ ...good, value: undefined }, 'TIDE_INPUT'],
    [{ ...good, key: null }, 'TIDE_KEY_REQUIRED'],
    [{ ...good, partition: -1 }, 'TIDE_INPUT'],
    [{ ...good, timestamp: Number.NaN }, 'TIDE_INPUT'],
    [{ ...good, headers: [['name', 7]] }, 'TIDE_INPUT'],
    [{ ...good, value: Buffer.alloc(2 ** 20) }, 'TIDE_TOO_LARGE'],
  ];
  for (const [record, code] of bad) {
    await assert.rejects(producer.send(record as typeof good), { code, persistence: 'no' }, JSON.stringify(record).slice(0, 80));
    assert.equal(cluster.requests(Produce).length, 0);
  }
  await assert.rejects(producer.sendMessages('not a topic', 'k', 'x'), { code: 'TIDE_INPUT', persistence: 'no' });
  await assert.rejects(producer.sendMessages('orders', null, 'x'), { code: 'TIDE_KEY_REQUIRED', persistence: 'no' });
  await assert.rejects(producer.sendMany('abc' as never), { code: 'TIDE_INPUT', persistence: 'no' });
  const error = await producer.sendMany([good, ...bad.map(([record]) => record as typeof good), good]).then(() => assert.fail(), asPartial);
  const outcomes = error.results.map(result => (result instanceof KafkaError ? result.code : 'sent'));
  assert.deepEqual(outcomes, ['sent', ...bad.map(([, code]) => code), 'sent']);
  assert.match(error.message, /^sendMany: 8 of 10 records failed, the other 2 were delivered: sendMany, record 1: /);
  await assert.rejects(producer.send({ ...good, partition: 9 }), { code: 'UNKNOWN_TOPIC_OR_PARTITION' });
  await assert.rejects(producer.send({ ...good, topic: 'nowhere' }), { code: 'UNKNOWN_TOPIC_OR_PARTITION' });
  await producer.send({ ...good, key: '' }); // an empty key is a key
});

test('a hole in a list is no record, and the others of the list are sent', { timeout: 20_000 }, async t => {
  const { keyed, values } = await setting(t, { topics: { orders: 1 } });
  const list = [{ topic: 'orders', key: 'k', value: 'a' }];
  list[2] = { topic: 'orders', key: 'k', value: 'b' };
  for (const producer of [keyed(), keyed({ valueSerializer: value => value }), keyed({ valueSerializer: async value => value })]) {
    const error = await producer.sendMany(list).then(() => assert.fail(), asPartial);
    assert.deepEqual(
      error.results.map(result => (result instanceof KafkaError ? [result.code, result.persistence] : 'sent')),
      ['sent', ['TIDE_INPUT', 'no'], 'sent'],
    );
  }
  assert.deepEqual(values('orders', 0), ['a', 'b', 'a', 'b', 'a', 'b']);
});

test('a key that its serialiser takes away is missing, whichever way it is sent', async t => {
  const { client, cluster, keyed } = await setting(t);
  const producer = keyed({ keySerializer: () => null });
  const missing = { code: 'TIDE_KEY_REQUIRED', persistence: 'no' } as const;
  await assert.rejects(producer.send({ topic: 'orders', key: 'k', value: 'x' }), missing);
  await assert.rejects(producer.sendMany([{ topic: 'orders', key: 'k', value: 'x' }]), missing);
  await assert.rejects(producer.sendMessages('orders', 'k', 'x', 'y'), missing);
  assert.equal(cluster.requests(Produce).length, 0);
  await new SimpleProducer(client).sendMessages('orders', 'x'); // which needs none
});

test('options that are none are refused: of records, flush, close and transactions', async t => {
  const { cluster, keyed } = await setting(t);
  const producer = keyed();
  const transactional = keyed({ transactionalId: 'billing' });
  const record = { topic: 'orders', key: 'k', value: 'x' };
  for (const options of [null, 5, 'soon', { signal: 'x' }, { signal: {} }, { signal: 1 }, { timeoutMs: 'x' }] as never[]) {
    const calls = {
      send: producer.send(record, options),
      sendMany: producer.sendMany([record], options),
      flush: producer.flush(options),
      close: producer.close(options),
      begin: transactional.begin(options),
    };
    for (const [name, call] of Object.entries(calls)) {
      await assert.rejects(call, { code: 'TIDE_OPTION' }, `${name} ${JSON.stringify(options)}`);
    }
  }
  assert.equal(cluster.requests(Produce).length, 0);
  assert.equal(transactional.inTransaction, false);
});

test('acks 0: resolves when the bytes are handed over, with offset -1', async t => {
  const { cluster, keyed } = await setting(t, { topics: { orders: 1 } });
  const [result] = await keyed({ acks: 0 }).sendMessages('orders', 'k', 'a');
  assert.equal(result?.offset, -1);
  while (cluster.records('orders', 0).length === 0) await cluster.nextRequest(Produce).catch(() => {});
  for (const acks of [2, -2, 'one'] as never[]) assert.throws(() => keyed({ acks }), { code: 'TIDE_OPTION' });
});

test('close() waits for what is under way; what cannot be settled in time is rejected, and counted', async t => {
  const { cluster, keyed, values } = await setting(t, { topics: { orders: 1 } });
  const producer = keyed();
  const sent = producer.sendMessages('orders', 'k', 'a');
  await producer.close();
  await sent;
  assert.deepEqual(values('orders', 0), ['a']);
  await assert.rejects(producer.sendMessages('orders', 'k', 'late'), { code: 'TIDE_CLOSED' });

  const stuck = keyed();
  cluster.on(Produce).failTimes(10_000, 'NOT_ENOUGH_REPLICAS');
  const lost = assert.rejects(stuck.sendMessages('orders', 'k', 'b', 'c'), { code: 'TIDE_CLOSED' });
  await assert.rejects(stuck.close({ timeoutMs: 30 }), { code: 'TIDE_TIMEOUT', message: /2 records/ });
  await lost;
});

test('a delivery that fails for good is told to listeners too', async t => {
  const { cluster, keyed } = await setting(t, { topics: { orders: 1 } });
  const producer = keyed();
  const events: unknown[] = [];
  producer.on('deliveryFailed', ({ topic, partition, error, count }) => events.push([topic, partition, error.code, count]));
  cluster.on(Produce).failOnce('TOPIC_AUTHORIZATION_FAILED');
  await assert.rejects(producer.sendMessages('orders', 'k', 'a', 'b'), { code: 'TOPIC_AUTHORIZATION_FAILED' });
  assert.deepEqual(events, [['orders', 0, 'TOPIC_AUTHORIZATION_FAILED', 2]]);
});
