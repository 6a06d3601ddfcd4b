import assert from 'node:assert/strict';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { ConnectionError } from '../../src/base/errors.js';
import { KafkaClient } from '../../src/client/client.js';
import { ApiVersions, Metadata } from '../../src/protocol/index.js';
import { deadAddress } from '../cluster/setting.js';
import { clientSetting, quick, rejection } from './setting.js';

test('constructing connects to nothing; connect() describes the cluster, and tells listeners', async t => {
  const { cluster, client } = await clientSetting(t, { brokers: 2 });
  const told: unknown[] = [];
  client.on('metadata', ({ brokers, clusterId }) => told.push([[...brokers.keys()], clusterId]));
  client.on('connection', ({ kind }) => told.push(kind));
  assert.equal(cluster.requests().length, 0);
  await client.connect();
  assert.deepEqual(told, ['opened', [[1, 2], cluster.clusterId]]);
  assert.deepEqual(
    cluster.requests().map(({ api }) => api.name),
    ['ApiVersions', 'Metadata'],
  );
});

test('without connect() the first use connects', async t => {
  const { client } = await clientSetting(t);
  assert.equal((await client.metadata()).brokers.size, 1);
});

for (const attempts of [1, 2, 4]) {
  test(`attempts: ${attempts} is ${attempts} in all, the first included, at a closed port`, async t => {
    const client = new KafkaClient({ brokers: await deadAddress(), retry: { attempts, backoffMs: 10, maxBackoffMs: 20 } });
    t.after(() => client.close());
    let failed = 0;
    client.on('connection', ({ kind }) => {
      if (kind === 'failed') failed += 1;
    });
    assert.equal((await rejection(client.connect())).code, 'TIDE_CONNECTION');
    assert.equal(failed, attempts);
  });

  test(`attempts: ${attempts} is ${attempts} in all, the first included, when the broker hangs up`, async t => {
    const { cluster, client } = await clientSetting(t, { client: { retry: { attempts, backoffMs: 5, maxBackoffMs: 5 } } });
    cluster.on(Metadata).drop(1000);
    assert.equal((await rejection(client.connect())).code, 'TIDE_CONNECTION');
    assert.equal(cluster.requests(Metadata).length, attempts);
  });
}

test('an attempt that succeeds is the last', async t => {
  const { cluster, client } = await clientSetting(t);
  cluster.on(Metadata).drop(3);
  await client.connect();
  assert.equal(cluster.requests(Metadata).length, 4);
});

test('connect() that is aborted rejects with the reason; the client can be used all the same', async t => {
  const { cluster, client } = await clientSetting(t);
  const why = new Error('enough');
  await assert.rejects(client.connect({ signal: AbortSignal.abort(why) }), error => error === why);
  assert.equal(cluster.requests().length, 0);
  const hold = cluster.on(ApiVersions).hold();
  const stop = new AbortController();
  const connecting = client.connect({ signal: stop.signal });
  await hold.held;
  stop.abort(why);
  await assert.rejects(connecting, error => error === why);
  hold.release();
  await client.connect();
});

test('connect() that is aborted between two attempts rejects at once', async t => {
  const client = new KafkaClient({ brokers: await deadAddress(), retry: { attempts: 5, backoffMs: 600_000, maxBackoffMs: 600_000 } });
  t.after(() => client.close());
  const stop = new AbortController();
  client.once('connection', () => stop.abort('enough'));
  await assert.rejects(client.connect({ signal: stop.signal }), (reason: unknown) => reason === 'enough');
});

