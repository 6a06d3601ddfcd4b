import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../src/base/clock.js';
import { deferred } from '../../src/base/wait.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { parseAddress } from '../../src/network/address.js';
import { openConnection } from '../../src/network/open-connection.js';
import { ApiVersions, decodeResponseBody, ListOffsets, Metadata } from '../../src/protocol/index.js';
import { rejection } from '../support/rejection.js';

const metadata = { topics: [] };
const offsets = { replicaId: -1, topics: [] };
const soon = { timeoutMs: 5000 };

async function setting(t: TestContext) {
  const cluster = await EmbeddedCluster.start();
  t.after(() => cluster.close());
  const connection = await openConnection(parseAddress(cluster.brokers[0] ?? ''), {
    clientId: 'test',
    connectTimeoutMs: 5000,
    idleTimeoutMs: 60_000,
    maxResponseBytes: 1 << 20,
    ipVersion: undefined,
    clock: systemClock,
  });
  t.after(() => connection.close());
  return { cluster, connection };
}

test('what a throttle holds back was never sent: its time, its signal and the end of the connection say so', async t => {
  const { cluster, connection } = await setting(t);
  cluster.on(Metadata).answer(async (_, next) => ({ topics: [], brokers: [], ...(await next()), throttleTimeMs: 60_000 }));
  await connection.request(Metadata, metadata, soon);

  const late = await rejection(connection.request(ListOffsets, offsets, { timeoutMs: 20 }));
  assert.deepEqual([late.code, late.persistence, late.retriable], ['TIDE_TIMEOUT', 'no', true]);
  assert.match(late.message, /^ListOffsets to broker .*: not sent within 20 ms: the broker throttles this client$/);

  const stop = new AbortController();
  const givenUp = assert.rejects(connection.request(ListOffsets, offsets, { ...soon, signal: stop.signal }), /enough/);
  assert.equal(connection.pendingCount, 1);
  stop.abort(new Error('enough'));
  await givenUp;
  assert.equal(connection.pendingCount, 0, 'neither is in line any more');

  const waiting = rejection(connection.request(ListOffsets, offsets, soon));
  connection.close();
  const closed = await waiting;
  assert.deepEqual([closed.code, closed.persistence], ['TIDE_CLOSED', 'no']);
  assert.deepEqual(cluster.requests(ListOffsets), []);
});

test('while the connection is one alone, its own requests go and the others wait, in their order', async t => {
  const { cluster, connection } = await setting(t);
  const hold = cluster.on(Metadata).hold();
  const before = connection.request(Metadata, metadata, soon);
  await hold.held;
  const begun = deferred();
  const mayEnd = deferred();
  const software = { clientSoftwareName: 'test', clientSoftwareVersion: '1' };
  const alone = connection.alone(async () => {
    begun.resolve();
    await mayEnd.promise;
    return connection.requestAs(ApiVersions, 3, software, soon, decodeResponseBody);
  });
  const others = [connection.request(ListOffsets, offsets, soon), connection.request(Metadata, metadata, soon)];
  const late = await rejection(connection.request(Metadata, metadata, { timeoutMs: 20 }));
  assert.match(late.message, /not sent within 20 ms: the connection is being authenticated anew$/);
  hold.release();
  await before;
  await begun.promise;
  assert.equal(cluster.requests(ListOffsets).length, 0);
  mayEnd.resolve();
  assert.equal((await alone).errorCode, 0);
  await Promise.all(others);
  const asked = cluster.requests().map(({ api }) => api.name);
  assert.deepEqual(asked, ['ApiVersions', 'Metadata', 'ApiVersions', 'ListOffsets', 'Metadata']);
});
