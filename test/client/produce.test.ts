import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionError, InputError } from '../../src/base/errors.js';
import { KafkaClient } from '../../src/client/client.js';
import { Produce } from '../../src/protocol/index.js';
import { kafkaTest } from '../kafka/kafka.js';
import { clientSetting, rejection } from './setting.js';

const batchesIn = (request: { readonly body: { readonly topicData: readonly { readonly partitionData: readonly unknown[] }[] } }) =>
  request.body.topicData.reduce((sum, { partitionData }) => sum + partitionData.length, 0);

test('messages of one call are one batch, with the offset of each', async t => {
  const { cluster, client } = await clientSetting(t, { topics: { orders: 2 } });
  cluster.append('orders', 1, [{ value: 'before' }]);
  const result = await client.produce('orders', 1, ['a', { key: 'k', value: Buffer.from('b'), headers: { h: 'x' }, timestamp: 5 }, null], {
    key: 'common',
    timestamp: 9,
  });
  assert.deepEqual(result, { topic: 'orders', partition: 1, baseOffset: 1, offsets: [1, 2, 3], appendTime: -1, logStartOffset: 0 });
  assert.deepEqual(
    cluster
      .records('orders', 1)
      .map(({ offset, key, value, headers, timestamp }) => [
        offset,
        key?.toString(),
        value?.toString(),
        headers.map(([name, header]) => `${name}=${header}`).join(),
        offset === 0 ? 0 : timestamp,
      ]),
    [
      [0, undefined, 'before', '', 0],
      [1, 'common', 'a', '', 9],
      [2, 'k', 'b', 'h=x', 5],
      [3, 'common', undefined, '', 9],
    ],
  );
  assert.equal(cluster.requests(Produce).length, 1);
});

test('a null key beside a common one stays null, an empty value is no tombstone', async t => {
  const { cluster, client } = await clientSetting(t);
  await client.produce('orders', 0, { key: null, value: '' }, { key: 'common' });
  const [record] = cluster.records('orders', 0);
  assert.deepEqual([record?.key, record?.value], [null, Buffer.alloc(0)]);
});

test('no message, no request; acks 0, no offset', async t => {
  const { cluster, client } = await clientSetting(t);
  assert.deepEqual((await client.produce('orders', 0, [])).offsets, []);
  assert.equal((await client.produce('orders', 0, [])).baseOffset, -1);
  assert.equal(cluster.requests().length, 0);
  const unseen = await client.produce('orders', 0, ['a', 'b'], { acks: 0 });
  assert.deepEqual([unseen.baseOffset, unseen.offsets], [-1, [-1, -1]]);
  await client.produce('orders', 0, 'c', { acks: 1 }); // answered behind it
  assert.deepEqual(
    cluster.records('orders', 0).map(({ value }) => value?.toString()),
    ['a', 'b', 'c'],
  );
  assert.deepEqual(
    cluster.requests(Produce).map(({ body }) => body.acks),
    [0, 1],
  );
});

test('what does not fit is refused as a whole, and nothing is sent; compressed it may fit', async t => {
  const { cluster, client } = await clientSetting(t);
  const messages = Array.from({ length: 10 }, () => 'x'.repeat(1000));
  const error = await rejection(client.produce('orders', 0, messages, { maxRequestBytes: 5000 }));
  assert.ok(error instanceof InputError);
  assert.equal(error.code, 'TIDE_TOO_LARGE');
  assert.match(error.message, /10 messages .* at most 5000/);
  assert.equal(cluster.requests().length, 0);
  assert.equal((await client.produce('orders', 0, messages, { maxRequestBytes: 5000, compression: 'gzip' })).offsets.length, 10);
});

test('a broker that finds the batch too large is believed: it is not split', async t => {
  const { cluster, client } = await clientSetting(t);
  cluster.on(Produce).failOnce('MESSAGE_TOO_LARGE');
  const error = await rejection(client.produce('orders', 0, ['a', 'b']));
  assert.deepEqual([error.code, error.persistence], ['MESSAGE_TOO_LARGE', 'no']);
  assert.equal(cluster.requests(Produce).length, 1);
  assert.deepEqual(cluster.records('orders', 0), []);
});

