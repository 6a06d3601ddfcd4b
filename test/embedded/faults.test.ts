import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { errorNumbers } from '../../src/base/broker-errors.js';
import {
  decodeResponseBody,
  encodeRequestFrame,
  Fetch,
  FindCoordinator,
  Metadata,
  OffsetFetch,
  Produce,
} from '../../src/protocol/index.js';
import { encodeBatch, readBatches } from '../../src/records/index.js';
import { connectTo, fetch, ManualClock, only, produce, produceBody, startCluster } from './setting.js';

const record = [{ value: 'v' }];

test('a failure is for as many requests as was said, and those are not applied', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  const client = await connectTo(t, cluster);
  cluster.on(Produce).failTimes(2, 'NOT_ENOUGH_REPLICAS').failOnce('REQUEST_TIMED_OUT');
  const codes = [];
  for (let i = 0; i < 4; i++) codes.push((await produce(client, record)).errorCode);
  assert.deepEqual(codes, [errorNumbers.NOT_ENOUGH_REPLICAS, errorNumbers.NOT_ENOUGH_REPLICAS, errorNumbers.REQUEST_TIMED_OUT, 0]);
  assert.equal(cluster.offsets('orders', 0).end, 1);
});

test('a failure can be for one partition: the others of the same request go on', async t => {
  const cluster = await startCluster(t, { topics: { orders: 3 } });
  const client = await connectTo(t, cluster);
  cluster.on(Produce, { topic: 'orders', partition: 1 }).failOnce('KAFKA_STORAGE_ERROR');
  cluster.on(Produce, { topic: 'other' }).failOnce('KAFKA_STORAGE_ERROR');
  const partitionData = [0, 1, 2].map(index => ({ index, records: encodeBatch(record) }));
  const answer = await client.request(Produce, 9, { acks: -1, timeoutMs: 1000, topicData: [{ name: 'orders', partitionData }] });
  assert.deepEqual(
    only(answer.responses).partitionResponses.map(({ errorCode }) => errorCode),
    [0, errorNumbers.KAFKA_STORAGE_ERROR, 0],
  );
});

test('a failure can be for one group, one broker, one client, or what a function says', async t => {
  const cluster = await startCluster(t, { brokers: 2, topics: { orders: 1 } });
  const [first, second] = [await connectTo(t, cluster, 1), await connectTo(t, cluster, 2)];
  cluster.on(FindCoordinator, { group: 'b' }).failOnce('COORDINATOR_NOT_AVAILABLE');
  const found = await first.request(FindCoordinator, 4, { coordinatorKeys: ['a', 'b', 'c'] });
  assert.deepEqual(
    found.coordinators.map(({ errorCode }) => errorCode),
    [0, errorNumbers.COORDINATOR_NOT_AVAILABLE, 0],
  );

  const code = async (client = first, clientId = 'raw') =>
    only((await client.request(Metadata, 9, { topics: [{ name: 'orders' }] }, clientId)).topics).errorCode;
  cluster.on(Metadata, { broker: 2 }).failOnce('LEADER_NOT_AVAILABLE');
  assert.deepEqual([await code(first), await code(second), await code(second)], [0, errorNumbers.LEADER_NOT_AVAILABLE, 0]);
  cluster.on(Metadata, { clientId: 'billing' }).failOnce('LEADER_NOT_AVAILABLE');
  assert.deepEqual([await code(first, 'other'), await code(first, 'billing')], [0, errorNumbers.LEADER_NOT_AVAILABLE]);
  cluster.on(Metadata, ({ body }) => body.topics === null).failOnce('LEADER_NOT_AVAILABLE');
  assert.equal(await code(), 0);
  const all = await first.request(Metadata, 9, { topics: null });
  assert.equal(only(all.topics).errorCode, errorNumbers.LEADER_NOT_AVAILABLE);
});

