import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type Clock, systemClock } from '../../src/base/clock.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { parseAddress, parseAddresses } from '../../src/network/address.js';
import type { Connection, ConnectionSettings } from '../../src/network/connection.js';
import { openConnection } from '../../src/network/open-connection.js';
import { chooseVersion } from '../../src/network/versions.js';
import { ApiVersions, Fetch, ListOffsets, Metadata } from '../../src/protocol/index.js';
import { rejection } from '../support/rejection.js';

const settings: ConnectionSettings = {
  clientId: 'test',
  connectTimeoutMs: 2000,
  idleTimeoutMs: 60_000,
  maxResponseBytes: 1 << 20,
  ipVersion: undefined,
  clock: systemClock,
};
const soon = { timeoutMs: 5000 };

async function setting(
  t: TestContext,
  given: Partial<ConnectionSettings> = {},
): Promise<{ cluster: EmbeddedCluster; connection: Connection }> {
  const cluster = await EmbeddedCluster.start({ topics: { orders: 1 } });
  t.after(() => cluster.close());
  const connection = await openConnection(parseAddress(cluster.brokers[0] ?? ''), { ...settings, ...given });
  t.after(() => connection.close());
  return { cluster, connection };
}
const metadata = { topics: [] };
const software = { clientSoftwareName: 'test', clientSoftwareVersion: '1' };

test('requests share a connection, and each gets its own answer', async t => {
  const { cluster, connection } = await setting(t);
  const answers = await Promise.all([
    connection.request(Metadata, { topics: [{ name: 'orders' }] }, soon),
    connection.request(ApiVersions, software, soon),
    connection.request(Metadata, metadata, soon),
  ]);
  assert.deepEqual([answers[0].topics.length, answers[1].errorCode, answers[2].topics.length], [1, 0, 0]);
  assert.equal(new Set(cluster.requests().map(({ connection }) => connection)).size, 1);
});

test('no answer in time: the request fails with "maybe", those behind it too, and the connection is gone', async t => {
  const { cluster, connection } = await setting(t);
  cluster.on(Metadata).silent();
  const [late, behind] = await Promise.all([
    rejection(connection.request(Metadata, metadata, { timeoutMs: 49.7 })), // the rest of a limit is seldom whole
    rejection(connection.request(ApiVersions, software, soon)),
  ]);
  assert.match(late.message, /no answer within 50 ms$/);
  assert.deepEqual([late.code, late.persistence, late.retriable], ['TIDE_TIMEOUT', 'maybe', true]);
  assert.deepEqual([behind.code, behind.persistence], ['TIDE_CONNECTION', 'maybe']);
  assert.equal(connection.open, false);
  const after = await rejection(connection.request(Metadata, metadata, soon));
  assert.equal(after.persistence, 'no');
});

test('a connection that breaks rejects what waits, and says whether it may have been applied', async t => {
  const { cluster, connection } = await setting(t);
  cluster.on(Metadata).drop();
  const error = await rejection(connection.request(Metadata, metadata, soon));
  assert.deepEqual([error.code, error.persistence, error.retriable], ['TIDE_CONNECTION', 'maybe', true]);
  assert.match(error.message, /^Metadata to broker 127\.0\.0\.1:\d+: connection lost/);
});

test('an abort rejects its caller at once; the answer that comes later disturbs nobody', async t => {
  const { cluster, connection } = await setting(t);
  const hold = cluster.on(Metadata).hold();
  const abort = new AbortController();
  const reason = new Error('enough');
  const aborted = connection.request(Metadata, metadata, { ...soon, signal: abort.signal });
  await hold.held;
  abort.abort(reason);
  await assert.rejects(aborted, error => error === reason);
  const next = connection.request(ApiVersions, software, soon);
  hold.release();
  assert.equal((await next).errorCode, 0);
  assert.ok(connection.open);
});

