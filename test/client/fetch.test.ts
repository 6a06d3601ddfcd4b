import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BrokerError, CorruptRecordError } from '../../src/base/errors.js';
import { KafkaClient } from '../../src/client/client.js';
import { Fetch, ListOffsets, Metadata } from '../../src/protocol/index.js';
import { encodeBatch, encodeTransactionEnd } from '../../src/records/index.js';
import { kafkaTest } from '../kafka/kafka.js';
import { clientSetting, rejection } from './setting.js';

const values = (from: number, count: number, more: object = {}) =>
  Array.from({ length: count }, (_, i) => ({ value: `v${from + i}`, ...more }));
const shown = (messages: Iterable<{ readonly offset: number; readonly value: Buffer | null }>) =>
  Array.from(messages, ({ offset, value }) => `${offset}=${value}`);

test('fetch reads from an offset on and says where to go on, and what the log holds', async t => {
  const { cluster, client } = await clientSetting(t);
  cluster.append('orders', 0, [
    { key: null, value: 'a', timestamp: 5 },
    { key: 'k', value: '', timestamp: 6 },
    { key: '', value: null, timestamp: 7 },
  ]);
  const all = await client.fetch('orders', 0, 0);
  assert.deepEqual(
    all.messages.map(({ offset, key, value, timestamp, valid }) => [offset, key?.toString(), value?.toString(), timestamp, valid]),
    [
      [0, undefined, 'a', 5, true],
      [1, 'k', '', 6, true],
      [2, '', undefined, 7, true],
    ],
  );
  const { messages: _, ...rest } = all;
  assert.deepEqual(rest, { topic: 'orders', partition: 0, nextOffset: 3, highWatermark: 3, lastStableOffset: 3, logStartOffset: 0 });
});

for (const compression of ['none', 'gzip', 'lz4'] as const) {
  test(`fetch from inside of a batch (${compression}): offsets are exact, the head is left out, or not`, async t => {
    const { cluster, client } = await clientSetting(t);
    cluster.append('orders', 0, values(0, 3));
    cluster.append('orders', 0, values(3, 5), { compression });
    const part = await client.fetch('orders', 0, 5);
    assert.deepEqual([shown(part.messages), part.nextOffset], [['5=v5', '6=v6', '7=v7'], 8]);
    const whole = await client.fetch('orders', 0, 5, { includeBatchHead: true });
    assert.deepEqual([shown(whole.messages), whole.nextOffset], [['3=v3', '4=v4', '5=v5', '6=v6', '7=v7'], 8]);
  });
}

test('nothing to receive is no error: the offset stays', async t => {
  const { cluster, client } = await clientSetting(t);
  const none = await client.fetch('orders', 0, 0, { maxWaitMs: 10, minBytes: 1 });
  assert.deepEqual([none.messages, none.nextOffset], [[], 0]);
  const [{ body } = assert.fail()] = cluster.requests(Fetch);
  assert.deepEqual([body.maxWaitMs, body.minBytes], [10, 1]);
});

test('the broker is given maxWaitMs beside the time limit of a request', async t => {
  const { cluster, client } = await clientSetting(t, { client: { requestTimeoutMs: 300, retry: { attempts: 1 } } });
  await client.partitionCount('orders');
  const hold = cluster.on(Fetch).hold();
  const fetching = client.fetch('orders', 0, 0, { maxWaitMs: 60_000, minBytes: 0 });
  await hold.held;
  cluster.on(Metadata).silent();
  assert.equal((await rejection(client.request(Metadata, { topics: [] }))).code, 'TIDE_TIMEOUT'); // its time began later, and is over
  hold.release();
  assert.deepEqual((await fetching).messages, []);
});

test('a first batch that is larger than maxBytes comes all the same', async t => {
  const { cluster, client } = await clientSetting(t);
  cluster.append('orders', 0, [{ value: 'x'.repeat(50_000) }]);
  cluster.append('orders', 0, [{ value: 'y' }]);
  const first = await client.fetch('orders', 0, 0, { maxBytes: 100 });
  assert.deepEqual([first.messages.map(({ value }) => value?.length), first.nextOffset], [[50_000], 1]);
});

