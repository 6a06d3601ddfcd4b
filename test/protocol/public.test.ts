import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { InputError, KafkaClient, ProtocolError, UnsupportedError } from '../../src/index.js';
import * as protocol from '../../src/protocol.js';
import {
  type Api,
  ApiVersions,
  apisByKey,
  decodeRequestBody,
  decodeRequestHeader,
  decodeResponseBody,
  encodeRequestFrame,
  encodeResponseFrame,
  JoinGroup,
  Metadata,
  Reader,
  type RequestOf,
  type ResponseOf,
  readCorrelationId,
  Writer,
} from '../../src/protocol.js';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

const apisExported = Object.values<unknown>(protocol).filter(
  (value): value is Api => typeof value === 'object' && value !== null && 'encodeRequest' in value,
);

test('every API is exported by its name', () => {
  assert.deepEqual(new Set(apisExported), new Set(apisByKey.values()));
  for (const [name, value] of Object.entries<unknown>(protocol))
    if (apisExported.some(api => api === value)) assert.equal(apisExported.find(api => api === value)?.name, name);
});

test('a body is encoded and decoded per API and version, with types inferred', () => {
  const body: RequestOf<typeof JoinGroup> = {
    groupId: 'billing',
    sessionTimeoutMs: 30_000,
    memberId: '',
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.from('any') }],
  };
  for (let version = JoinGroup.versions[0]; version <= JoinGroup.versions[1]; version++) {
    const writer = new Writer();
    JoinGroup.encodeRequest(writer, version, body);
    const reader = new Reader(writer.toBuffer());
    const read = JoinGroup.decodeRequest(reader, version);
    assert.equal(reader.remaining, 0);
    assert.deepEqual(read, { ...body, rebalanceTimeoutMs: -1, groupInstanceId: null, reason: null });
  }
  const answered: Same<ResponseOf<typeof JoinGroup>['members'][number]['groupInstanceId'], string | null> = true;
  assert.ok(answered);
  // @ts-expect-error a field of another type
  assert.throws(() => JoinGroup.encodeRequest(new Writer(), 9, { ...body, groupId: 5 }), InputError);
  assert.throws(() => JoinGroup.encodeRequest(new Writer(), 10, body), UnsupportedError);
  assert.throws(() => JoinGroup.encodeRequest(new Writer(), 4, { ...body, groupInstanceId: 'static' }), /exists only in v5 and later/);
  assert.throws(() => JoinGroup.decodeResponse(new Reader(Buffer.alloc(3)), 9), ProtocolError);
});

test('a proxy can read requests and write answers', () => {
  const frame = Buffer.concat(encodeRequestFrame(Metadata, 9, 7, 'proxy', { topics: null }).chunks);
  const reader = new Reader(frame, 4);
  const { apiKey, apiVersion, correlationId } = decodeRequestHeader(reader);
  const api = apisByKey.get(apiKey);
  assert.equal(api, Metadata);
  assert.equal(decodeRequestBody(Metadata, apiVersion, reader).topics, null);
  const answer = encodeResponseFrame(Metadata, apiVersion, correlationId, {
    brokers: [{ nodeId: 1, host: 'here', port: 9092 }],
    topics: [],
  });
  const bytes = Buffer.concat(answer.chunks).subarray(4);
  assert.equal(readCorrelationId(bytes), 7);
  assert.equal(decodeResponseBody(Metadata, 9, bytes).brokers[0]?.host, 'here');
});

test('a tool can talk to a broker with nothing else', async t => {
  await using cluster = await EmbeddedCluster.start({ topics: { orders: 2 } });
  const [host, port] = (cluster.brokers[0] ?? '').split(':');
  const socket = connect(Number(port), host);
  t.after(() => socket.destroy());
  async function ask<A extends Api>(api: A, version: number, body: RequestOf<A>): Promise<ResponseOf<A>> {
    for (const chunk of encodeRequestFrame(api, version, 1, null, body).chunks) socket.write(chunk);
    let received = Buffer.alloc(0);
    while (received.length < 4 || received.length < 4 + received.readInt32BE()) {
      const [chunk]: Buffer[] = await once(socket, 'data');
      received = Buffer.concat([received, chunk ?? Buffer.alloc(0)]);
    }
    return decodeResponseBody(api, version, received.subarray(4));
  }
  const { apiKeys } = await ask(ApiVersions, 3, { clientSoftwareName: 'tool', clientSoftwareVersion: '1' });
  const offered = apiKeys.find(({ apiKey }) => apiKey === Metadata.key);
  const { topics } = await ask(Metadata, Math.min(Metadata.versions[1], offered?.maxVersion ?? 0), { topics: [{ name: 'orders' }] });
  assert.equal(topics[0]?.partitions.length, 2);
});

test('a client sends any of them', async () => {
  await using cluster = await EmbeddedCluster.start({ topics: { orders: 2 } });
  await using client = new KafkaClient({ brokers: cluster.brokers });
  const { topics } = await client.request(Metadata, { topics: [{ name: 'orders' }] }, { to: { topic: 'orders', partition: 1 } });
  const named: Same<typeof topics, ResponseOf<typeof Metadata>['topics']> = true;
  assert.ok(named);
  assert.equal(topics[0]?.partitions.length, 2);
});
