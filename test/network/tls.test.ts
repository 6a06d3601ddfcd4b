import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createServer as createTlsServer, type TlsOptions as ServerOptions, type TLSSocket } from 'node:tls';
import { systemClock } from '../../src/base/clock.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { parseAddress } from '../../src/network/address.js';
import type { Connection } from '../../src/network/connection.js';
import { openConnection } from '../../src/network/open-connection.js';
import { Security } from '../../src/network/security.js';
import { Tls, type TlsOptions, type TlsProvider } from '../../src/network/tls.js';
import { Fetch, Metadata } from '../../src/protocol/index.js';
import { readBatches } from '../../src/records/index.js';
import { TestAuthority } from '../support/certificates.js';
import { rejection } from '../support/rejection.js';

const authority = new TestAuthority();
const broker = authority.issue({ name: 'broker', hosts: ['localhost', '127.0.0.1'] });
const ca = authority.cert;
const soon = { timeoutMs: 5000 };

/** Listens on loopback until the test ends; gives the port. */
async function listening(t: TestContext, server: Server): Promise<number> {
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', socket => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

/** An embedded broker behind TLS, and what it saw of each client. */
async function setting(t: TestContext, options: ServerOptions = {}) {
  const cluster = await EmbeddedCluster.start({ topics: { orders: 1 } });
  t.after(() => cluster.close());
  const { port: inner } = parseAddress(cluster.brokers[0] ?? '');
  const clients: { servername: string | false | null; protocol: string | null; subject: string | undefined }[] = [];
  const server = createTlsServer({ cert: broker.cert, key: broker.key, ...options }, (socket: TLSSocket) => {
    clients.push({
      servername: socket.servername,
      protocol: socket.getProtocol(),
      subject: String(socket.getPeerCertificate()?.subject?.CN),
    });
    const to = connect(inner, '127.0.0.1');
    socket.on('error', () => to.destroy());
    to.on('error', () => socket.destroy());
    socket.pipe(to).pipe(socket);
  });
  server.on('tlsClientError', () => {});
  return { cluster, clients, port: await listening(t, server) };
}

async function open(
  t: TestContext,
  where: string,
  tls: true | TlsOptions | TlsProvider,
  more: { connectTimeoutMs?: number; signal?: AbortSignal } = {},
): Promise<{ connection: Connection; warnings: string[] }> {
  const warnings: string[] = [];
  const security = new Security({
    tls: new Tls(tls),
    sasl: undefined,
    clock: systemClock,
    observe: ({ kind, broker: at }) => warnings.push(`${kind} ${at}`),
  });
  const { connectTimeoutMs = 5000, signal } = more;
  const settings = {
    clientId: 'test',
    connectTimeoutMs,
    idleTimeoutMs: 60_000,
    maxResponseBytes: 100 << 20,
    ipVersion: undefined,
    security,
    clock: systemClock,
  };
  const connection = await openConnection(parseAddress(where), settings, signal);
  t.after(() => connection.close());
  return { connection, warnings };
}

for (const protocol of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${protocol}: requests and answers of any size arrive as they were sent`, async t => {
    const { cluster, clients, port } = await setting(t, { maxVersion: protocol, minVersion: protocol });
    const { connection } = await open(t, `127.0.0.1:${port}`, { ca });
    const values = Array.from({ length: 300 }, (_, i) => Buffer.alloc(1 + ((i * 7919) % 60_000), i));
    for (const value of values) cluster.append('orders', 0, [{ value }]);
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 50 << 20 }];
    const body = { maxWaitMs: 0, minBytes: 1, maxBytes: 50 << 20, topics: [{ topic: 'orders', partitions }] };
    const answers = await Promise.all(Array.from({ length: 3 }, () => connection.request(Fetch, body, { ...soon, maxVersion: 12 })));
    for (const answer of answers) {
      const records = answer.responses[0]?.partitions[0]?.records;
      assert.ok(records);
      const read = [...readBatches(records, { topic: 'orders', partition: 0 })].flatMap(batch => [...batch].map(({ value }) => value));
      assert.equal(read.length, values.length);
      for (const [i, value] of values.entries()) assert.ok(read[i]?.equals(value), `value ${i}`);
    }
    assert.deepEqual([clients.length, clients[0]?.protocol], [1, protocol]);
  });
}

test('the name of the broker is asked for (SNI), unless it is an address; servername is asked for instead', async t => {
  const { clients, port } = await setting(t);
  await open(t, `localhost:${port}`, { ca });
  await open(t, `127.0.0.1:${port}`, { ca });
  await open(t, `127.0.0.1:${port}`, { ca, servername: 'localhost' });
  assert.deepEqual(
    clients.map(({ servername }) => servername || ''),
    ['localhost', '', 'localhost'],
  );
});

for (const [what, given, options, reason, why] of [
  [
    'of an authority nobody here trusts',
    broker,
    true,
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    /no authority that is trusted here has issued it; put the certificate of its authority into tls\.ca/,
  ],
  [
    'for another name',
    authority.issue({ name: 'other', hosts: ['other.example'] }),
    { ca },
    'ERR_TLS_CERT_ALTNAME_INVALID',
    /it is for DNS:other\.example, not for 127\.0\.0\.1/,
  ],
  ['without any name', authority.issue({ name: 'nameless' }), { ca }, 'ERR_TLS_CERT_ALTNAME_INVALID', /not for 127\.0\.0\.1/],
  [
    'that has expired',
    authority.issue({ name: 'old', hosts: ['127.0.0.1'], notAfter: new Date(Date.now() - 60_000) }),
    { ca },
    'CERT_HAS_EXPIRED',
    /has expired \(this one is valid to .*\); renew it/,
  ],
  [
    'that is not valid yet',
    authority.issue({ name: 'early', hosts: ['127.0.0.1'], notBefore: new Date(Date.now() + 3_600_000) }),
    { ca },
    'CERT_NOT_YET_VALID',
    /not valid yet \(from .* on\); is the clock right/,
  ],
] as const) {
  test(`a certificate ${what} is refused, and named`, async t => {
    const { port } = await setting(t, given);
    const error = await rejection(open(t, `127.0.0.1:${port}`, options));
    assert.deepEqual(
      [error.code, error.retriable, error.persistence, error.context],
      ['TIDE_AUTH', false, 'no', { broker: `127.0.0.1:${port}`, reason, subject: `CN=${given.name}` }],
    );
    assert.match(
      error.message,
      new RegExp(`^connect to 127\\.0\\.0\\.1:${port}: the broker's certificate \\(CN=${given.name}\\) is refused: `),
    );
    assert.match(error.message, why);
    assert.ok(error.cause instanceof Error && !('cert' in error.cause), 'Node hangs the whole certificate at its error');
  });
}

