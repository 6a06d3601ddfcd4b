import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type BrokerErrorName, errorNumbers } from '../../src/base/broker-errors.js';
import type { EmbeddedCluster, EmbeddedClusterOptions } from '../../src/embedded/index.js';
import {
  AddOffsetsToTxn,
  AddPartitionsToTxn,
  ApiVersions,
  EndTxn,
  Fetch,
  InitProducerId,
  OffsetFetch,
  Produce,
  TxnOffsetCommit,
} from '../../src/protocol/index.js';
import { AbortedFilter, encodeBatch, readBatches } from '../../src/records/index.js';
import type { RawClient } from './raw-client.js';
import { connectTo, fetch, fetchBody, ManualClock, only, produce, produceBody, startCluster } from './setting.js';

interface Identity {
  readonly producerId: number;
  readonly producerEpoch: number;
}

const READ_COMMITTED = 1;
const nameOf = new Map<number, BrokerErrorName | 'NONE'>([
  ...Object.entries(errorNumbers).map(([name, number]): [number, BrokerErrorName] => [number, name as BrokerErrorName]),
  [0, 'NONE'],
]);
const errorName = (number: number) => nameOf.get(number);

/** A transactional producer that does what it is told and nothing else. `tv` is the level of the transactions it speaks. */
class Payments {
  readonly client: RawClient;
  readonly id: string;
  readonly tv: 1 | 2;
  identity: Identity = { producerId: -1, producerEpoch: -1 };
  #sequences = new Map<number, number>();

  constructor(client: RawClient, { id = 'payments', tv = 2 }: { id?: string; tv?: 1 | 2 } = {}) {
    this.client = client;
    this.id = id;
    this.tv = tv;
  }

  async init(given: Partial<Identity> = {}, transactionTimeoutMs = 60_000): Promise<string | undefined> {
    const body = { transactionalId: this.id, transactionTimeoutMs, ...given };
    const { errorCode, producerId, producerEpoch } = await this.client.request(InitProducerId, 5, body);
    if (errorCode === 0) this.#is({ producerId, producerEpoch });
    return errorName(errorCode);
  }

  async add(...partitions: number[]): Promise<string | undefined> {
    const { resultsByTopicV3AndBelow } = await this.client.request(AddPartitionsToTxn, 3, {
      v3AndBelowTransactionalId: this.id,
      v3AndBelowProducerId: this.identity.producerId,
      v3AndBelowProducerEpoch: this.identity.producerEpoch,
      v3AndBelowTopics: [{ name: 'orders', partitions }],
    });
    return errorName(only(resultsByTopicV3AndBelow).resultsByPartition[0]?.partitionErrorCode ?? -1);
  }

  async send(partition: number, value: string, client = this.client): Promise<string | undefined> {
    const baseSequence = this.#sequences.get(partition) ?? 0;
    const records = encodeBatch([{ value }], { ...this.identity, baseSequence, isTransactional: true });
    const body = { ...produceBody(records, { partition }), transactionalId: this.id };
    const answer = await client.request(Produce, this.tv === 2 ? 12 : 11, body);
    const { errorCode } = only(only(answer.responses).partitionResponses);
    if (errorCode === 0) this.#sequences.set(partition, baseSequence + 1);
    return errorName(errorCode);
  }

  async sendOffset(groupId: string, committedOffset: number): Promise<string | undefined> {
    if (this.tv === 1) await this.client.request(AddOffsetsToTxn, 3, { transactionalId: this.id, ...this.identity, groupId });
    const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset, committedMetadata: null }] }];
    const body = { transactionalId: this.id, groupId, ...this.identity, topics };
    const answer = await this.client.request(TxnOffsetCommit, this.tv === 2 ? 5 : 3, body);
    return errorName(only(only(answer.topics).partitions).errorCode);
  }

  async end(committed: boolean): Promise<string | undefined> {
    const body = { transactionalId: this.id, ...this.identity, committed };
    const { errorCode, producerId, producerEpoch } = await this.client.request(EndTxn, this.tv === 2 ? 5 : 4, body);
    if (errorCode === 0 && this.tv === 2) this.#is({ producerId, producerEpoch });
    return errorName(errorCode);
  }

  /** An epoch begins with sequence 0. */
  #is(identity: Identity): void {
    if (identity.producerEpoch !== this.identity.producerEpoch || identity.producerId !== this.identity.producerId) this.#sequences.clear();
    this.identity = identity;
  }
}