test('an answer with another correlation id ends the connection at once', async t => {
  const { cluster, connection } = await setting(t);
  cluster.on(Metadata).corruptCorrelationId();
  const error = await rejection(connection.request(Metadata, metadata, soon));
  assert.deepEqual([error.code, error.errno, error.persistence], ['TIDE_PROTOCOL', -1009, 'maybe']);
  assert.equal(connection.open, false);
});

test('an answer that is cut, or too long, is an error that names API, version and position', async t => {
  const { cluster, connection } = await setting(t);
  cluster.on(Metadata).rewrite(frame => {
    const cut = Buffer.from(frame.subarray(0, frame.length - 3));
    cut.writeInt32BE(cut.length - 4);
    return cut;
  });
  const error = await rejection(connection.request(Metadata, metadata, soon));
  assert.equal(error.code, 'TIDE_PROTOCOL');
  assert.match(error.message, /Metadata v\d+ response/);
});

test('a throttled connection stays silent for the time the broker asked for (KIP-219)', async t => {
  const { cluster, connection } = await setting(t);
  const asked: number[] = [];
  let now = 0;
  const timers: { at: number; run: () => void }[] = [];
  const clock = {
    ...systemClock,
    now: () => now,
    after: (ms: number, run: () => void) => {
      const timer = { at: now + ms, run };
      timers.push(timer);
      asked.push(ms);
      return { cancel: () => void timers.splice(timers.indexOf(timer), 1) };
    },
  };
  const slow = await openConnection(parseAddress(cluster.brokers[0] ?? ''), { ...settings, clock });
  t.after(() => slow.close());
  const throttled = async (_: unknown, next: () => unknown) => ({ ...((await next()) as object), throttleTimeMs: 700 });
  cluster.on(Metadata).answer(throttled as never);
  await slow.request(Metadata, metadata, soon);
  const seen = cluster.requests(ApiVersions).length;
  const waiting = slow.request(ApiVersions, software, soon);
  assert.equal(slow.pendingCount, 1);
  await connection.request(Metadata, metadata, soon); // there and back: what was sent before it has arrived
  assert.equal(cluster.requests(ApiVersions).length, seen, 'nothing was sent');
  assert.ok(asked.includes(700));
  now += 700;
  for (const { at, run } of [...timers]) if (at <= now) run();
  assert.equal((await waiting).errorCode, 0);
});

for (const [version, pauses, title] of [
  [5, 0, 'a broker that throttled before it answered is not waited for again'],
  [6, 1, 'a broker that answered first is left alone'],
] as const) {
  test(`${title}: Metadata v${version}`, async t => {
    const { cluster } = await setting(t);
    const pausesMs: number[] = [];
    const clock: Clock = {
      ...systemClock,
      after: (ms, run, background) => {
        if (ms > 86_000_000 && ms <= 86_400_000) pausesMs.push(ms);
        return systemClock.after(ms, run, background);
      },
    };
    const connection = await openConnection(parseAddress(cluster.brokers[0] ?? ''), { ...settings, clock });
    t.after(() => connection.close());
    cluster.on(Metadata).answer(async (_, next) => ({ ...((await next()) ?? { brokers: [], topics: [] }), throttleTimeMs: 86_400_000 }));
    const answer = await connection.request(Metadata, metadata, { ...soon, maxVersion: version });
    assert.equal(answer.throttleTimeMs, 86_400_000);
    assert.equal(pausesMs.length, pauses);
    const next = connection.request(Metadata, metadata, soon);
    assert.equal(connection.pendingCount, 1);
    if (pauses === 0) await next;
    else {
      connection.close();
      assert.equal((await rejection(next)).persistence, 'no');
    }
  });
}

test('a request without an answer resolves when the bytes are handed over', async t => {
  const { connection } = await setting(t);
  assert.equal(await connection.request(Metadata, metadata, { ...soon, answered: false }), undefined);
});