test('NODE_TLS_REJECT_UNAUTHORIZED has no say', async t => {
  const { port } = await setting(t);
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  t.after(() => {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
  });
  assert.equal((await rejection(open(t, `127.0.0.1:${port}`, true))).code, 'TIDE_AUTH');
});

test('rejectUnauthorized: false takes anything, with a warning', async t => {
  const { port } = await setting(t, authority.issue({ name: 'other', hosts: ['other.example'] }));
  const { connection, warnings } = await open(t, `127.0.0.1:${port}`, { rejectUnauthorized: false });
  assert.deepEqual((await connection.request(Metadata, { topics: [] }, soon)).topics, []);
  assert.deepEqual(warnings, [`unverified 127.0.0.1:${port}`]);
});

test('checkServerIdentity decides who it may be: the host and the certificate are given to it', async t => {
  const { port } = await setting(t, authority.issue({ name: 'other', hosts: ['other.example'] }));
  const seen: unknown[] = [];
  const accept = (host: string, { subjectaltname }: { subjectaltname?: string }) => {
    seen.push([host, subjectaltname]);
    return undefined;
  };
  await open(t, `127.0.0.1:${port}`, { ca, checkServerIdentity: accept });
  assert.deepEqual(seen, [['127.0.0.1', 'DNS:other.example']]);
  const error = await rejection(open(t, `127.0.0.1:${port}`, { ca, checkServerIdentity: () => new Error('not on the list') }));
  assert.deepEqual([error.code, error.context['subject']], ['TIDE_AUTH', 'CN=other']);
  assert.match(error.message, /is refused: checkServerIdentity: not on the list/);
  assert.equal((await rejection(open(t, `127.0.0.1:${port}`, { checkServerIdentity: accept }))).code, 'TIDE_AUTH');
});