test('connect({ timeoutMs }) bounds all attempts, and says why the last failed', async t => {
  const brokers = [await deadAddress(), await deadAddress()];
  const client = new KafkaClient({ brokers, shuffleBrokers: false, retry: { attempts: 1_000_000, backoffMs: 5, maxBackoffMs: 5 } });
  t.after(() => client.close());
  const error = await rejection(client.connect({ timeoutMs: 1000 }));
  assert.ok(error instanceof ConnectionError);
  const within = 'connect: no broker described the cluster within 1000 ms \\(timeoutMs\\)';
  assert.match(error.message, new RegExp(`^${within}; last: no broker could be reached: .*${brokers[0]}: connection refused`));
  assert.equal(error.errno, -1010, 'no known brokers, as the last attempt says');
  assert.ok(error.cause instanceof ConnectionError);
});

test('connect({ timeoutMs: null }) has no limit but the attempts', async t => {
  const { cluster, client } = await clientSetting(t);
  cluster.on(Metadata).drop(2);
  await client.connect({ timeoutMs: null });
  assert.equal(cluster.requests(Metadata).length, 3);
});

test('connectTimeoutMs: null waits as long as it takes for an answer, where a limit would end it', async t => {
  const { cluster } = await clientSetting(t);
  const hold = cluster.on(ApiVersions).hold();
  const connecting = (connectTimeoutMs: number | null) => {
    const client = new KafkaClient({ brokers: cluster.brokers, connectTimeoutMs, retry: { attempts: 1 } });
    t.after(() => client.close());
    return client.connect();
  };
  let settled = false;
  const limitless = connecting(null).finally(() => {
    settled = true;
  });
  await hold.held;
  const limited = await rejection(connecting(20)); // its time began later, and is over
  assert.match(limited.message, /no answer to ApiVersions within 20 ms \(connectTimeoutMs\)/);
  assert.equal(settled, false);
  hold.release();
  await limitless;
});

test('requestTimeoutMs ends a request that is never answered; null leaves it to the signal', async t => {
  const { cluster, client } = await clientSetting(t, { client: { requestTimeoutMs: 50, retry: { attempts: 2, backoffMs: 5 } } });
  await client.connect();
  cluster.on(Metadata).silent(2);
  const error = await rejection(client.metadata());
  assert.match(error.message, /Metadata to broker .*: no answer within [\d.]+ ms/);
  assert.equal(cluster.requests(Metadata).length, 3, 'connect, and two attempts');
  const other = new KafkaClient({ brokers: cluster.brokers, requestTimeoutMs: 50, retry: { attempts: 1 } });
  t.after(() => other.close());
  await other.connect();
  cluster.on(Metadata).silent(2);
  const stop = new AbortController();
  let settled = false;
  const asking = client.request(Metadata, { topics: [] }, { timeoutMs: null, signal: stop.signal }).finally(() => {
    settled = true;
  });
  await cluster.nextRequest(Metadata);
  await rejection(other.request(Metadata, { topics: [] })); // its time began later, and is over
  assert.equal(settled, false);
  stop.abort('enough');
  await assert.rejects(asking, (reason: unknown) => reason === 'enough');
});

test('the first address is dead, the second answers; all dead: each with its reason', async t => {
  const dead = [await deadAddress(), await deadAddress()];
  const { cluster } = await clientSetting(t);
  const client = new KafkaClient({ brokers: [...dead, ...cluster.brokers], shuffleBrokers: false, retry: { attempts: 1 } });
  t.after(() => client.close());
  await client.connect();
  const lost = new KafkaClient({ brokers: dead, retry: { attempts: 1 } });
  t.after(() => lost.close());
  const error = await rejection(lost.connect());
  assert.equal(error.errno, -1010);
  for (const address of dead) assert.match(error.message, new RegExp(`${address}: connection refused`));
});

test('a listener that is slow to accept and then closes: the attempt fails, the next may succeed', async t => {
  const { cluster } = await clientSetting(t);
  const [real = ''] = cluster.brokers;
  const server = createServer(socket => socket.destroy());
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const hangsUp = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new KafkaClient({ brokers: [hangsUp, real], shuffleBrokers: false, retry: quick });
  t.after(() => client.close());
  await client.connect();
  assert.equal((await client.metadata()).brokers.size, 1);
});
