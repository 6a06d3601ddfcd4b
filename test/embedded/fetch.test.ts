import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorNumbers } from '../../src/base/broker-errors.js';
import { Fetch, Metadata } from '../../src/protocol/index.js';
import { encodeBatch, readBatches } from '../../src/records/index.js';
import { connectTo, fetch, fetchBody, ManualClock, only, produce, startCluster } from './setting.js';

const value = (bytes: number) => [{ value: Buffer.alloc(bytes), timestamp: 1000 }];
const offsetsOf = (records: Uint8Array | null) =>
  [...readBatches(records, { topic: 'orders', partition: 0 })].flatMap(batch => [...batch].map(({ offset }) => offset));

test('whole batches come, from the one that holds the offset', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  for (let i = 0; i < 3; i++) cluster.append('orders', 0, [{ value: 'a' }, { value: 'b' }]);
  const client = await connectTo(t, cluster);
  const answer = await fetch(client, 3);
  assert.deepEqual(offsetsOf(answer.records), [2, 3, 4, 5]);
  assert.deepEqual([answer.highWatermark, answer.lastStableOffset, answer.logStartOffset], [6, 6, 0]);
  assert.equal(answer.abortedTransactions, null);
  assert.deepEqual((await fetch(client, 6, { isolationLevel: 1 })).abortedTransactions, []);
});

test('sizes are limited per partition and over all, but the first batch of all always comes', async t => {
  const cluster = await startCluster(t, { topics: { orders: 3 } });
  for (const partition of [0, 1, 2]) for (let i = 0; i < 3; i++) cluster.append('orders', partition, value(1000));
  const size = encodeBatch(value(1000)).length;
  const client = await connectTo(t, cluster);
  const counts = async (maxBytes: number, partitionMaxBytes: number) => {
    const partitions = [0, 1, 2].map(partition => ({ partition, fetchOffset: 0, partitionMaxBytes }));
    const answer = await client.request(Fetch, 12, { maxWaitMs: 0, minBytes: 1, maxBytes, topics: [{ topic: 'orders', partitions }] });
    return only(answer.responses).partitions.map(({ records }) => offsetsOf(records).length);
  };
  assert.deepEqual(await counts(1e6, 1e6), [3, 3, 3]);
  assert.deepEqual(await counts(1e6, size * 2), [2, 2, 2]);
  assert.deepEqual(await counts(size * 4, 1e6), [3, 1, 0]);
  assert.deepEqual(await counts(1, 1), [1, 0, 0]);
  assert.deepEqual(await counts(1e6, 1), [1, 0, 0]);
});

test('the last batch is cut off at the limit where that is wanted', async t => {
  const cluster = await startCluster(t, { cutBatches: true, topics: { orders: 1 } });
  cluster.append('orders', 0, value(1000));
  cluster.append('orders', 0, value(1000));
  const answer = await fetch(await connectTo(t, cluster), 0, { partitionMaxBytes: 1500 });
  assert.equal(answer.records?.length, 1500);
  assert.deepEqual(offsetsOf(answer.records), [0]);
});

test('offsets outside the log are out of range; its end is not', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  for (let i = 0; i < 4; i++) cluster.append('orders', 0, [{ value: 'v' }]);
  cluster.trim('orders', 0, 2);
  const client = await connectTo(t, cluster);
  const codes = [];
  for (const offset of [1, 2, 4, 5]) codes.push((await fetch(client, offset)).errorCode);
  assert.deepEqual(codes, [errorNumbers.OFFSET_OUT_OF_RANGE, 0, 0, errorNumbers.OFFSET_OUT_OF_RANGE]);
});

test('a fetch waits for records, and is woken by them', async t => {
  const clock = new ManualClock(); // stands still: only records can end the wait
  const cluster = await startCluster(t, { clock, topics: { orders: 1 } });
  const client = await connectTo(t, cluster);
  const waiting = fetch(client, 0, { maxWaitMs: 1000 });
  await cluster.nextRequest(Fetch);
  cluster.append('orders', 0, [{ value: 'v' }]);
  assert.deepEqual(offsetsOf((await waiting).records), [0]);
  assert.equal(clock.pending, 0, 'no timer is left behind');
});

test('a waiting fetch is woken by what others produce, and when its topic goes', async t => {
  const clock = new ManualClock();
  const cluster = await startCluster(t, { clock, topics: { orders: 1 } });
  const [reader, writer] = [await connectTo(t, cluster), await connectTo(t, cluster)];
  const waitFrom = async (offset: number) => {
    const arrived = cluster.nextRequest(Fetch);
    const waiting = fetch(reader, offset, { maxWaitMs: 1000 });
    await arrived;
    return { waiting };
  };
  const first = await waitFrom(0);
  await produce(writer, [{ value: 'v' }]);
  assert.deepEqual(offsetsOf((await first.waiting).records), [0]);
  const second = await waitFrom(1);
  cluster.deleteTopic('orders');
  assert.equal((await second.waiting).errorCode, errorNumbers.UNKNOWN_TOPIC_OR_PARTITION);
});