test('a checkServerIdentity that throws, or gives what is no error, refuses', async t => {
  const { port } = await setting(t, broker);
  const throws = () => {
    throw new Error('not on the list');
  };
  const cases: readonly (readonly [() => unknown, RegExp])[] = [
    [throws, /is refused: checkServerIdentity: not on the list/],
    [async () => undefined, /is refused: checkServerIdentity: it gave neither an error nor undefined/],
  ];
  for (const [check, why] of cases) {
    const error = await rejection(open(t, `127.0.0.1:${port}`, { ca, checkServerIdentity: check as never }));
    assert.equal(error.code, 'TIDE_AUTH');
    assert.match(error.message, why);
  }
});

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${maxVersion}: a broker that demands a certificate gets ours; without one, or with that of a stranger, we are refused`, async t => {
    const { clients, port } = await setting(t, { ca, requestCert: true, rejectUnauthorized: true, maxVersion });
    const me = authority.issue({ name: 'me' });
    const { connection } = await open(t, `127.0.0.1:${port}`, { ca, cert: me.cert, key: me.key });
    await connection.request(Metadata, { topics: [] }, soon);
    assert.deepEqual(
      clients.map(({ subject }) => subject),
      ['me'],
    );
    const none = await rejection(open(t, `127.0.0.1:${port}`, { ca }));
    assert.deepEqual([none.code, none.retriable, none.persistence], ['TIDE_AUTH', false, 'no'], none.message);
    assert.match(
      none.message,
      /the broker refuses us in the TLS handshake: .*; does it demand a client certificate \(tls\.cert and tls\.key\)/,
    );
    // Node's server hangs up on a stranger without a word; what a broker says stands in test/interop/security.test.ts
    const { cert, key } = new TestAuthority('elsewhere').issue({ name: 'stranger' });
    const stranger = await rejection(open(t, `127.0.0.1:${port}`, { ca, cert, key }));
    assert.deepEqual([stranger.code, stranger.persistence], ['TIDE_CONNECTION', 'no'], stranger.message);
    assert.match(stranger.message, /closed the connection.*; .* does it demand a client certificate/);
  });
}

test('a listener without TLS, one that is silent, one that hangs up: told in time, and nothing is said in plain text', async t => {
  const heard: Buffer[] = [];
  const silent = await listening(
    t,
    createServer(socket => socket.on('data', chunk => heard.push(chunk))),
  );
  const late = await rejection(open(t, `127.0.0.1:${silent}`, { ca }, { connectTimeoutMs: 1000 }));
  assert.deepEqual([late.code, late.retriable], ['TIDE_CONNECTION', true]);
  assert.match(late.message, /no TLS handshake within 1000 ms \(connectTimeoutMs\); is it a TLS listener\?/);
  const closing = await listening(
    t,
    createServer(socket => socket.on('data', chunk => heard.push(chunk) && socket.end())),
  );
  const cut = await rejection(open(t, `127.0.0.1:${closing}`, { ca }));
  assert.deepEqual([cut.code, cut.retriable], ['TIDE_CONNECTION', true]);
  assert.match(cut.message, /no TLS handshake: the other side closed the connection; is it a TLS listener/);
  const talking = await listening(
    t,
    createServer(socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
  );
  const other = await rejection(open(t, `127.0.0.1:${talking}`, { ca }));
  assert.deepEqual([other.code, other.retriable], ['TIDE_CONNECTION', false]);
  assert.match(other.message, /no TLS handshake: .*; is it a TLS listener/);
  assert.ok(heard.length > 0 && heard.every(chunk => chunk[0] === 0x16 && chunk[1] === 3), 'handshakes only');
});

test('a broker that speaks only what is too old for us', async t => {
  const { port } = await setting(t, { maxVersion: 'TLSv1.2' });
  const error = await rejection(open(t, `127.0.0.1:${port}`, { ca, minVersion: 'TLSv1.3' }));
  assert.equal(error.code, 'TIDE_CONNECTION');
  assert.match(error.message, /no TLS handshake: .*; is it a TLS listener, and does it speak TLS 1\.2 or newer/);
});

test('a function that gives the options is asked for each connection: certificates can be replaced', async t => {
  const { port } = await setting(t);
  const given: TlsOptions[] = [{ ca: new TestAuthority('old').cert }, { ca }];
  const next = async () => given.shift() ?? assert.fail('asked too often');
  assert.equal((await rejection(open(t, `127.0.0.1:${port}`, next))).code, 'TIDE_AUTH');
  await open(t, `127.0.0.1:${port}`, next);

  const failed = await rejection(open(t, `127.0.0.1:${port}`, () => Promise.reject(new Error('no such file'))));
  assert.deepEqual([failed.code, failed.retriable], ['TIDE_AUTH', true]);
  assert.match(failed.message, /the function given as tls failed: no such file/);
  const late = await rejection(open(t, `127.0.0.1:${port}`, () => new Promise(() => {}), { connectTimeoutMs: 1000 }));
  assert.match(late.message, /the function given as tls did not answer in time/);
  const wrong = await rejection(open(t, `127.0.0.1:${port}`, () => ({ ca: '' })));
  assert.deepEqual(
    [wrong.code, wrong.message],
    ['TIDE_OPTION', 'KafkaClient: "tls.ca" must be PEM as a string or bytes, or an array of them'],
  );
  const stop = new AbortController();
  const reason = new Error('enough');
  const aborted = open(t, `127.0.0.1:${port}`, () => new Promise(() => {}), { signal: stop.signal });
  stop.abort(reason);
  await assert.rejects(aborted, error => error === reason);
});