test('faults match topics that a request names by id', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  const client = await connectTo(t, cluster);
  const { topicId } = only((await client.request(Metadata, 12, { topics: [{ name: 'orders' }] })).topics);
  cluster.on(Fetch, { topic: 'orders', partition: 0 }).drop();
  client.send(Fetch, 13, {
    maxWaitMs: 0,
    minBytes: 1,
    topics: [{ topicId, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 }] }],
  });
  await client.closed;
});

test('an error for a whole group stands in front of its topics', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  const client = await connectTo(t, cluster);
  const ask = () => client.request(OffsetFetch, 7, { groupId: 'billing', topics: [{ name: 'orders', partitionIndexes: [0] }] });
  cluster.on(OffsetFetch).failOnce('COORDINATOR_LOAD_IN_PROGRESS');
  assert.equal((await ask()).errorCode, errorNumbers.COORDINATOR_LOAD_IN_PROGRESS);
  cluster.on(OffsetFetch, { topic: 'orders' }).failOnce('UNSTABLE_OFFSET_COMMIT');
  const answer = await ask();
  assert.equal(answer.errorCode, 0);
  assert.equal(only(only(answer.topics).partitions).errorCode, errorNumbers.UNSTABLE_OFFSET_COMMIT);
});

test('drop closes before the request is applied, dropAnswer after', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  cluster.on(Produce).drop().dropAnswer();
  const [first, second, third] = [await connectTo(t, cluster), await connectTo(t, cluster), await connectTo(t, cluster)];
  await assert.rejects(produce(first, record), /closed/);
  assert.equal(cluster.offsets('orders', 0).end, 0);
  await assert.rejects(produce(second, record), /closed/);
  assert.equal(cluster.offsets('orders', 0).end, 1);
  assert.equal((await produce(third, record)).baseOffset, 1);
});

test('faults that decide the outcome come one after the other, in the order they were set', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  cluster.on(Produce).failOnce('NOT_ENOUGH_REPLICAS').drop().failOnce('REQUEST_TIMED_OUT').corruptCorrelationId();
  const client = await connectTo(t, cluster);
  await assert.rejects(produce(client, record), /expected 1/, 'what is done to the bytes comes on top');
  await assert.rejects(produce(client, record), /closed/);
  const next = await connectTo(t, cluster);
  assert.equal((await produce(next, record)).errorCode, errorNumbers.REQUEST_TIMED_OUT);
  assert.equal((await produce(next, record)).baseOffset, 0);
});

test('requests sent together meet faults as they would one by one', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  cluster.on(Produce).failOnce('NOT_ENOUGH_REPLICAS').failOnce('REQUEST_TIMED_OUT').drop();
  const client = await connectTo(t, cluster);
  const frame = (id: number) => encodeRequestFrame(Produce, 9, id, 'raw', produceBody(encodeBatch(record))).chunks;
  client.write(Buffer.concat([1, 2, 3, 4].flatMap(frame)));
  const code = async () => only(only(decodeResponseBody(Produce, 9, await client.frame()).responses).partitionResponses).errorCode;
  assert.deepEqual([await code(), await code()], [errorNumbers.NOT_ENOUGH_REPLICAS, errorNumbers.REQUEST_TIMED_OUT]);
  await assert.rejects(client.frame(), /closed/);
  assert.equal(cluster.offsets('orders', 0).end, 0);
});

test('a fault for a topic meets a request for all topics too', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1, audit: 1 } });
  const client = await connectTo(t, cluster);
  cluster.on(Metadata, { topic: 'audit' }).failOnce('TOPIC_AUTHORIZATION_FAILED');
  const codes = async () => (await client.request(Metadata, 9, { topics: null })).topics.map(({ errorCode }) => errorCode);
  assert.deepEqual(await codes(), [0, errorNumbers.TOPIC_AUTHORIZATION_FAILED]);
  assert.deepEqual(await codes(), [0, 0]);
});

test('a request that is to be dropped lets the answers before it out', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  const client = await connectTo(t, cluster);
  cluster.on(Produce).drop();
  const before = client.send(Metadata, 9, { topics: null });
  client.send(Produce, 9, produceBody(encodeBatch(record)));
  client.send(Metadata, 9, { topics: null });
  assert.equal((await client.frame()).readInt32BE(0), before);
  await assert.rejects(client.frame(), /closed/);
});

