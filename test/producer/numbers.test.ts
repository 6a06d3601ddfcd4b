import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type BrokerErrorName, errorNumbers } from '../../src/base/broker-errors.js';
import { BrokerError, ConnectionError } from '../../src/base/errors.js';
import type { EmbeddedClusterOptions, SeenRequest } from '../../src/embedded/index.js';
import { ManyDelivery } from '../../src/producer/delivery.js';
import { KeyedProducer, type KeyedProducerOptions } from '../../src/producer/index.js';
import { Lane } from '../../src/producer/lane.js';
import { halves } from '../../src/producer/rebuild.js';
import { verdictOf } from '../../src/producer/verdict.js';
import { InitProducerId, Metadata, Produce, type ResponseInput } from '../../src/protocol/index.js';
import { clientSetting, rejection } from '../client/setting.js';
import { batchesIn, produced, quiet, sentBatches, valuesOf } from './setting.js';

/** A producer whose batches have one record each, and of which one is stored already unless it is to be `fresh`. */
async function setting(
  t: TestContext,
  { fresh = false, options, ...cluster }: EmbeddedClusterOptions & { fresh?: boolean; options?: KeyedProducerOptions } = {},
) {
  const given = await clientSetting(t, cluster);
  const producer = new KeyedProducer(given.client, { batchBytes: 1, ...options });
  const send = (value: string, partition = 0) => producer.send({ topic: 'orders', partition, key: 'k', value });
  if (!fresh) await send('first');
  return { ...given, producer, send };
}

/** What was sent, as `epoch:sequence value`. */
const numbersOf = (sent: readonly { readonly epoch: number; readonly sequence: number; readonly values: readonly string[] }[]) =>
  sent.map(({ epoch, sequence, values }) => `${epoch}:${sequence} ${values}`);

const carries = (value: string) => (request: SeenRequest<typeof Produce>) =>
  batchesIn(request).some(({ values }) => values.includes(value));

/** The answer, with another error for every partition. */
const saying = (answer: ResponseInput<typeof Produce> | undefined, error: BrokerErrorName): ResponseInput<typeof Produce> => ({
  ...answer,
  responses: Array.from(answer?.responses ?? []).map(topic => ({
    ...topic,
    partitionResponses: Array.from(topic.partitionResponses).map(part => ({ ...part, errorCode: errorNumbers[error], baseOffset: -1 })),
  })),
});

test('up to five batches of a partition are on their way, numbered one after the other', async t => {
  const { cluster, send } = await setting(t);
  const hold = cluster.on(Produce).hold();
  const all = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map(value => send(value));
  await produced(cluster, 6);
  await quiet(cluster);
  assert.deepEqual(numbersOf(sentBatches(cluster)), ['0:0 first', '0:1 a', '0:2 b', '0:3 c', '0:4 d', '0:5 e']);
  hold.release();
  assert.deepEqual(
    (await Promise.all(all)).map(({ offset }) => offset),
    [1, 2, 3, 4, 5, 6, 7],
  );
});

test('a partition that has stored nothing of a producer takes any number: only one batch is on its way to it', async t => {
  const { cluster, send } = await setting(t, { fresh: true });
  const hold = cluster.on(Produce).hold();
  const all = ['a', 'b', 'c'].map(value => send(value));
  await hold.held;
  await quiet(cluster);
  assert.deepEqual(numbersOf(sentBatches(cluster)), ['0:0 a']);
  hold.release();
  await Promise.all(all);
  assert.deepEqual(valuesOf(cluster), ['a', 'b', 'c']);
});

test('when the first of five fails, those behind come back, and all are sent again with their numbers, in order', async t => {
  const { cluster, send } = await setting(t);
  cluster.on(Produce, carries('a')).failOnce('NOT_ENOUGH_REPLICAS');
  const hold = cluster.on(Produce).hold();
  const all = ['a', 'b', 'c', 'd', 'e'].map(value => send(value));
  await produced(cluster, 6);
  assert.deepEqual(valuesOf(cluster), ['first'], 'nothing is stored behind a gap');
  hold.release();
  await Promise.all(all);
  const five = ['0:1 a', '0:2 b', '0:3 c', '0:4 d', '0:5 e'];
  assert.deepEqual(numbersOf(sentBatches(cluster).slice(1)), [...five, ...five]);
  assert.deepEqual(valuesOf(cluster), ['first', 'a', 'b', 'c', 'd', 'e']);
});