test('a leader that has moved is found', async t => {
  const { cluster, client } = await clientSetting(t, { brokers: 2 });
  await client.produce('orders', 0, 'a');
  cluster.moveLeader('orders', 0, 3 - cluster.leaderOf('orders', 0));
  assert.equal((await client.produce('orders', 0, 'b')).baseOffset, 1);
});

test('an answer that is lost: sent again, or rejected, saying that nobody knows', async t => {
  const { cluster, client } = await clientSetting(t);
  cluster.on(Produce).dropAnswer();
  assert.equal((await client.produce('orders', 0, 'a')).baseOffset, 1, 'it is there twice');
  cluster.on(Produce).dropAnswer();
  const error = await rejection(client.produce('orders', 0, 'b', { onUnsure: 'reject' }));
  assert.ok(error instanceof ConnectionError);
  assert.deepEqual([error.persistence, error.errno], ['maybe', -1002]);
  assert.equal(cluster.records('orders', 0).length, 3);
});

test('what one attempt left in doubt stays in doubt, whatever the next one says', async t => {
  const { cluster, client } = await clientSetting(t);
  cluster.on(Produce).dropAnswer().failOnce('TOPIC_AUTHORIZATION_FAILED');
  const error = await rejection(client.produce('orders', 0, 'a'));
  assert.deepEqual([error.code, error.persistence], ['TOPIC_AUTHORIZATION_FAILED', 'maybe']);
});

test('the last error comes out when the attempts are used up', async t => {
  const { cluster, client } = await clientSetting(t);
  cluster.on(Produce).failTimes(5, 'NOT_ENOUGH_REPLICAS');
  const error = await rejection(client.produce('orders', 0, 'a'));
  assert.deepEqual([error.code, error.persistence], ['NOT_ENOUGH_REPLICAS', 'no']);
  assert.equal(cluster.requests(Produce).length, 5);
});

test('bad input is refused before anything is sent', async t => {
  const { cluster, client } = await clientSetting(t);
  const wrong: readonly [() => Promise<unknown>, string][] = [
    [() => client.produce('', 0, 'a'), 'TIDE_INPUT'],
    [() => client.produce('orders', 0.5, 'a'), 'TIDE_INPUT'],
    [() => client.produce('orders', 0, [5] as unknown[] as string[]), 'TIDE_INPUT'],
    [() => client.produce('orders', 0, { value: 'a', timestamp: -5 }), 'TIDE_INPUT'],
    [() => client.produce('orders', 0, 'a', { acks: 2 as 1 }), 'TIDE_OPTION'],
    [() => client.produce('orders', 0, 'a', { compressionLevel: 3 }), 'TIDE_OPTION'],
    [() => client.produce('orders', 0, 'a', { codec: 'gzip' } as object), 'TIDE_OPTION'],
  ];
  for (const [call, code] of wrong) assert.equal((await rejection(call())).code, code);
  assert.equal(cluster.requests().length, 0);
});

kafkaTest(
  'brokers before 0.11 get an old message set, and headers are an error',
  async (t, kafka) => {
    const client = new KafkaClient({ brokers: kafka.bootstrap });
    t.after(() => client.close());
    const topic = await kafka.createTopic();
    assert.deepEqual((await client.produce(topic, 0, ['a', { key: 'k', value: 'b' }], { compression: 'gzip' })).offsets, [0, 1]);
    const { messages } = await client.fetch(topic, 0, 1);
    assert.deepEqual(
      messages.map(({ offset, key, value }) => [offset, key?.toString(), value?.toString()]),
      [[1, 'k', 'b']],
    );
    const error = await rejection(client.produce(topic, 0, { value: 'c', headers: { h: '1' } }));
    assert.deepEqual([error.code, error.persistence, error.context['needs']], ['TIDE_UNSUPPORTED', 'no', 'Kafka 0.11']);
  },
  { version: '0.10.2.2' },
);