test('a delayed answer comes when its time is over', async t => {
  const clock = new ManualClock();
  const cluster = await startCluster(t, { clock, topics: { orders: 1 } });
  const client = await connectTo(t, cluster);
  cluster.on(Produce).delay(500);
  let answered = false;
  const answer = produce(client, record).finally(() => {
    answered = true;
  });
  while (clock.pending === 0) await new Promise(setImmediate);
  assert.equal(cluster.offsets('orders', 0).end, 1, 'it is applied at once');
  clock.advance(499);
  await new Promise(setImmediate);
  assert.equal(answered, false);
  clock.advance(1);
  assert.equal((await answer).baseOffset, 0);
});

test('held answers wait until they are released; requests behind them are seen and applied', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  const client = await connectTo(t, cluster);
  const hold = cluster.on(Produce).hold();
  const ids = [1, 2, 3].map(() => client.send(Produce, 9, produceBody(encodeBatch(record))));
  const held = await hold.held;
  assert.equal(held.correlationId, ids[0]);
  while (cluster.offsets('orders', 0).end < 3) await new Promise(setImmediate);
  assert.equal(cluster.requests(Produce).length, 3);
  hold.release();
  for (const id of ids) assert.equal((await client.frame()).readInt32BE(0), id);
  assert.equal((await produce(client, record)).baseOffset, 3, 'later ones are not held');
});

test('a silent request is applied and never answered, nor is what follows', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  const [client, other] = [await connectTo(t, cluster), await connectTo(t, cluster)];
  cluster.on(Produce).silent();
  const answer = produce(client, record);
  client.send(Metadata, 9, { topics: [] });
  await cluster.nextRequest(Metadata);
  assert.equal((await produce(other, record)).errorCode, 0, 'other connections go on');
  assert.equal(cluster.offsets('orders', 0).end, 2);
  client.close();
  await assert.rejects(answer, /closed/);
});

test('an answer can be another, made from the one that would have been', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  const client = await connectTo(t, cluster);
  cluster.on(Metadata).answer(async (request, next) => {
    const natural = await next();
    assert.ok(natural);
    return { ...natural, controllerId: request.version + 100 };
  });
  assert.equal((await client.request(Metadata, 9, { topics: [] })).controllerId, 109);
  assert.equal((await client.request(Metadata, 9, { topics: [] })).controllerId, 1);
});

test('answers can be sent with a wrong correlation id, twice, or cut off', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  const client = await connectTo(t, cluster);
  cluster.on(Metadata).corruptCorrelationId();
  await assert.rejects(client.request(Metadata, 9, { topics: [] }), /expected 1/);
  cluster.on(Metadata).rewrite(frame => Buffer.concat([frame, frame]));
  const id = client.send(Metadata, 9, { topics: [] });
  assert.deepEqual([(await client.frame()).readInt32BE(0), (await client.frame()).readInt32BE(0)], [id, id]);
});

test('reset takes faults back, lets go what is held, and forgets records and requests', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  const client = await connectTo(t, cluster);
  await produce(client, record);
  const hold = cluster.on(Produce).hold();
  const answer = produce(client, record);
  await hold.held;
  cluster.on(Fetch).failOnce('KAFKA_STORAGE_ERROR');
  cluster.limitVersions(Fetch, 4);
  cluster.reset();
  assert.equal((await answer).baseOffset, 1);
  assert.deepEqual(cluster.offsets('orders', 0), { start: 0, end: 0 });
  assert.deepEqual(cluster.requests(), []);
  assert.equal((await fetch(client, 0)).errorCode, 0);
});

test('a fault that makes no sense is refused', async t => {
  const cluster = await startCluster(t);
  assert.throws(() => cluster.on(Produce).failOnce('NO_SUCH_ERROR' as 'UNKNOWN_SERVER_ERROR'), { code: 'TIDE_INPUT' });
  assert.throws(() => cluster.on(Produce).drop(0), { code: 'TIDE_INPUT' });
});