async function setting(t: TestContext, options: EmbeddedClusterOptions = {}) {
  const cluster = await startCluster(t, { topics: { orders: 2 }, ...options });
  const client = await connectTo(t, cluster);
  const payments = new Payments(client);
  assert.equal(await payments.init(), 'NONE');
  return { cluster, client, payments };
}

/** What somebody sees who reads what is committed. */
async function committedValues(client: RawClient, partition = 0): Promise<string[]> {
  const { records, abortedTransactions } = await fetch(client, 0, { partition, isolationLevel: READ_COMMITTED });
  const filter = new AbortedFilter(abortedTransactions);
  const values: string[] = [];
  for (const batch of readBatches(records, { topic: 'orders', partition })) {
    if (!filter.skips(batch)) for (const { value } of batch) values.push(String(value));
  }
  return values;
}

/** The errors of steps, in order. */
async function outcomes(...steps: (() => Promise<string | undefined>)[]): Promise<(string | undefined)[]> {
  const all = [];
  for (const step of steps) all.push(await step());
  return all;
}

const markersOf = (cluster: EmbeddedCluster, partition = 0) =>
  cluster.offsets('orders', partition).end - cluster.records('orders', partition).length;

for (const tv of [1, 2] as const) {
  test(`level ${tv}: what is committed is seen, what is aborted is not, and nothing before the end`, async t => {
    const { cluster, client } = await setting(t, { transactionVersion: tv });
    const payments = new Payments(client, { tv });
    await payments.init();
    const begin = async () => (tv === 1 ? payments.add(0, 1) : 'NONE');
    await produce(client, [{ value: 'plain' }]);
    assert.equal(await begin(), 'NONE');
    for (const value of ['a', 'b']) assert.equal(await payments.send(0, value), 'NONE');
    await produce(client, [{ value: 'behind' }]);
    assert.equal(cluster.lastStableOffset('orders', 0), 1);
    assert.deepEqual(await committedValues(client), ['plain']);
    assert.equal(cluster.transactionState('payments'), 'Ongoing');
    assert.equal(await payments.end(true), 'NONE');
    assert.equal(cluster.transactionState('payments'), 'CompleteCommit');
    assert.deepEqual(await committedValues(client), ['plain', 'a', 'b', 'behind']);

    assert.equal(await begin(), 'NONE');
    assert.deepEqual([await payments.send(0, 'never'), await payments.send(1, 'never')], ['NONE', 'NONE']);
    assert.equal(await payments.end(false), 'NONE');
    assert.equal(cluster.transactionState('payments'), 'CompleteAbort');
    assert.deepEqual(await committedValues(client), ['plain', 'a', 'b', 'behind']);
    assert.deepEqual(await committedValues(client, 1), []);
    const { start, end } = cluster.offsets('orders', 0);
    assert.deepEqual([start, end, cluster.lastStableOffset('orders', 0)], [0, 7, 7], 'four records, one aborted, two markers');
  });

  test(`level ${tv}: offsets of a group are stored with the transaction`, async t => {
    const { cluster, client } = await setting(t, { transactionVersion: tv });
    const payments = new Payments(client, { tv });
    await payments.init();
    const stored = async (requireStable: boolean) => {
      const topics = [{ name: 'orders', partitionIndexes: [0] }];
      const answer = await client.request(OffsetFetch, 7, { groupId: 'billing', topics, requireStable });
      const { committedOffset, errorCode } = only(only(answer.topics).partitions);
      return errorCode === 0 ? committedOffset : errorName(errorCode);
    };
    assert.equal(await payments.sendOffset('billing', 5), 'NONE');
    assert.deepEqual([await stored(false), await stored(true)], [-1, 'UNSTABLE_OFFSET_COMMIT']);
    assert.equal(cluster.committed('billing').size, 0);
    await payments.end(true);
    assert.deepEqual([await stored(false), await stored(true)], [5, 5]);
    await payments.sendOffset('billing', 9);
    await payments.end(false);
    assert.deepEqual([await stored(false), await stored(true)], [5, 5]);
    assert.equal(cluster.committed('billing').get('orders/0')?.offset, 5);
  });
}

