import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorNumbers } from '../../src/base/broker-errors.js';
import { Produce } from '../../src/protocol/index.js';
import { encodeBatch, encodeTransactionEnd } from '../../src/records/index.js';
import { connectTo, ManualClock, only, produce, produceBody, startCluster } from './setting.js';

const plain = (value: string) => [{ value, timestamp: 1000 }];

test('records come to stand behind each other, as they were sent', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  const client = await connectTo(t, cluster);
  const sent = [
    {
      key: 'k',
      value: 'v',
      timestamp: 5,
      headers: [
        ['a', 'b'],
        ['a', null],
      ] as const,
    },
    { key: null, value: null, timestamp: 6 },
    { key: '', value: '', timestamp: 7 },
  ];
  assert.equal((await produce(client, sent)).baseOffset, 0);
  assert.equal((await produce(client, plain('last'))).baseOffset, 3);
  assert.deepEqual(
    cluster
      .records('orders', 0)
      .map(({ offset, key, value, headers, timestamp }) => [
        offset,
        key?.toString() ?? null,
        value?.toString() ?? null,
        headers.map(([name, each]) => [name, each?.toString() ?? null]),
        timestamp,
      ]),
    [
      [
        0,
        'k',
        'v',
        [
          ['a', 'b'],
          ['a', null],
        ],
        5,
      ],
      [1, null, null, [], 6],
      [2, '', '', [], 7],
      [3, null, 'last', [], 1000],
    ],
  );
});

test('the request that is remembered shows the batch as it came, not as it was stored', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  const client = await connectTo(t, cluster);
  const batch = encodeBatch(plain('v'));
  await produce(client, batch);
  await produce(client, batch);
  for (const { body } of cluster.requests(Produce)) assert.deepEqual(only(only(body.topicData).partitionData).records, batch);
});

test('with acks 0 nothing is answered, and a refusal closes the connection', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  const client = await connectTo(t, cluster);
  client.send(Produce, 9, produceBody(encodeBatch(plain('silent')), { acks: 0 }));
  assert.equal((await produce(client, plain('loud'))).baseOffset, 1, 'the first answer is that of the second request');
  client.send(Produce, 9, produceBody(encodeBatch(plain('lost')), { acks: 0, topic: 'missing' }));
  await client.closed;
  assert.deepEqual(
    cluster.records('orders', 0).map(({ value }) => String(value)),
    ['silent', 'loud'],
  );
});

test('what a broker must not store is refused, and nothing of it is stored', async t => {
  const cluster = await startCluster(t, {
    maxMessageBytes: 1000,
    topics: { orders: 1, small: { partitions: 1, configs: { 'max.message.bytes': '80' } } },
  });
  const client = await connectTo(t, cluster);
  const good = encodeBatch(plain('value'));
  const flipped = Buffer.from(good);
  flipped.writeUInt8(flipped.readUInt8(good.length - 1) ^ 1, good.length - 1);
  const moved = Buffer.from(good);
  moved.writeInt32BE(4, 4);
  const end = encodeTransactionEnd({ type: 'commit', producerId: 1, producerEpoch: 0, coordinatorEpoch: 0, timestamp: 1 });
  const refusals: [
    name: keyof typeof errorNumbers,
    bytes: Uint8Array | null,
    options?: { topic?: string; partition?: number; acks?: number; version?: number },
  ][] = [
    ['CORRUPT_MESSAGE', flipped],
    ['CORRUPT_MESSAGE', Buffer.concat([good.subarray(0, 8), Buffer.from([0xff, 0xff, 0xff, 0xff]), good.subarray(12)])],
    ['INVALID_RECORD', good.subarray(0, good.length - 1)],
    ['INVALID_RECORD', Buffer.alloc(0)],
    ['INVALID_RECORD', null],
    ['INVALID_RECORD', Buffer.concat([good, good])],
    ['INVALID_RECORD', moved],
    ['INVALID_RECORD', encodeBatch([{ value: 'old' }], { magic: 1 })],
    ['INVALID_RECORD', encodeBatch([{ value: 'old' }], { magic: 0, compression: 'gzip' })],
    [
      'INVALID_RECORD',
      encodeBatch([
        { value: 'a', offset: 0 },
        { value: 'b', offset: 2 },
      ]),
    ],
    ['INVALID_RECORD', encodeBatch([{ key: 'k' }], { isControl: true })],
    ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED', end],
    ['MESSAGE_TOO_LARGE', encodeBatch([{ value: Buffer.alloc(1000) }])],
    ['MESSAGE_TOO_LARGE', encodeBatch([{ value: Buffer.alloc(50) }]), { topic: 'small' }],
    ['UNKNOWN_TOPIC_OR_PARTITION', good, { topic: 'missing' }],
    ['UNKNOWN_TOPIC_OR_PARTITION', good, { partition: 1 }],
    ['INVALID_REQUIRED_ACKS', good, { acks: 2 }],
  ];
  for (const [name, bytes, options] of refusals) {
    const body = produceBody(bytes, options);
    const answer = only(only((await client.request(Produce, 9, body)).responses).partitionResponses);
    assert.equal(answer.errorCode, errorNumbers[name], name);
    assert.equal(answer.baseOffset, -1, name);
  }
  assert.deepEqual(cluster.offsets('orders', 0), { start: 0, end: 0 });
  assert.deepEqual(cluster.offsets('small', 0), { start: 0, end: 0 });
});

