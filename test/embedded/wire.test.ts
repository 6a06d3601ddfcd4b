import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorNumbers } from '../../src/base/broker-errors.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { RequestFrames } from '../../src/embedded/request-frames.js';
import { ApiVersions, decodeResponseBody, encodeRequestFrame, Fetch, Metadata, Produce } from '../../src/protocol/index.js';
import { connectTo, fetchBody, produce, startCluster } from './setting.js';

test('requests are found however the bytes are cut', () => {
  const payloads = [8, 100, 9].map((length, i) => Buffer.alloc(length, i + 1));
  const stream = Buffer.concat(payloads.flatMap(payload => [Buffer.from([0, 0, 0, payload.length]), payload]));
  for (let first = 0; first <= stream.length; first++) {
    for (const second of [first, Math.min(first + 1, stream.length), stream.length]) {
      const delivered: Buffer[] = [];
      const frames = new RequestFrames(frame => delivered.push(frame));
      for (const chunk of [stream.subarray(0, first), stream.subarray(first, second), stream.subarray(second)])
        frames.push(Buffer.from(chunk));
      assert.deepEqual(delivered, payloads, `cut at ${first} and ${second}`);
    }
  }
});

test('lengths that no client sends are refused before memory is taken', () => {
  for (const length of [-1, 0, 7, 104_857_601, 2 ** 31 - 1]) {
    const prefix = Buffer.alloc(4);
    prefix.writeInt32BE(length);
    assert.throws(() => new RequestFrames(() => {}).push(prefix), { code: 'TIDE_PROTOCOL' }, String(length));
  }
});

test('a version of ApiVersions that is too new is answered in v0, with the versions there are', async t => {
  const cluster = await startCluster(t);
  const client = await connectTo(t, cluster);
  const frame = Buffer.concat(encodeRequestFrame(ApiVersions, 4, 7, 'raw', { clientSoftwareName: 'a', clientSoftwareVersion: '1' }).chunks);
  frame.writeInt16BE(99, 6);
  client.write(frame);
  const answer = decodeResponseBody(ApiVersions, 0, await client.frame());
  assert.equal(answer.errorCode, errorNumbers.UNSUPPORTED_VERSION);
  assert.deepEqual(answer.apiKeys, [{ apiKey: 18, minVersion: 0, maxVersion: 4 }]);
  assert.equal(
    (await client.request(ApiVersions, 4, { clientSoftwareName: 'a', clientSoftwareVersion: '1' })).errorCode,
    0,
    'the connection goes on',
  );
});

test('limits and releases show in ApiVersions, and what is not offered closes the connection', async t => {
  const cluster = await startCluster(t, { emulate: '2.8', topics: { orders: 1 } });
  const client = await connectTo(t, cluster);
  const offered = async () =>
    new Map(
      (await client.request(ApiVersions, 3, { clientSoftwareName: 'a', clientSoftwareVersion: '1' })).apiKeys.map(each => [
        each.apiKey,
        [each.minVersion, each.maxVersion],
      ]),
    );
  assert.deepEqual((await offered()).get(Fetch.key), [4, 12]);
  assert.deepEqual((await offered()).get(Produce.key), [0, 9]);
  cluster.limitVersions(Fetch, 7, 5);
  assert.deepEqual((await offered()).get(Fetch.key), [5, 7]);
  cluster.limitVersions(Metadata, -1);
  assert.equal((await offered()).has(Metadata.key), false);
  assert.throws(() => cluster.limitVersions(Fetch, 3), { code: 'TIDE_INPUT' });
  client.send(Fetch, 8, fetchBody(0));
  await client.closed;
  assert.match(String(cluster.errors[0]), /Fetch v8/);
});