test('a fetch waits until there are enough bytes, or its time is over', async t => {
  const clock = new ManualClock();
  const cluster = await startCluster(t, { clock, topics: { orders: 1 } });
  const client = await connectTo(t, cluster);
  const size = encodeBatch(value(100)).length;
  const arrived = cluster.nextRequest(Fetch);
  const waiting = fetch(client, 0, { maxWaitMs: 1000, minBytes: size * 3 });
  await arrived;
  cluster.append('orders', 0, value(100));
  cluster.append('orders', 0, value(100));
  await new Promise(setImmediate);
  assert.equal(clock.pending, 1, 'two batches are not enough');
  clock.advance(999);
  assert.equal(clock.pending, 1);
  clock.advance(1);
  assert.deepEqual(offsetsOf((await waiting).records), [0, 1]);

  const next = cluster.nextRequest(Fetch);
  const again = fetch(client, 0, { maxWaitMs: 1000, minBytes: size * 3 });
  await next;
  cluster.append('orders', 0, value(100));
  assert.deepEqual(offsetsOf((await again).records), [0, 1, 2]);
});

test('requests behind a waiting fetch wait too, and are answered in order', async t => {
  const clock = new ManualClock();
  const cluster = await startCluster(t, { clock, topics: { orders: 1 } });
  const client = await connectTo(t, cluster);
  const first = client.send(Fetch, 12, fetchBody(0, { maxWaitMs: 1000 }));
  const arrived = cluster.nextRequest(Metadata);
  const second = client.send(Metadata, 9, { topics: [] });
  await arrived;
  cluster.append('orders', 0, [{ value: 'v' }]);
  assert.equal((await client.frame()).readInt32BE(0), first);
  assert.equal((await client.frame()).readInt32BE(0), second);
});

test('a connection that closes takes its waiting fetch with it', async t => {
  const clock = new ManualClock();
  const cluster = await startCluster(t, { clock, topics: { orders: 1 } });
  const client = await connectTo(t, cluster);
  client.send(Fetch, 12, fetchBody(0, { maxWaitMs: 1000 }));
  await cluster.nextRequest(Fetch);
  await new Promise(setImmediate);
  assert.equal(clock.pending, 1);
  client.close();
  await client.closed;
  while (clock.pending > 0) await new Promise(setImmediate);
});

test('leader epochs are compared where the request gives one', async t => {
  const cluster = await startCluster(t, { brokers: 2, topics: { orders: 1 } });
  cluster.moveLeader('orders', 0, 2);
  cluster.moveLeader('orders', 0, 1);
  const client = await connectTo(t, cluster, 1);
  const codes = [];
  for (const currentLeaderEpoch of [-1, 2, 1, 3]) codes.push((await fetch(client, 0, { currentLeaderEpoch })).errorCode);
  assert.deepEqual(codes, [0, 0, errorNumbers.FENCED_LEADER_EPOCH, errorNumbers.UNKNOWN_LEADER_EPOCH]);
});

test('an id that no topic has is refused as such, also after the topic was made again', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  const client = await connectTo(t, cluster);
  const topicId = async () => only((await client.request(Metadata, 12, { topics: [{ name: 'orders' }] })).topics).topicId;
  const byId = async (id: string) => {
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }];
    const answer = await client.request(Fetch, 13, { maxWaitMs: 0, minBytes: 1, topics: [{ topicId: id, partitions }] });
    return only(only(answer.responses).partitions).errorCode;
  };
  const old = await topicId();
  assert.equal(await byId(old), 0);
  cluster.deleteTopic('orders');
  cluster.createTopic('orders');
  assert.equal(await byId(old), errorNumbers.UNKNOWN_TOPIC_ID);
  assert.equal(await byId(await topicId()), 0);
});

test('a stored batch that is damaged comes as it is, with a checksum that is wrong', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  cluster.append('orders', 0, [{ value: 'a' }]);
  cluster.append('orders', 0, [{ value: 'b' }]);
  cluster.corrupt('orders', 0, 1);
  const { records } = await fetch(await connectTo(t, cluster), 0);
  assert.throws(() => offsetsOf(records), { code: 'TIDE_CORRUPT' });
  const reader = readBatches(records, { topic: 'orders', partition: 0 });
  assert.equal(reader.next()?.baseOffset, 0);
});