test('a new producer aborts the transaction of the one before, and fences it', async t => {
  const { cluster, client, payments } = await setting(t);
  await payments.send(0, 'of a zombie');
  const next = new Payments(client);
  assert.deepEqual(
    await outcomes(
      () => next.init(),
      () => next.init(),
    ),
    ['CONCURRENT_TRANSACTIONS', 'NONE'],
  );
  assert.equal(next.identity.producerId, payments.identity.producerId);
  assert.equal(next.identity.producerEpoch, payments.identity.producerEpoch + 2);
  assert.deepEqual(
    await outcomes(
      () => payments.send(0, 'x'),
      () => payments.send(1, 'x'),
    ),
    ['INVALID_PRODUCER_EPOCH', 'INVALID_PRODUCER_EPOCH'],
  );
  assert.deepEqual(
    await outcomes(
      () => payments.end(true),
      () => payments.init(payments.identity),
    ),
    ['PRODUCER_FENCED', 'PRODUCER_FENCED'],
  );
  assert.equal(await next.send(0, 'of its heir'), 'NONE');
  await next.end(true);
  assert.deepEqual(await committedValues(client), ['of its heir']);
  assert.equal(markersOf(cluster), 2);
});

test('a transaction that lasts too long is aborted: by the clock of the cluster, or on command', async t => {
  const clock = new ManualClock();
  const { cluster, payments } = await setting(t, { clock });
  await payments.init({}, 5000);
  await payments.send(0, 'slow');
  clock.advance(4999);
  assert.equal(cluster.transactionState('payments'), 'Ongoing');
  clock.advance(1);
  assert.equal(cluster.transactionState('payments'), 'CompleteAbort');
  assert.equal(cluster.lastStableOffset('orders', 0), 2);
  assert.deepEqual(
    await outcomes(
      () => payments.send(0, 'late'),
      () => payments.end(true),
    ),
    ['INVALID_PRODUCER_EPOCH', 'INVALID_TXN_STATE'],
  );
  assert.equal(await payments.init(payments.identity), 'NONE', 'it may go on under the epoch that was raised');

  await payments.send(0, 'again');
  cluster.expireTransaction('payments');
  assert.equal(cluster.transactionState('payments'), 'CompleteAbort');
  assert.throws(() => cluster.expireTransaction('payments'), { code: 'TIDE_INPUT' });
  assert.throws(() => cluster.expireTransaction('nobody'), { code: 'TIDE_INPUT' });
  assert.equal(clock.pending, 0, 'no timer of a transaction that is over is left');
});

test('a partition without a leader gets its marker from the next one: until then the transaction is not over', async t => {
  const { cluster, client, payments } = await setting(t, { brokers: 2, replicationFactor: 1 });
  cluster.moveCoordinator(1);
  assert.equal(cluster.leaderOf('orders', 1), 2);
  const second = await connectTo(t, cluster, 2);
  await payments.send(0, 'a');
  assert.equal(await payments.send(1, 'b', second), 'NONE');
  await cluster.stopBroker(2);
  assert.equal(await payments.end(true), 'NONE');
  assert.equal(cluster.transactionState('payments'), 'PrepareCommit');
  assert.deepEqual([markersOf(cluster, 0), markersOf(cluster, 1)], [1, 0]);
  assert.deepEqual(
    await outcomes(
      () => payments.send(0, 'c'),
      () => payments.init(),
      () => payments.end(true),
    ),
    ['CONCURRENT_TRANSACTIONS', 'CONCURRENT_TRANSACTIONS', 'PRODUCER_FENCED'],
  );
  await cluster.startBroker(2);
  assert.equal(cluster.transactionState('payments'), 'CompleteCommit');
  assert.equal(markersOf(cluster, 1), 1);
  assert.deepEqual(await committedValues(await connectTo(t, cluster, 2), 1), ['b']);
  assert.deepEqual(
    await outcomes(
      () => payments.send(0, 'c'),
      () => payments.end(true),
    ),
    ['NONE', 'NONE'],
  );
  assert.deepEqual(await committedValues(client), ['a', 'c']);
});