test('a peer that reads nothing: what was not handed to it expires with "no"', async t => {
  const sockets: Socket[] = [];
  const cluster = await EmbeddedCluster.start();
  t.after(() => cluster.close());
  const [host = '', port = ''] = (cluster.brokers[0] ?? '').split(':');
  const { connect } = await import('node:net');
  // Passes the handshake on, then stops reading.
  const server = createServer(client => {
    const broker = connect(Number(port), host);
    sockets.push(client, broker);
    for (const socket of [client, broker]) socket.on('error', () => {});
    client.once('data', chunk => {
      broker.write(chunk);
      client.pause();
    });
    broker.pipe(client);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const connection = await openConnection({ host: '127.0.0.1', port: (server.address() as AddressInfo).port }, settings);
  const large = { topics: Array.from({ length: 100_000 }, (_, i) => ({ name: `a-topic-with-a-long-name-${i}` })) };
  const outcomes = await Promise.all(Array.from({ length: 12 }, () => rejection(connection.request(Metadata, large, { timeoutMs: 300 }))));
  assert.ok(outcomes.some(({ persistence }) => persistence === 'no'));
  assert.ok(outcomes.some(({ persistence }) => persistence === 'maybe'));
});

test('close rejects what waits with TIDE_CLOSED', async t => {
  const { cluster, connection } = await setting(t);
  cluster.on(Metadata).silent();
  const waiting = rejection(connection.request(Metadata, metadata, soon));
  connection.close();
  assert.equal((await waiting).code, 'TIDE_CLOSED');
});

test('an unused connection is closed after its idle time', async t => {
  const { connection } = await setting(t, { idleTimeoutMs: 1 });
  assert.match((await connection.closed).message, /it was idle for 1 ms/);
});

test('the highest version both sides speak is used; none in common names both ranges', async t => {
  const { cluster, connection } = await setting(t);
  await connection.request(ListOffsets, { replicaId: -1, topics: [] }, { ...soon, maxVersion: 4 });
  assert.equal(cluster.requests(ListOffsets)[0]?.version, 4);
  const offered = new Map([[Fetch.key, { min: 30, max: 40 }]]);
  assert.throws(() => chooseVersion(Fetch, offered, 'b:1'), {
    code: 'TIDE_UNSUPPORTED',
    message: /Fetch: broker b:1 speaks versions 30 to 40, tidemark 2 to 17: none in common/,
  });
  assert.throws(() => chooseVersion(Metadata, offered, 'b:1'), { code: 'TIDE_UNSUPPORTED', message: /does not offer this API/ });
});

test('a broker that does not know our ApiVersions answers in version 0, and is asked again in that', async t => {
  const cluster = await EmbeddedCluster.start();
  t.after(() => cluster.close());
  cluster.limitVersions(ApiVersions, 0);
  const connection = await openConnection(parseAddress(cluster.brokers[0] ?? ''), settings);
  t.after(() => connection.close());
  assert.equal(cluster.requests(ApiVersions).at(-1)?.version, 0);
  await connection.request(Metadata, metadata, soon);
});

test('addresses in all their forms, and what is none', () => {
  const forms: readonly (readonly [string, string, number])[] = [
    ['localhost', 'localhost', 9092],
    [' kafka-1:9093 ', 'kafka-1', 9093],
    ['10.0.0.1', '10.0.0.1', 9092],
    ['[::1]:9094', '::1', 9094],
    ['[::1]', '::1', 9092],
    ['fe80::1', 'fe80::1', 9092],
  ];
  for (const [text, host, port] of forms) assert.deepEqual(parseAddress(text), { host, port });
  assert.equal(parseAddresses('a:1, b:2,a:1').length, 2);
  assert.equal(parseAddresses(['a', 'b:9092', 'a:9092']).length, 2);
  for (const bad of ['', 'a:', 'a:0', 'a:65536', 'a:b', 'http://a', 'a b', '[::1', '[a]:1', ':9092', [], [7], 7, undefined]) {
    assert.throws(() => parseAddresses(bad), { code: 'TIDE_OPTION' }, JSON.stringify(bad));
  }
});