test('when one in the middle is refused for good, those behind it are numbered anew, and stored', async t => {
  const { cluster, send } = await setting(t);
  cluster.on(Produce, carries('b')).failOnce('INVALID_TIMESTAMP');
  const hold = cluster.on(Produce).hold();
  const all = ['a', 'b', 'c', 'd'].map(value => send(value));
  const settled = Promise.allSettled(all);
  await produced(cluster, 5);
  hold.release();
  assert.deepEqual(
    (await settled).map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
  );
  assert.deepEqual(numbersOf(sentBatches(cluster).slice(5)), ['1:0 c', '1:1 d']);
  assert.deepEqual(valuesOf(cluster), ['first', 'a', 'c', 'd']);
});

test('a broker that has a batch already, and says so, has stored it: where, is not known', async t => {
  const { cluster, send } = await setting(t);
  cluster.on(Produce).answer(async (_, proceed) => saying(await proceed(), 'DUPLICATE_SEQUENCE_NUMBER'));
  const { offset } = await send('a');
  await send('b');
  assert.equal(offset, -1);
  assert.deepEqual(valuesOf(cluster), ['first', 'a', 'b']);
});

test('a lost answer: the batch is sent again with its number, and its offset is told', async t => {
  const { cluster, send } = await setting(t);
  cluster.on(Produce).dropAnswer(1);
  assert.equal((await send('a')).offset, 1);
  assert.deepEqual(numbersOf(sentBatches(cluster).slice(1)), ['0:1 a', '0:1 a']);
  assert.deepEqual(valuesOf(cluster), ['first', 'a']);
});

test('a batch whose answers are lost is not followed by more than a broker remembers: it is stored once', async t => {
  const { cluster, send } = await setting(t);
  cluster.on(Produce, carries('a')).answer(async (_, proceed) => saying(await proceed(), 'NOT_LEADER_OR_FOLLOWER'), 3);
  const values = ['a', ...Array.from({ length: 20 }, (_, i) => `${i}`)];
  await Promise.all(values.map(value => send(value)));
  assert.deepEqual(valuesOf(cluster), ['first', ...values]);
  assert.deepEqual(new Set(sentBatches(cluster).map(({ epoch }) => epoch)), new Set([0]));
});

for (const code of ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID', 'INVALID_PRODUCER_EPOCH'] satisfies BrokerErrorName[]) {
  test(`${code} of the first batch on its way: a new epoch begins, for this partition alone, and nothing is stored twice`, async t => {
    const { cluster, send } = await setting(t, { topics: { orders: 2 } });
    await send('other', 1);
    cluster.on(Produce, carries('a')).failOnce(code);
    const hold = cluster.on(Produce).hold();
    const all = ['a', 'b', 'c'].map(value => send(value));
    await produced(cluster, 5);
    hold.release();
    await Promise.all(all);
    await send('another', 1);
    assert.deepEqual(numbersOf(sentBatches(cluster).slice(5)), ['1:0 a', '1:1 b', '1:2 c', '0:1 another']);
    assert.deepEqual(valuesOf(cluster), ['first', 'a', 'b', 'c']);
    assert.equal(cluster.requests(InitProducerId).length, 1);
  });
}

test('a broker that has forgotten the producer, as those before 2.5 do with its records: numbers begin anew', async t => {
  const { cluster, send } = await setting(t, { emulate: '1.1' });
  cluster.trim('orders', 0, 1);
  await send('a');
  assert.deepEqual(numbersOf(sentBatches(cluster)), ['0:0 first', '0:1 a', '1:0 a']);
  assert.deepEqual(valuesOf(cluster), ['a']);
});

test('when all epochs of a producer id are used up, another id is asked for', async t => {
  const { cluster, send } = await setting(t, { fresh: true, topics: { orders: 2 } });
  cluster.on(InitProducerId).answer(() => ({ errorCode: 0, producerId: 77, producerEpoch: 32_767 }));
  await send('first');
  await send('other', 1);
  cluster.on(Produce, { partition: 0 }).failOnce('OUT_OF_ORDER_SEQUENCE_NUMBER');
  await send('a');
  await send('another', 1);
  const sent = sentBatches(cluster).map(({ producerId, epoch, sequence, values }) => `${producerId} ${epoch}:${sequence} ${values}`);
  assert.deepEqual(sent, ['77 32767:0 first', '77 32767:0 other', '77 32767:1 a', '1000 0:0 a', '77 32767:1 another']);
  assert.deepEqual(valuesOf(cluster), ['first', 'a']);
});