test('a partition without a leader that is deleted does not keep the transaction open', async t => {
  const { cluster, payments } = await setting(t, { brokers: 2, replicationFactor: 1 });
  cluster.moveCoordinator(1);
  assert.equal(await payments.send(1, 'b', await connectTo(t, cluster, 2)), 'NONE');
  await cluster.stopBroker(2);
  await payments.end(true);
  assert.equal(cluster.transactionState('payments'), 'PrepareCommit');
  cluster.deleteTopic('orders');
  assert.equal(cluster.transactionState('payments'), 'CompleteCommit');
});

test('a topic that is deleted while it is in a transaction does not keep it open', async t => {
  const { cluster, client, payments } = await setting(t);
  await payments.send(0, 'a');
  cluster.deleteTopic('orders');
  cluster.createTopic('orders', 1);
  assert.equal(await payments.end(true), 'NONE');
  assert.equal(cluster.transactionState('payments'), 'CompleteCommit');
  assert.equal(cluster.offsets('orders', 0).end, 0, 'the new topic has nothing to do with it');
  assert.deepEqual(await committedValues(client), []);
});

test('a fetch that waits for what is committed wakes when the transaction ends', async t => {
  const clock = new ManualClock();
  const { cluster, client, payments } = await setting(t, { clock });
  await payments.send(0, 'a');
  const reader = await connectTo(t, cluster);
  const arrived = cluster.nextRequest(Fetch);
  reader.send(Fetch, 12, fetchBody(0, { isolationLevel: READ_COMMITTED, maxWaitMs: 10_000 }));
  const frame = reader.frame();
  await arrived;
  await payments.end(true);
  await frame; // the clock stands still
  assert.deepEqual(await committedValues(client), ['a']);
});

test('behind the last epoch comes a new producer id', async t => {
  const { client, payments } = await setting(t);
  const first = payments.identity;
  for (let epoch = first.producerEpoch; epoch < 32_766; epoch++) await payments.init(payments.identity);
  assert.deepEqual(payments.identity, { producerId: first.producerId, producerEpoch: 32_766 });
  assert.deepEqual(
    await outcomes(
      () => payments.send(0, 'a'),
      () => payments.end(true),
    ),
    ['NONE', 'NONE'],
  );
  assert.notEqual(payments.identity.producerId, first.producerId);
  assert.equal(payments.identity.producerEpoch, 0);
  const late = new Payments(client);
  late.identity = { producerId: first.producerId, producerEpoch: 32_766 };
  assert.equal(await late.end(true), 'NONE', 'who did not hear the answer asks again');
  assert.deepEqual(late.identity, payments.identity);
  assert.deepEqual(
    await outcomes(
      () => payments.send(0, 'b'),
      () => payments.end(true),
    ),
    ['NONE', 'NONE'],
  );
  assert.deepEqual(await committedValues(client), ['a', 'b']);
});

test('behind the last epoch the producer that goes on may ask again, one that was taken over may not', async t => {
  const { client, payments } = await setting(t);
  const exhausted = async (): Promise<Identity> => {
    while (payments.identity.producerEpoch < 32_766) await payments.init(payments.identity);
    return payments.identity;
  };
  const first = await exhausted();
  assert.equal(await payments.init(first), 'NONE');
  const second = payments.identity;
  assert.equal(second.producerEpoch, 0);
  assert.notEqual(second.producerId, first.producerId);
  assert.equal(await payments.init(first), 'NONE');
  assert.deepEqual(payments.identity, second);

  const third = await exhausted();
  const heir = new Payments(client);
  assert.equal(await heir.init(), 'NONE');
  assert.equal(heir.identity.producerEpoch, 0);
  assert.equal(await payments.init(third), 'PRODUCER_FENCED');
});