test('a broker that cuts the first batch short is asked for all of it', async t => {
  const { cluster, client } = await clientSetting(t);
  cluster.append('orders', 0, [{ value: 'x'.repeat(50_000) }]);
  cluster.on(Fetch).answer(async (_, proceed) => {
    const answer = await proceed();
    return {
      ...answer,
      responses: answer?.responses?.map(topic => ({
        ...topic,
        partitions: topic.partitions?.map(part => ({ ...part, records: Buffer.concat([part.records ?? []].flat()).subarray(0, 100) })),
      })),
    } as typeof answer;
  });
  const { messages } = await client.fetch('orders', 0, 0, { maxBytes: 100 });
  assert.equal(messages.length, 1);
  const asked = cluster.requests(Fetch).map(({ body }) => body.topics[0]?.partitions[0]?.partitionMaxBytes ?? 0);
  assert.equal(asked.length, 2);
  assert.ok(Number(asked[1]) > 50_000, String(asked));
});

test('what is not for users moves nextOffset and gives no message: markers, aborted transactions, gaps', async t => {
  const { cluster, client } = await clientSetting(t);
  const of = { producerId: 7, producerEpoch: 0, isTransactional: true };
  cluster.append('orders', 0, values(0, 2), { ...of, baseSequence: 0 });
  const end = { type: 'abort', producerId: 7, producerEpoch: 0, coordinatorEpoch: 0, timestamp: 1 } as const;
  cluster.appendBatch('orders', 0, encodeTransactionEnd(end));
  cluster.on(Fetch).answer(async (_, proceed) => {
    const answer = await proceed();
    const abortedTransactions = [{ producerId: 7, firstOffset: 0 }];
    const responses = answer?.responses?.map(topic => ({
      ...topic,
      partitions: topic.partitions?.map(part => ({ ...part, abortedTransactions })),
    }));
    return { ...answer, responses } as typeof answer;
  });
  const committed = await client.fetch('orders', 0, 0);
  assert.deepEqual([committed.messages, committed.nextOffset], [[], 3]);
  const uncommitted = await client.fetch('orders', 0, 0, { isolation: 'read_uncommitted' });
  assert.deepEqual([shown(uncommitted.messages), uncommitted.nextOffset], [['0=v0', '1=v1'], 3]);
  cluster.appendBatch('orders', 0, encodeBatch([], { baseOffset: 10, lastOffsetDelta: 4 }), 10); // all that was in it was compacted away
  const empty = await client.fetch('orders', 0, 3);
  assert.deepEqual([empty.messages, empty.nextOffset], [[], 15]);
});

test('an offset outside of the log is an error that says what the log has', async t => {
  const { cluster, client } = await clientSetting(t);
  cluster.append('orders', 0, values(0, 5));
  cluster.append('orders', 0, values(5, 5));
  cluster.trim('orders', 0, 5);
  for (const offset of [0, 11]) {
    const error = await rejection(client.fetch('orders', 0, offset));
    assert.ok(error instanceof BrokerError);
    assert.deepEqual([error.code, error.errno], ['OFFSET_OUT_OF_RANGE', 1]);
    assert.deepEqual([error.context['offset'], error.context['logStartOffset'], error.context['logEndOffset']], [offset, 5, 10]);
    assert.match(error.message, new RegExp(`fetch orders/0: offset ${offset} is not in the log, which has 5 to 10`));
  }
  cluster.on(ListOffsets).failTimes(20, 'UNKNOWN_SERVER_ERROR');
  const plain = await rejection(client.fetch('orders', 0, 0));
  assert.deepEqual([plain.code, plain.context['logStartOffset']], ['OFFSET_OUT_OF_RANGE', undefined]);
});