test('a broker without idempotence: left out where it was only the default, an error where it was asked for', async t => {
  const { cluster, client, send } = await setting(t, { fresh: true });
  cluster.limitVersions(InitProducerId, -1);
  await send('a');
  assert.deepEqual(numbersOf(sentBatches(cluster)), ['-1:-1 a']);
  const strict = new KeyedProducer(client, { idempotent: true });
  const error = await rejection(strict.send({ topic: 'orders', key: 'k', value: 'b' }));
  assert.deepEqual([error.code, error.persistence], ['TIDE_UNSUPPORTED', 'no']);
  assert.match(error.message, /needs a broker of Kafka 0\.11 or later/);
  assert.deepEqual(valuesOf(cluster), ['a']);
});

test('not being allowed to write idempotently is an error that says what to do, and is not remembered', async t => {
  const { cluster, send } = await setting(t, { fresh: true });
  cluster.on(InitProducerId).failOnce('CLUSTER_AUTHORIZATION_FAILED');
  const error = await rejection(send('a'));
  assert.deepEqual([error.code, error.persistence], ['CLUSTER_AUTHORIZATION_FAILED', 'no']);
  assert.match(error.message, /allow IdempotentWrite on the cluster, or give idempotent: false/);
  await send('b');
  assert.deepEqual(valuesOf(cluster), ['b']);
});

test('a producer id that cannot be had now is asked for until it can, and what waits for it expires as all else', async t => {
  const { cluster, client, send } = await setting(t, { fresh: true });
  cluster.on(InitProducerId).failTimes(3, 'COORDINATOR_LOAD_IN_PROGRESS');
  await send('a');
  assert.equal(cluster.requests(InitProducerId).length, 4);
  const hurried = new KeyedProducer(client, { deliveryTimeoutMs: 20 });
  cluster.on(InitProducerId).failTimes(1000, 'COORDINATOR_LOAD_IN_PROGRESS');
  const error = await rejection(hurried.send({ topic: 'orders', key: 'k', value: 'b' }));
  assert.deepEqual([error.code, error.persistence], ['TIDE_TIMEOUT', 'no']);
});

test('a leader that a broker names is sent to without asking for metadata', async t => {
  const { cluster, send } = await setting(t, { brokers: 2 });
  cluster.moveLeader('orders', 0, cluster.leaderOf('orders', 0) === 1 ? 2 : 1);
  const asked = cluster.requests(Metadata).length;
  await send('a');
  assert.equal(cluster.requests(Metadata).length, asked);
  assert.deepEqual(
    cluster.requests(Produce).map(({ broker }) => broker),
    [1, 1, 2],
  );
  assert.deepEqual(valuesOf(cluster), ['first', 'a']);
});

test('a leader that no broker names is found by metadata', async t => {
  const { cluster, send } = await setting(t, { brokers: 2 });
  cluster.limitVersions(Produce, 9);
  cluster.moveLeader('orders', 0, cluster.leaderOf('orders', 0) === 1 ? 2 : 1);
  await send('a');
  assert.deepEqual(valuesOf(cluster), ['first', 'a']);
});

test('a topic that was deleted and made again meanwhile gets what is sent, once', async t => {
  const { cluster, send } = await setting(t);
  cluster.deleteTopic('orders');
  cluster.createTopic('orders', 2);
  const all = [...['a', 'b', 'c'].map(value => send(value)), send('d', 1)];
  await Promise.all(all);
  assert.deepEqual([valuesOf(cluster, 0), valuesOf(cluster, 1)], [['a', 'b', 'c'], ['d']]);
});

test('a topic that is away for a while is waited for', async t => {
  const { cluster, send } = await setting(t);
  cluster.deleteTopic('orders');
  const waiting = send('a');
  await produced(cluster, 2);
  cluster.createTopic('orders', 1);
  await waiting;
  assert.deepEqual(valuesOf(cluster), ['a']);
});

test('a partition that was added is found when a record names it', async t => {
  const { cluster, send, producer } = await setting(t, { fresh: true, topics: { orders: 3 } });
  let grown = false;
  cluster.on(Metadata).answer(async (_, proceed) => {
    const answer = await proceed();
    if (grown || answer === undefined) return answer;
    return { ...answer, topics: answer.topics?.map(topic => ({ ...topic, partitions: topic.partitions?.slice(0, 2) })) };
  }, Number.POSITIVE_INFINITY);
  await send('a');
  assert.equal((await rejection(send('early', 2))).code, 'UNKNOWN_TOPIC_OR_PARTITION');
  grown = true;
  const results = await Promise.all([send('b', 2), producer.send({ topic: 'orders', key: 'k', partition: 0, value: 'c' })]);
  assert.deepEqual(
    results.map(({ partition, offset }) => [partition, offset]),
    [
      [2, 0],
      [0, 1],
    ],
  );
});

