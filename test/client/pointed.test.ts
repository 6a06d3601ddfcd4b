import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { KafkaError } from '../../src/base/errors.js';
import { KafkaClient } from '../../src/client/client.js';
import type { KafkaClientOptions } from '../../src/client/client-options.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { SimpleProducer } from '../../src/producer/index.js';
import { ApiVersions, Metadata } from '../../src/protocol/index.js';

const impatient = { retry: { attempts: 2, backoffMs: 10 }, connectTimeoutMs: 500, requestTimeoutMs: 1000 };

/** Listens on loopback until the test ends, and gives the address. The test ends when the other side has closed every connection. */
async function listening(t: TestContext, server: Server): Promise<string> {
  const closed: Promise<unknown>[] = [];
  server.on('connection', socket => {
    closed.push(new Promise(resolve => socket.on('close', resolve)));
    socket.on('error', () => {});
    if (socket.listenerCount('data') === 0) socket.resume(); // else nobody notices its end
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(async () => {
    await Promise.all(closed);
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What connecting, or `act`, fails with; and that nothing stays behind once the client is closed. */
async function failure(
  options: Partial<KafkaClientOptions> & { brokers: string | readonly string[] },
  act = (client: KafkaClient) => client.connect(),
) {
  const client = new KafkaClient({ ...impatient, ...options });
  const ended = new Set<string>();
  client.on('connection', ({ kind, broker }) => ended[kind === 'opened' ? 'add' : 'delete'](broker));
  const error = await act(client).then(
    () => assert.fail('it must fail'),
    (reason: unknown) => reason,
  );
  await client.close();
  assert.ok(error instanceof KafkaError, String(error));
  assert.deepEqual([...ended], [], 'connections left open');
  return error;
}

test('a closed port: says that nothing listens, and what to check', async t => {
  const server = createServer();
  const address = await listening(t, server);
  server.close();
  const error = await failure({ brokers: address });
  assert.equal(error.code, 'TIDE_CONNECTION');
  assert.match(error.message, /connection refused: nothing listens there; is the broker running, is the port right\?/);
  assert.equal(error.persistence, 'no');
});

test('a name that does not resolve', async () => {
  const error = await failure({ brokers: 'no-such-host.invalid:9092' });
  assert.equal(error.code, 'TIDE_CONNECTION');
  assert.match(error.message, /no-such-host\.invalid:9092: (the name does not resolve|the name server did not answer)/);
});

test('an HTTP server', async t => {
  const error = await failure({
    brokers: await listening(
      t,
      createHttpServer((_, response) => response.end()),
    ),
  });
  assert.equal(error.code, 'TIDE_PROTOCOL');
  assert.match(error.message, /an HTTP server answered: the port is not that of a Kafka listener/);
});

test('a TLS port', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-tls-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', cert, '-subj', '/CN=localhost'];
  execFileSync('openssl', request, { stdio: 'ignore' });
  const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }).on('tlsClientError', () => {});
  const error = await failure({ brokers: await listening(t, server) });
  assert.match(error.message, /TLS/);
});

test('a socket that accepts and never answers: the time limit of the connect holds', async t => {
  const error = await failure({ brokers: await listening(t, createServer()) });
  assert.equal(error.code, 'TIDE_CONNECTION');
  assert.match(error.message, /connected, but no answer to ApiVersions within 500 ms \(connectTimeoutMs\); is it a Kafka listener/);
});

test('connect() with a time limit of its own says why the last attempt failed', async t => {
  const address = await listening(t, createServer());
  const options = { brokers: address, connectTimeoutMs: 500, retry: { attempts: 1000, backoffMs: 10 } };
  const error = await failure(options, client => client.connect({ timeoutMs: 3000 }));
  assert.match(error.message, /within 3000 ms \(timeoutMs\); last: connect to .*: connected, but no answer/);
});

test('a broker that answers with another correlation id: noticed at once', async t => {
  const cluster = await EmbeddedCluster.start();
  t.after(() => cluster.close());
  cluster.on(ApiVersions).corruptCorrelationId(10);
  const error = await failure({ brokers: cluster.brokers });
  assert.equal(error.code, 'TIDE_PROTOCOL');
  assert.equal(error.errno, -1009);
  assert.match(error.message, /answered correlation id \d+, expected correlation id 1/);
});

test('an advertised address that cannot be reached: both addresses are named, and advertised.listeners', async t => {
  const cluster = await EmbeddedCluster.start({ topics: { orders: 1 } });
  t.after(() => cluster.close());
  const elsewhere = async (_: unknown, next: () => Promise<{ brokers: object[] }> | { brokers: object[] }) => {
    const body = await next();
    return { ...body, brokers: body.brokers.map(broker => ({ ...broker, host: 'kafka.internal.invalid', port: 9093 })) };
  };
  cluster.on(Metadata).answer(elsewhere as never, 1000);
  const error = await failure({ brokers: cluster.brokers }, async client => {
    await client.connect();
    await new SimpleProducer(client, { deliveryTimeoutMs: 500 }).sendMessages('orders', 'tea');
  });
  for (const part of ['kafka.internal.invalid:9093', cluster.brokers[0] ?? '', 'advertised.listeners'])
    assert.ok(error.message.includes(part), part);
  assert.equal(error.persistence, 'no');
});

test('several addresses: one that answers is enough, and without any each reason is told', async t => {
  const cluster = await EmbeddedCluster.start();
  t.after(() => cluster.close());
  const server = createServer();
  const dead = await listening(t, server);
  server.close();
  await using client = new KafkaClient({ brokers: [dead, ...cluster.brokers], shuffleBrokers: false, ...impatient });
  await client.connect();
  const error = await failure({ brokers: [dead, '127.0.0.1:1'] });
  assert.match(error.message, /^no broker could be reached: .*connection refused.*; .*connection refused/);
});

test('every method rejects with TIDE_CLOSED after close()', async t => {
  const cluster = await EmbeddedCluster.start({ topics: { orders: 1 } });
  t.after(() => cluster.close());
  const client = new KafkaClient({ brokers: cluster.brokers });
  const producer = new SimpleProducer(client);
  await producer.sendMessages('orders', 'tea');
  await client.close();
  await client.close();
  const closed = { code: 'TIDE_CLOSED' };
  await assert.rejects(client.connect(), closed);
  await assert.rejects(client.metadata(), closed);
  await assert.rejects(client.request(Metadata, { topics: [] }), closed);
  await assert.rejects(producer.sendMessages('orders', 'tea'), closed);
  assert.throws(() => new SimpleProducer(client), closed);
});