test('damaged records: an error as soon as they are next, left out, or one invalid message', async t => {
  const { cluster, client } = await clientSetting(t);
  for (let i = 0; i < 9; i += 3) cluster.append('orders', 0, values(i, 3));
  cluster.corrupt('orders', 0, 4);
  const before = await client.fetch('orders', 0, 1);
  assert.deepEqual([shown(before.messages), before.nextOffset], [['1=v1', '2=v2'], 3]);
  const error = await rejection(client.fetch('orders', 0, before.nextOffset));
  assert.ok(error instanceof CorruptRecordError);
  assert.deepEqual([error.code, error.context['offset']], ['TIDE_CORRUPT', 3]);

  const drain = async (onCorrupt: 'skip' | 'return') => {
    const got: string[] = [];
    for (let offset = 1; offset < 9; ) {
      const { messages, nextOffset } = await client.fetch('orders', 0, offset, { onCorrupt });
      for (const message of messages) {
        const { offset: at, nextOffset: behind, valid, error: why, magic, attributes } = message;
        got.push(valid ? `${at}` : `${at}-${behind} ${why?.code} ${magic} ${attributes}`);
      }
      offset = nextOffset;
    }
    return got;
  };
  assert.deepEqual(await drain('skip'), ['1', '2', '6', '7', '8']);
  assert.deepEqual(await drain('return'), ['1', '2', '3-6 TIDE_CORRUPT -1 -1', '6', '7', '8']);
});

test('damage that came on the way is gone when it is fetched again', async t => {
  const { cluster, client } = await clientSetting(t);
  cluster.append('orders', 0, values(0, 3));
  cluster.on(Fetch).rewrite(frame => {
    frame.writeUInt8((frame.at(-2) ?? 0) ^ 0xff, frame.indexOf('v1'));
    return frame;
  });
  const { messages } = await client.fetch('orders', 0, 0);
  assert.equal(messages.length, 3);
  assert.equal(cluster.requests(Fetch).length, 2);
});

test('a leader that moves is found, a broker that is lost is left', async t => {
  const { cluster, client } = await clientSetting(t, { brokers: 3, topics: { orders: 1 } });
  cluster.append('orders', 0, values(0, 2));
  await client.fetch('orders', 0, 0);
  const before = cluster.leaderOf('orders', 0);
  cluster.moveLeader('orders', 0, (before % 3) + 1);
  assert.deepEqual(shown((await client.fetch('orders', 0, 1)).messages), ['1=v1']);
  await cluster.stopBroker((before % 3) + 1);
  assert.deepEqual(shown((await client.fetch('orders', 0, 0)).messages), ['0=v0', '1=v1']);
});

test('a fetch that waits does not stand before other requests, nor before another fetch', async t => {
  const { cluster, client } = await clientSetting(t, { topics: { orders: 2 } });
  await client.connect();
  const hold = cluster.on(Fetch, { topic: 'orders', partition: 0 }).hold();
  const waiting = client.fetch('orders', 0, 0, { maxWaitMs: 0 });
  await hold.held;
  assert.deepEqual((await client.metadata()).brokers.size, 1);
  cluster.append('orders', 1, values(0, 1));
  assert.equal((await client.fetch('orders', 1, 0)).nextOffset, 1);
  hold.release();
  assert.equal((await waiting).nextOffset, 0);
});

test('an abort ends a fetch with its reason', async t => {
  const { cluster, client } = await clientSetting(t);
  const hold = cluster.on(Fetch).hold();
  const abort = new AbortController();
  const reason = new Error('enough');
  const fetching = client.fetch('orders', 0, 0, { signal: abort.signal });
  await hold.held;
  abort.abort(reason);
  await assert.rejects(fetching, error => error === reason);
  hold.release();
});

test('a fetch that was aborted stands before no other, though the broker still holds it back', async t => {
  const { cluster, client } = await clientSetting(t, { topics: { orders: 2 } });
  cluster.append('orders', 1, values(0, 1));
  const hold = cluster.on(Fetch, { partition: 0 }).hold();
  const abort = new AbortController();
  // As many as wait without waiting for each other, and one that shares a connection.
  const fetching = [1, 2, 3, 4, 5].map(() => client.fetch('orders', 0, 0, { signal: abort.signal }));
  const ended = Promise.allSettled(fetching);
  while (cluster.requests(Fetch).length < 4) await cluster.nextRequest(Fetch);
  abort.abort('enough');
  for (const outcome of await ended) assert.equal(outcome.status === 'rejected' && outcome.reason, 'enough');
  const others = Array.from({ length: 5 }, () => client.fetch('orders', 1, 0));
  for (const { nextOffset } of await Promise.all(others)) assert.equal(nextOffset, 1);
  assert.deepEqual([...client.clusterErrors()], [], 'nothing is wrong with the broker');
  hold.release();
});