test('bytes that are no request close the connection, and the cluster remembers why', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  const header = (apiKey: number, version: number) => {
    const bytes = Buffer.alloc(10);
    bytes.writeInt16BE(apiKey, 0);
    bytes.writeInt16BE(version, 2);
    bytes.writeInt16BE(-1, 8);
    return bytes;
  };
  const good = Buffer.concat(encodeRequestFrame(Fetch, 12, 1, 'raw', fetchBody(0)).chunks).subarray(4);
  const requests = [
    header(999, 0), // no such API
    header(Metadata.key, 99), // no such version
    header(Produce.key, 2), // listed, but refused
    header(Fetch.key, 12), // no body
    good.subarray(0, good.length - 1),
    Buffer.concat([good, Buffer.from([0])]),
    Buffer.alloc(8, 0xff),
  ];
  for (const [i, request] of requests.entries()) {
    const client = await connectTo(t, cluster);
    const length = Buffer.alloc(4);
    length.writeInt32BE(request.length);
    client.write(Buffer.concat([length, request]));
    await client.closed;
    assert.equal(cluster.errors.length, i + 1, `request ${i}`);
  }
  const client = await connectTo(t, cluster);
  client.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
  await client.closed;
  assert.equal(cluster.errors.length, requests.length + 1);
  assert.equal((await produce(await connectTo(t, cluster), [{ value: 'v' }])).errorCode, 0, 'others are still served');
});

test('nothing more is read from a client that does not take its answers', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 }, maxMessageBytes: 2_000_000 });
  cluster.append('orders', 0, [{ value: Buffer.alloc(1_000_000) }]);
  const client = await connectTo(t, cluster);
  client.pause();
  const sent = 60;
  const body = fetchBody(0, { partitionMaxBytes: 2_000_000, maxBytes: 2_000_000 });
  for (let i = 0; i < sent; i++) {
    client.send(Fetch, 12, body);
    await new Promise(setImmediate); // in pieces: what came in one piece is read as one
  }
  const other = await connectTo(t, cluster);
  for (let i = 0; i < 100; i++) await other.request(Metadata, 9, { topics: [] }); // all that can be read has been read by now
  const seen = cluster.requests(Fetch).length;
  assert.ok(seen < sent, `${seen} of ${sent} requests were read`);
  client.resume();
  for (let i = 0; i < sent; i++) assert.ok((await client.frame()).length > 1_000_000);
  assert.equal(cluster.requests(Fetch).length, sent);
});

test('only so many requests are remembered; they keep their numbers', async t => {
  const cluster = await startCluster(t, { rememberRequests: 10 });
  const client = await connectTo(t, cluster);
  for (let i = 0; i < 100; i++) await client.request(Metadata, 9, { topics: [] });
  const seen = cluster.requests(Metadata);
  assert.ok(seen.length >= 10 && seen.length <= 15, `${seen.length} are kept`);
  assert.equal(seen.at(-1)?.index, 99);
  assert.deepEqual(new Set(seen.map(({ connection, broker, clientId }) => `${connection} ${broker} ${clientId}`)), new Set(['1 1 raw']));
});

test('options that cannot be are refused, and so is a port that is taken', async t => {
  await assert.rejects(EmbeddedCluster.start({ brokers: 0 }), { code: 'TIDE_OPTION' });
  await assert.rejects(EmbeddedCluster.start({ topics: { orders: 0 } }), { code: 'TIDE_OPTION' });
  await assert.rejects(EmbeddedCluster.start({ topics: { 'not legal': 1 } }), { code: 'TIDE_INPUT' });
  await assert.rejects(EmbeddedCluster.start({ topics: { orders: { replicationFactor: 2 } } }), { code: 'TIDE_INPUT' });
  const cluster = await startCluster(t);
  const port = Number(cluster.brokers[0]?.split(':')[1]);
  await assert.rejects(EmbeddedCluster.start({ port }), { code: 'EADDRINUSE' });
  await cluster.close();
  await cluster.close();
  const next = await startCluster(t, { port });
  assert.deepEqual(next.brokers, [`127.0.0.1:${port}`]);
});