test('an answer can be delayed in its middle', async t => {
  const clock = new ManualClock();
  const cluster = await startCluster(t, { clock, topics: { orders: 1 } });
  const [host = '', port] = (cluster.brokers[0] ?? '').split(':');
  const socket = connect({ host, port: Number(port) });
  t.after(() => socket.destroy());
  let bytes = 0;
  let wake = () => {};
  socket.on('data', chunk => {
    bytes += chunk.length;
    wake();
  });
  const until = async (count: number) => {
    while (bytes < count) await new Promise<void>(resolve => (wake = resolve));
  };
  cluster.on(Metadata).delay(500, 1, { atByte: 7 });
  socket.write(Buffer.concat(encodeRequestFrame(Metadata, 1, 1, 'raw', { topics: [] }).chunks));
  await until(7);
  while (clock.pending === 0) await new Promise(setImmediate);
  assert.equal(bytes, 7);
  clock.advance(500);
  await until(30);
  assert.throws(() => cluster.on(Metadata).delay(1, 1, { atByte: -1 }), { code: 'TIDE_INPUT' });
});

test('a function is asked once about each request, so that it may count them', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  const client = await connectTo(t, cluster);
  let count = 0;
  cluster.on(Produce, () => ++count % 2 === 0).failTimes(2, 'KAFKA_STORAGE_ERROR');
  const codes = [];
  for (let i = 0; i < 5; i++) codes.push((await produce(client, record)).errorCode);
  const error = errorNumbers.KAFKA_STORAGE_ERROR;
  assert.deepEqual(codes, [0, error, 0, error, 0]);
  assert.equal(count, 4, 'a fault that is used up asks no more');

  let asked = 0;
  cluster.on(Produce, () => ++asked === 2).dropAnswer();
  assert.equal((await produce(client, record)).errorCode, 0);
  await assert.rejects(produce(client, record), /closed/);
  assert.equal(asked, 2);
});

test('a garbled answer has its length and its correlation id, and nothing else', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  const client = await connectTo(t, cluster);
  const body = { topics: [{ name: 'orders' }] };
  client.send(Metadata, 9, body);
  const sound = await client.frame();
  cluster.on(Metadata).garble();
  const correlationId = client.send(Metadata, 9, body);
  const garbled = await client.frame();
  assert.deepEqual([garbled.length, garbled.readInt32BE(0)], [sound.length, correlationId]);
  assert.deepEqual(
    garbled.subarray(4).map(byte => byte ^ 0xff),
    sound.subarray(4),
  );
  assert.throws(() => decodeResponseBody(Metadata, 9, garbled), { code: 'TIDE_PROTOCOL' });
  assert.equal((await client.request(Metadata, 9, body)).topics.length, 1, 'only once');
});

test('records come with a wrong checksum, from one partition, where there are any; what is stored is sound', async t => {
  const cluster = await startCluster(t, { topics: { orders: 2 } });
  const client = await connectTo(t, cluster);
  cluster.on(Fetch, { topic: 'orders', partition: 1 }).wrongCrc();
  const sound = async (partition: number): Promise<boolean[]> => {
    const { records } = await fetch(client, 0, { partition });
    const batches = cluster.records('orders', partition).length;
    const size = records === null ? 0 : records.length / Math.max(1, batches);
    return Array.from({ length: batches }, (_, i) => {
      try {
        return readBatches(records?.subarray(i * size, (i + 1) * size) ?? null, { topic: 'orders', partition }).next() !== undefined;
      } catch {
        return false;
      }
    });
  };
  assert.deepEqual(await sound(1), [], 'an answer without records does not count');
  for (const partition of [0, 1]) for (const value of ['a', 'b']) cluster.append('orders', partition, [{ value }]);
  assert.deepEqual(await sound(0), [true, true]);
  assert.deepEqual(await sound(1), [false, true]);
  assert.deepEqual(await sound(1), [true, true]);
  assert.throws(() => cluster.on(Produce).wrongCrc(), { code: 'TIDE_INPUT' });
});