test('who is aborted does not take along whoever shares the connection', async t => {
  const { cluster, client } = await clientSetting(t);
  const hold = cluster.on(Fetch).hold();
  const aborts = Array.from({ length: 8 }, () => new AbortController());
  const fetching = aborts.map(({ signal }) => client.fetch('orders', 0, 0, { maxWaitMs: 0, signal }));
  const ended = Promise.allSettled(fetching);
  while (cluster.requests(Fetch).length < 4) await cluster.nextRequest(Fetch);
  for (const abort of aborts.slice(0, 4)) abort.abort('enough');
  await Promise.allSettled(fetching.slice(0, 4));
  hold.release();
  assert.deepEqual(
    (await ended).map(({ status }) => status),
    aborts.map((_, i) => (i < 4 ? 'rejected' : 'fulfilled')),
  );
  assert.equal(new Set(cluster.requests(Fetch).map(({ connection }) => connection)).size, 4);
});

test('bad input is refused before anything is sent', async t => {
  const { cluster, client } = await clientSetting(t);
  const wrong: readonly [() => Promise<unknown>, string][] = [
    [() => client.fetch('no/name', 0, 0), 'TIDE_INPUT'],
    [() => client.fetch('orders', -1, 0), 'TIDE_INPUT'],
    [() => client.fetch('orders', 0, -1), 'TIDE_INPUT'],
    [() => client.fetch('orders', 0, 1.5), 'TIDE_INPUT'],
    [() => client.fetch('orders', 0, 2 ** 53), 'TIDE_INPUT'],
    [() => client.fetch('orders', 0, 0, { maxBytes: 0 }), 'TIDE_OPTION'],
    [() => client.fetch('orders', 0, 0, { maxWait: 1 } as object), 'TIDE_OPTION'],
  ];
  for (const [call, code] of wrong) assert.equal((await rejection(call())).code, code);
  assert.equal(cluster.requests().length, 0);
  for (const [topic, partition, message] of [
    ['orders', 1, /orders\/1: .*the topic has 1 partitions, 0 to 0/],
    ['oders', 0, /^topic oders: .*there is no such topic; create it, with Admin/],
  ] as const) {
    const error = await rejection(client.fetch(topic, partition, 0));
    assert.deepEqual([error.code, error.retriable], ['UNKNOWN_TOPIC_OR_PARTITION', false], 'the retries are used up');
    assert.match(error.message, message);
  }
  await client.close();
  assert.equal((await rejection(client.fetch('orders', 0, 0))).code, 'TIDE_CLOSED');
});

for (const [version, magic] of [
  ['4.1.2', 2],
  ['1.1.1', 2],
] as const) {
  kafkaTest(
    'what was produced is fetched, by offset, in any codec',
    async (t, kafka) => {
      const client = new KafkaClient({ brokers: kafka.bootstrap });
      t.after(() => client.close());
      const topic = await kafka.createTopic();
      const { baseOffset, offsets } = await client.produce(
        topic,
        0,
        ['a', { key: 'k', value: null }, { value: 'c', headers: { h: '1' } }],
        {
          compression: 'gzip',
        },
      );
      assert.deepEqual([baseOffset, offsets], [0, [0, 1, 2]]);
      await client.produce(topic, 0, 'd', { compression: 'lz4' });
      const got: string[] = [];
      let offset = 1;
      while (offset < (await client.offsets.latest(topic, 0))) {
        const { messages, nextOffset, highWatermark, logStartOffset } = await client.fetch(topic, 0, offset);
        assert.deepEqual([highWatermark, logStartOffset], [4, 0]);
        got.push(...shown(messages));
        offset = nextOffset;
      }
      assert.deepEqual(got, ['1=null', '2=c', '3=d']);
      const { messages } = await client.fetch(topic, 0, 0);
      assert.deepEqual(
        messages.map(message => [message.offset, message.nextOffset, message.magic, message.attributes]),
        [
          [0, 1, magic, 1],
          [1, 2, magic, 1],
          [2, 3, magic, 1],
          [3, 4, magic, 3],
        ],
      );
      const error = await rejection(client.fetch(topic, 0, 99));
      assert.deepEqual([error.code, error.context['logStartOffset'], error.context['logEndOffset']], ['OFFSET_OUT_OF_RANGE', 0, 4]);
    },
    { version },
  );
}