test('clients are told which transactions the cluster is for', async t => {
  const told = async (options: EmbeddedClusterOptions, version: number) => {
    const client = await connectTo(t, await startCluster(t, options));
    const { supportedFeatures, finalizedFeatures } = await client.request(ApiVersions, version, {
      clientSoftwareName: 'raw',
      clientSoftwareVersion: '1',
    });
    const of = <F extends { name: string }>(features: readonly F[]) => features.filter(({ name }) => name === 'transaction.version');
    return [of(supportedFeatures).map(({ maxVersion }) => maxVersion), of(finalizedFeatures).map(({ maxVersionLevel }) => maxVersionLevel)];
  };
  assert.deepEqual(await told({}, 4), [[2], [2]]);
  assert.deepEqual(await told({}, 3), [[], [2]]);
  assert.deepEqual(await told({ transactionVersion: 1 }, 4), [[2], [1]]);
  assert.deepEqual(await told({ transactionVersion: 0 }, 4), [[2], []]);
  assert.deepEqual(await told({ emulate: '4.1' }, 4), [[2], [2]]);
  assert.deepEqual(await told({ emulate: '3.9' }, 4), [[], []]);
});

test('producers that are forgotten may go on at any sequence; in a transaction of level 2, and with release 1.1, they begin anew', async t => {
  const send = async (client: RawClient, baseSequence: number) => {
    const { errorCode } = await produce(client, encodeBatch([{ value: 'v' }], { producerId: 7, producerEpoch: 0, baseSequence }), {
      version: 5,
    });
    return errorName(errorCode);
  };
  const { cluster, client, payments } = await setting(t);
  assert.deepEqual(
    await outcomes(
      () => send(client, 0),
      () => send(client, 5),
    ),
    ['NONE', 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
  );
  cluster.forgetProducers('orders', 0);
  assert.deepEqual(
    await outcomes(
      () => send(client, 5),
      () => send(client, 6),
    ),
    ['NONE', 'NONE'],
  );
  await payments.send(0, 'a');
  await payments.send(0, 'b');
  cluster.forgetProducers('orders', 0);
  assert.equal(await payments.send(0, 'c'), 'OUT_OF_ORDER_SEQUENCE_NUMBER');

  const old = await startCluster(t, { emulate: '1.1', topics: { orders: 1 } });
  const oldClient = await connectTo(t, old);
  assert.equal(await send(oldClient, 0), 'NONE');
  await produce(oldClient, [{ value: 'other' }], { version: 5 });
  old.trim('orders', 0, 1);
  assert.deepEqual(
    await outcomes(
      () => send(oldClient, 1),
      () => send(oldClient, 0),
    ),
    ['UNKNOWN_PRODUCER_ID', 'NONE'],
  );
});

test('a reset forgets transactions', async t => {
  const { cluster, payments } = await setting(t);
  await payments.send(0, 'a');
  cluster.reset();
  assert.equal(cluster.transactionState('payments'), undefined);
  assert.deepEqual(
    await outcomes(
      () => payments.end(true),
      () => payments.init(),
    ),
    ['INVALID_PRODUCER_ID_MAPPING', 'NONE'],
  );
  assert.equal(cluster.lastStableOffset('orders', 0), 0);
});

test('batches appended without a client open and end transactions like all others', async t => {
  const { cluster, client } = await setting(t);
  const of = { producerId: 7, producerEpoch: 0, isTransactional: true };
  cluster.append('orders', 0, [{ value: 'a' }], of);
  assert.equal(cluster.lastStableOffset('orders', 0), 0);
  cluster.append('orders', 0, [{ key: Buffer.from([0, 0, 0, 0]), value: null }], { ...of, isControl: true });
  assert.equal(cluster.lastStableOffset('orders', 0), 2);
  assert.deepEqual((await fetch(client, 0, { isolationLevel: READ_COMMITTED })).abortedTransactions, [{ producerId: 7, firstOffset: 0 }]);
});