test('lists: one request for each leader, results in the order of the payloads, two batches of one partition in their order', async t => {
  const { cluster, client } = await clientSetting(t, { brokers: 3, topics: { orders: 3, audit: 2 } });
  const payloads = [
    { topic: 'orders', partition: 2, messages: ['o2'] },
    { topic: 'audit', partition: 1, messages: ['a1', 'a1b'] },
    { topic: 'orders', partition: 0, messages: ['o0'] },
    { topic: 'orders', partition: 2, messages: ['o2 again'] },
    { topic: 'orders', partition: 1, messages: [] },
  ];
  const results = await client.send.produce(payloads);
  assert.deepEqual(
    results.map(({ topic, partition, baseOffset, offsets }) => [topic, partition, baseOffset, offsets.length]),
    [
      ['orders', 2, 0, 1],
      ['audit', 1, 0, 2],
      ['orders', 0, 0, 1],
      ['orders', 2, 1, 1],
      ['orders', 1, -1, 0],
    ],
  );
  const leaders = new Set([cluster.leaderOf('orders', 2), cluster.leaderOf('audit', 1), cluster.leaderOf('orders', 0)]);
  assert.equal(cluster.requests(Produce).length, leaders.size + 1);
  assert.equal(
    cluster.requests(Produce).reduce((sum, request) => sum + batchesIn(request), 0),
    4,
  );
});

test('lists: a batch that is sent again still goes before the next one of its partition', async t => {
  const { cluster, client } = await clientSetting(t);
  cluster.on(Produce).failOnce('NOT_ENOUGH_REPLICAS');
  const results = await client.send.produce(['a', 'b'].map(value => ({ topic: 'orders', partition: 0, messages: [value] })));
  assert.deepEqual(
    results.map(({ baseOffset }) => baseOffset),
    [0, 1],
  );
});

for (const onUnsure of ['reject', 'retry'] as const) {
  test(`lists: of two requests to one leader one is lost (onUnsure: ${onUnsure}): the batches of the other are stored, once`, async t => {
    const { cluster, client } = await clientSetting(t, { topics: { orders: 2 } });
    cluster.on(Produce, { partition: 1 }).dropAnswer();
    const large = (partition: number) => ({ topic: 'orders', partition, messages: ['x'.repeat(1500)] });
    const outcomes = await client.send.produce([large(0), large(1)], { maxRequestBytes: 2000, onUnsure, failOnError: false });
    const seen = outcomes.map(outcome => (outcome.ok ? outcome.value.baseOffset : [outcome.error.code, outcome.error.persistence]));
    const [lost, twice] = [['TIDE_CONNECTION', 'maybe'], 2];
    assert.deepEqual(seen, [0, onUnsure === 'reject' ? lost : 1]);
    const stored = [0, 1].map(partition => cluster.records('orders', partition).length);
    assert.deepEqual(stored, [1, onUnsure === 'reject' ? 1 : twice]);
  });
}

test('closed between two attempts: it says whether the first of them may have stored it', async t => {
  const patient = { attempts: 5, backoffMs: 600_000, maxBackoffMs: 600_000 };
  for (const [fault, persistence] of [
    ['dropAnswer', 'maybe'],
    ['refusal', 'no'],
  ] as const) {
    const { cluster, client } = await clientSetting(t, { client: { retry: patient } });
    const faults = cluster.on(Produce);
    if (fault === 'dropAnswer') faults.dropAnswer();
    else faults.failOnce('NOT_ENOUGH_REPLICAS');
    const passed = new Promise(resolve => client.once('nonFatalError', resolve));
    const lost = rejection(client.produce('orders', 0, 'a'));
    await passed;
    await client.close();
    const error = await lost;
    assert.deepEqual([error.name, error.code, error.persistence], ['StateError', 'TIDE_CLOSED', persistence]);
  }
});

for (const version of ['4.1.2', '1.1.1'] as const) {
  kafkaTest(
    'two messages in one atomic batch',
    async (t, kafka) => {
      const client = new KafkaClient({ brokers: kafka.bootstrap });
      t.after(() => client.close());
      const topic = await kafka.createTopic({ partitions: 2, config: { 'max.message.bytes': 2000 } });
      const stored = await client.produce(topic, 1, ['debit', 'credit']);
      assert.deepEqual([stored.baseOffset, stored.offsets], [0, [0, 1]]);
      assert.equal((await rejection(client.produce(topic, 1, ['x'.repeat(1500), 'y'.repeat(1500)]))).code, 'MESSAGE_TOO_LARGE');
      assert.deepEqual((await client.produce(topic, 1, 'next')).offsets, [2], 'nothing of the large batch was stored');
      assert.equal((await client.produce(topic, 1, 'unseen', { acks: 0 })).baseOffset, -1);
      assert.deepEqual((await client.produce(topic, 1, 'seen', { acks: 1 })).offsets, [4]);
    },
    { version },
  );
}
