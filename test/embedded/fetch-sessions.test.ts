import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { errorNumbers } from '../../src/base/broker-errors.js';
import type { EmbeddedClusterOptions } from '../../src/embedded/index.js';
import { Fetch, Metadata, type RequestOf } from '../../src/protocol/index.js';
import { connectTo, ManualClock, only, startCluster } from './setting.js';

const large = 'x'.repeat(100);

/** A client of a cluster with "orders" of four partitions, a message in each. */
async function session(t: TestContext, options: EmbeddedClusterOptions = {}) {
  const cluster = await startCluster(t, { topics: { orders: 4 }, ...options });
  for (const partition of [0, 1, 2, 3]) cluster.append('orders', partition, [{ value: large }]);
  const client = await connectTo(t, cluster);
  const parts = (offsets: Readonly<Record<number, number>>) =>
    Object.entries(offsets).map(([partition, fetchOffset]) => ({ partition: Number(partition), fetchOffset, partitionMaxBytes: 1000 }));
  const fetch = (
    sessionId: number,
    sessionEpoch: number,
    offsets: Readonly<Record<number, number>>,
    more: Partial<RequestOf<typeof Fetch>> = {},
  ) =>
    client.request(Fetch, 12, {
      ...{ maxWaitMs: 0, minBytes: 1, sessionId, sessionEpoch },
      topics: Object.keys(offsets).length === 0 ? [] : [{ topic: 'orders', partitions: parts(offsets) }],
      ...more,
    });
  /** The partitions of an answer in their order, with how many bytes of records each has. */
  const told = ({ responses }: Awaited<ReturnType<typeof fetch>>) =>
    responses.flatMap(({ partitions }) => partitions.map(({ partitionIndex, records }) => [partitionIndex, (records?.length ?? 0) > 0]));
  return { cluster, client, fetch, told };
}

const all = { 0: 1, 1: 1, 2: 1, 3: 1 };

test('after a whole fetch only what is new is told, and only what changes has to be asked', async t => {
  const { cluster, fetch, told } = await session(t);
  const first = await fetch(0, 0, { 0: 0, 1: 0, 2: 1, 3: 1 });
  assert.ok(first.sessionId > 0);
  assert.deepEqual(told(first), [
    [0, true],
    [1, true],
    [2, false],
    [3, false],
  ]);
  const second = await fetch(first.sessionId, 1, { 0: 1, 1: 1 });
  assert.deepEqual([second.sessionId, told(second)], [first.sessionId, []]);
  cluster.append('orders', 2, [{ value: large }]);
  assert.deepEqual(told(await fetch(first.sessionId, 2, {})), [[2, true]]);
  assert.deepEqual(told(await fetch(first.sessionId, 3, {})), [[2, true]], 'it was not taken: it comes again');
  assert.deepEqual(told(await fetch(first.sessionId, 4, { 2: 2 })), []);
  cluster.trim('orders', 3, 1);
  assert.deepEqual(told(await fetch(first.sessionId, 5, {})), [[3, false]], 'the start of a log is news');
});

test('who brought records is asked for last, so that nobody starves', async t => {
  const { fetch, told } = await session(t);
  const { sessionId } = await fetch(0, 0, all);
  const order = [];
  for (let epoch = 1; epoch <= 5; epoch++) {
    const changed = epoch === 1 ? { 0: 0, 1: 0, 2: 0, 3: 0 } : {};
    order.push(only(told(await fetch(sessionId, epoch, changed, { maxBytes: 1 })))[0]);
  }
  assert.deepEqual(order, [0, 1, 2, 3, 0]);
});

test('what is forgotten is not told any more; a session of nothing is over', async t => {
  const { fetch, told } = await session(t);
  const { sessionId } = await fetch(0, 0, { 0: 0, 1: 0 }, { maxBytes: 1 });
  const forget = (...partitions: number[]) => ({ forgottenTopicsData: [{ topic: 'orders', partitions }] });
  assert.deepEqual(told(await fetch(sessionId, 1, {}, forget(0))), [[1, true]]);
  assert.equal((await fetch(sessionId, 2, {}, forget(1))).sessionId, 0);
  assert.equal((await fetch(sessionId, 3, {})).errorCode, errorNumbers.FETCH_SESSION_ID_NOT_FOUND);
});