test('append time is that of the broker, under a checksum that is right', async t => {
  const clock = new ManualClock();
  const cluster = await startCluster(t, { clock, topics: { orders: { configs: { 'message.timestamp.type': 'LogAppendTime' } } } });
  const client = await connectTo(t, cluster);
  const answer = await produce(client, [
    { value: 'a', timestamp: 5 },
    { value: 'b', timestamp: 6 },
  ]);
  assert.equal(answer.logAppendTimeMs, clock.wallTime());
  assert.deepEqual(
    cluster.records('orders', 0).map(({ timestamp, timestampType }) => [timestamp, timestampType]),
    [
      [clock.wallTime(), 'append'],
      [clock.wallTime(), 'append'],
    ],
  );
});

test('a batch of an idempotent producer sent twice stands once, and a gap is refused', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  const client = await connectTo(t, cluster);
  const numbered = (baseSequence: number) => encodeBatch(plain('v'), { producerId: 1000, producerEpoch: 0, baseSequence });
  await produce(client, plain('other'));
  assert.equal((await produce(client, numbered(0))).baseOffset, 1);
  const again = await produce(client, numbered(0));
  assert.deepEqual([again.errorCode, again.baseOffset], [0, 1]);
  assert.equal((await produce(client, numbered(2))).errorCode, errorNumbers.OUT_OF_ORDER_SEQUENCE_NUMBER);
  assert.equal(cluster.offsets('orders', 0).end, 2);
});

test('acks of all need enough replicas that are up', async t => {
  const cluster = await startCluster(t, { brokers: 2, topics: { orders: { configs: { 'min.insync.replicas': '2' } } } });
  const client = await connectTo(t, cluster, 1);
  assert.equal((await produce(client, plain('a'))).errorCode, 0);
  await cluster.stopBroker(2);
  assert.equal((await produce(client, plain('b'))).errorCode, errorNumbers.NOT_ENOUGH_REPLICAS);
  assert.equal((await produce(client, plain('c'), { acks: 1 })).errorCode, 0);
});

test('a topic with a retention limit forgets its oldest batches', async t => {
  const cluster = await startCluster(t, { topics: { orders: { retentionBytes: 1000 } } });
  const client = await connectTo(t, cluster);
  for (let i = 0; i < 20; i++) await produce(client, [{ value: Buffer.alloc(200) }]);
  const { start, end } = cluster.offsets('orders', 0);
  assert.equal(end, 20);
  assert.equal(cluster.records('orders', 0).length, end - start);
  assert.ok(start >= 14 && start <= 17, `starts at ${start}`);
});