test('the halves of a batch that was too large keep their order, however they come back, and count as two', () => {
  const seal = { compression: 'none', unstamped: true } as const;
  const lane = new Lane('orders', 0, { batchBytes: 10_000, everyN: 4, deliveryTimeoutMs: 120_000, seal });
  const delivery = new ManyDelivery(12, 'sendMany');
  for (let i = 0; i < 12; i++) lane.append(delivery, i, null, `${i}`, 0, undefined, 0);
  const series = { producerId: 7, epoch: 0 };
  const take = () => lane.take(series) ?? assert.fail('there is one');
  const [first, second] = [take(), take()];
  lane.numbering.stored(first);
  lane.arrived(first);
  assert.deepEqual([lane.hasWindow, second.sequence, second.order], [true, 4, 1]);
  const third = take();
  lane.cameBack(second, ...halves(second, seal));
  lane.cameBack(third, third);
  lane.gather();
  const again = [take(), take(), take()];
  assert.deepEqual(
    again.map(({ sequence, order, count }) => [sequence, order, count]),
    [
      [4, 1, 2],
      [6, 2, 2],
      [8, 3, 4],
    ],
  );
  for (const batch of again.toReversed()) lane.cameBack(batch, batch);
  lane.gather();
  assert.deepEqual([take(), take(), take()], again);
});

test('a partition that cannot keep numbers gets its batches without, one by one and in order; others keep theirs', async t => {
  const { cluster, send } = await setting(t, { topics: { orders: 2 } });
  cluster.on(Produce, { partition: 0 }).failTimes(4, 'UNSUPPORTED_FOR_MESSAGE_FORMAT');
  const hold = cluster.on(Produce).hold();
  const all = [...['a', 'b', 'c', 'd'].map(value => send(value)), send('other', 1)];
  await produced(cluster, 5);
  hold.release();
  await Promise.all(all);
  await send('last', 1);
  await send('last');
  assert.deepEqual(valuesOf(cluster), ['first', 'a', 'b', 'c', 'd', 'last']);
  const stored = sentBatches(cluster).filter(({ epoch }) => epoch === -1);
  assert.deepEqual(
    stored.map(({ partition, producerId, sequence, values: [value] }) => [partition, producerId, sequence, value]),
    ['a', 'b', 'c', 'd', 'last'].map(value => [0, -1, -1, value]),
  );
  assert.deepEqual(numbersOf(sentBatches(cluster).filter(({ partition }) => partition === 1)), ['0:0 other', '0:1 last']);
});

test('where idempotence was asked for, a partition that cannot keep numbers is an error', async t => {
  const { cluster, send } = await setting(t, { options: { idempotent: true } });
  cluster.on(Produce).failOnce('UNSUPPORTED_FOR_MESSAGE_FORMAT');
  assert.equal((await rejection(send('a'))).code, 'UNSUPPORTED_FOR_MESSAGE_FORMAT');
  assert.deepEqual(valuesOf(cluster), ['first']);
});

test('what an error of a numbered batch means depends on what is before it', () => {
  const verdict = (code: BrokerErrorName, first: boolean, mayRestart = true, optional = true) =>
    verdictOf({
      error: new BrokerError(code, code, { errno: errorNumbers[code] }),
      count: 2,
      blamed: [],
      onUnsure: 'retry',
      numbered: { first, mayRestart, optional },
    });
  for (const code of ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID', 'INVALID_PRODUCER_EPOCH'] as const) {
    assert.deepEqual([verdict(code, true), verdict(code, false), verdict(code, true, false)], ['restart', 'retry', 'reject'], code);
  }
  assert.equal(verdict('OUT_OF_ORDER_SEQUENCE_NUMBER', false, false), 'retry');
  assert.equal(verdict('DUPLICATE_SEQUENCE_NUMBER', false), 'stored');
  assert.equal(verdict('MESSAGE_TOO_LARGE', false), 'split');
  assert.equal(verdict('PRODUCER_FENCED', true), 'reject');
  assert.equal(verdict('UNSUPPORTED_FOR_MESSAGE_FORMAT', true), 'unnumber');
  assert.equal(verdict('UNSUPPORTED_FOR_MESSAGE_FORMAT', true, true, false), 'reject');
  const lost = new ConnectionError('lost', { persistence: 'maybe' });
  assert.equal(
    verdictOf({ error: lost, count: 1, blamed: [], onUnsure: 'retry', numbered: { first: true, mayRestart: true, optional: true } }),
    'refresh',
  );
});