test('a session out of step is refused, one of names does not take ids, and one that was never given is not known', async t => {
  const { client, fetch } = await session(t);
  const { sessionId } = await fetch(0, 0, all);
  assert.equal((await fetch(sessionId, 2, {})).errorCode, errorNumbers.INVALID_FETCH_SESSION_EPOCH);
  const byId = await client.request(Fetch, 13, { maxWaitMs: 0, minBytes: 1, sessionId, sessionEpoch: 1, topics: [] });
  assert.equal(byId.errorCode, errorNumbers.FETCH_SESSION_TOPIC_ID_ERROR);
  assert.equal((await fetch(sessionId, 1, {})).errorCode, 0, 'nothing has changed');
  assert.equal((await fetch(sessionId + 1, 1, {})).errorCode, errorNumbers.FETCH_SESSION_ID_NOT_FOUND);
});

test('a whole fetch ends the session it names, and begins another or none', async t => {
  const { fetch, told } = await session(t);
  const { sessionId: first } = await fetch(0, 0, all);
  const { sessionId: second } = await fetch(first, 0, all);
  assert.ok(second > 0 && second !== first);
  assert.equal((await fetch(first, 1, {})).errorCode, errorNumbers.FETCH_SESSION_ID_NOT_FOUND);
  assert.equal((await fetch(second, -1, {})).sessionId, 0);
  assert.equal((await fetch(second, 1, {})).errorCode, errorNumbers.FETCH_SESSION_ID_NOT_FOUND);
  const none = await fetch(0, -1, { 0: 0 });
  assert.deepEqual([none.sessionId, told(none)], [0, [[0, true]]]);
});

test('an error is told at once and each time, and after it where the log ends', async t => {
  const { cluster, fetch } = await session(t, { brokers: 2 });
  const { sessionId } = await fetch(0, 0, { 0: 1, 2: 1 });
  cluster.deleteTopic('orders');
  for (const epoch of [1, 2]) {
    const { partitions } = only((await fetch(sessionId, epoch, {}, { maxWaitMs: 60_000 })).responses);
    assert.deepEqual(
      partitions.map(({ errorCode }) => errorCode),
      [errorNumbers.UNKNOWN_TOPIC_OR_PARTITION, errorNumbers.UNKNOWN_TOPIC_OR_PARTITION],
    );
  }
});

test('a broker keeps so many sessions; what was not used for two minutes makes room; stopping forgets all', async t => {
  const clock = new ManualClock();
  const { cluster, client, fetch } = await session(t, { clock, maxFetchSessions: 2 });
  const opened = async () => (await fetch(0, 0, all)).sessionId;
  const [first, second] = [await opened(), await opened()];
  assert.equal(await opened(), 0);
  clock.advance(120_000);
  assert.equal((await fetch(second, 1, {})).errorCode, 0);
  assert.equal(await opened(), 0);
  clock.advance(1);
  const third = await opened();
  assert.ok(third > 0);
  assert.equal((await fetch(first, 1, {})).errorCode, errorNumbers.FETCH_SESSION_ID_NOT_FOUND);
  assert.equal((await fetch(second, 2, {})).errorCode, 0);
  client.close();
  await cluster.stopBroker(1);
  await cluster.startBroker(1);
  const again = await connectTo(t, cluster);
  const answer = await again.request(Fetch, 12, { maxWaitMs: 0, minBytes: 1, sessionId: third, sessionEpoch: 1, topics: [] });
  assert.equal(answer.errorCode, errorNumbers.FETCH_SESSION_ID_NOT_FOUND);
  assert.equal((await again.request(Metadata, 12, { topics: [] })).errorCode, 0);
});

test('faults are for the partitions of a session too, though a request does not name them', async t => {
  const { cluster, fetch } = await session(t);
  const { sessionId } = await fetch(0, 0, all);
  cluster.on(Fetch, { topic: 'orders', partition: 2 }).failOnce('NOT_LEADER_OR_FOLLOWER');
  const next = cluster.nextRequest(Fetch, { topic: 'orders', partition: 3 });
  const { partitions } = only((await fetch(sessionId, 1, {})).responses);
  const { partitionIndex, errorCode } = only(partitions);
  assert.deepEqual([partitionIndex, errorCode], [2, errorNumbers.NOT_LEADER_OR_FOLLOWER]);
  assert.deepEqual((await next).body.topics, []);
});
