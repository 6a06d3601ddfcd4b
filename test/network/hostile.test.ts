import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/base/clock.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { parseAddress } from '../../src/network/address.js';
import type { Connection, ConnectionSettings } from '../../src/network/connection.js';
import { openConnection } from '../../src/network/open-connection.js';
import { ApiVersions, encodeResponseFrame, Metadata, OffsetFetch } from '../../src/protocol/index.js';
import { GuardedProcess } from '../kafka/process.js';
import { ChaosProxy } from '../support/proxy.js';
import { rejection } from '../support/rejection.js';

const settings: ConnectionSettings = {
  clientId: 'test',
  connectTimeoutMs: 20_000,
  idleTimeoutMs: 60_000,
  maxResponseBytes: 1 << 20,
  ipVersion: undefined,
  clock: systemClock,
};
/** Far off: what ends sooner was not ended by it. */
const later = { timeoutMs: 3_600_000 };
const orders = { topics: [{ name: 'orders' }] };

async function setting(t: TestContext): Promise<{ cluster: EmbeddedCluster; proxy: ChaosProxy; open: () => Promise<Connection> }> {
  const cluster = await EmbeddedCluster.start({ topics: { orders: 1 } });
  const proxy = await ChaosProxy.start(parseAddress(cluster.brokers[0] ?? '').port);
  t.after(async () => {
    await proxy.close();
    await cluster.close();
  });
  const open = async (): Promise<Connection> => {
    const connection = await openConnection(parseAddress(proxy.address), settings);
    t.after(() => connection.close());
    return connection;
  };
  return { cluster, proxy, open };
}

/** A server that is no broker: `talk` gets each socket, and each piece it sends. Gives its address. */
async function pretender(t: TestContext, talk: (socket: Socket, bytes: Buffer, pieces: number) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    let pieces = 0;
    socket.on('error', () => {}).on('data', bytes => talk(socket, bytes, pieces++));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a connection that is reset at any byte of an answer fails what waits, with "maybe"; the next one works', {
  timeout: 60_000,
}, async t => {
  const { proxy, open } = await setting(t);
  let length = 0;
  const sound = await open();
  proxy.onChunk = (chunk, { direction }) => {
    if (direction === 'to-client') length += chunk.length;
    return undefined;
  };
  const expected = await sound.request(Metadata, orders, later);
  proxy.restore();
  assert.ok(length > 50);
  for (let cut = 0; cut < length; cut++) {
    const connection = await open();
    const cutOff = proxy.limitBytes(cut);
    const [one, other] = await Promise.all([
      rejection(connection.request(Metadata, orders, later)),
      rejection(connection.request(Metadata, orders, later)),
      cutOff,
    ]);
    assert.deepEqual(
      [one.code, one.persistence, other.code, other.persistence],
      ['TIDE_CONNECTION', 'maybe', 'TIDE_CONNECTION', 'maybe'],
      `${cut}`,
    );
    assert.equal(connection.open, false);
  }
  assert.deepEqual(await (await open()).request(Metadata, orders, later), expected);
});

test('bytes that go one by one, both ways, make no difference', { timeout: 60_000 }, async t => {
  const { proxy, open } = await setting(t);
  const expected = await (await open()).request(Metadata, orders, later);
  proxy.slice(1);
  const connection = await open();
  const answers = await Promise.all(Array.from({ length: 5 }, () => connection.request(Metadata, orders, later)));
  for (const answer of answers) assert.deepEqual(answer, expected);
});

test('an answer cut short anywhere, or with more behind it, names API, version and position, and costs one connection', {
  timeout: 60_000,
}, async t => {
  const { cluster, open } = await setting(t);
  const bystander = await open();
  let length = 0;
  const change = (to: (frame: Buffer) => Buffer) =>
    cluster.on(Metadata).rewrite(frame => {
      length = frame.length;
      const changed = to(frame);
      changed.writeInt32BE(changed.length - 4, 0);
      return changed;
    });
  const met = async (what: string): Promise<void> => {
    const connection = await open();
    const [error, behind] = await Promise.all([
      rejection(connection.request(Metadata, orders, later)),
      rejection(connection.request(Metadata, orders, later)),
    ]);
    assert.deepEqual(
      [error.code, error.persistence, error.context['api'], behind.persistence],
      ['TIDE_PROTOCOL', 'maybe', 'Metadata', 'maybe'],
      what,
    );
    assert.match(error.message, /^Metadata to broker .*: Metadata v\d+ response/);
    const { api, version, position } = error.context;
    assert.deepEqual([api, typeof version, typeof position], ['Metadata', 'number', 'number'], what);
    assert.equal(connection.open, false);
  };
  change(frame => Buffer.concat([frame, Buffer.alloc(1)]));
  await met('one byte more');
  for (let end = 8; end < length - 1; end++) {
    change(frame => Buffer.from(frame.subarray(0, end)));
    await met(`cut at ${end}`);
  }
  assert.ok(bystander.open);
  await bystander.request(ApiVersions, { clientSoftwareName: 'test', clientSoftwareVersion: '1' }, later);
});

test('an answer that comes twice settles its request, and then ends the connection', async t => {
  const { cluster, open } = await setting(t);
  const connection = await open();
  cluster.on(Metadata).rewrite(frame => Buffer.concat([frame, frame]));
  assert.equal((await connection.request(Metadata, orders, later)).topics.length, 1);
  const reason = await connection.closed;
  assert.match(reason.message, /answered correlation id \d+, expected no answer at all/);
});

test('answers in another order than the requests go to nobody', async t => {
  const { cluster, open } = await setting(t);
  const connection = await open();
  cluster.on(Metadata).rewrite(frame => {
    frame.writeInt32BE(frame.readInt32BE(4) + 1, 4); // that of the request behind it
    return frame;
  });
  const errors = await Promise.all([
    rejection(connection.request(Metadata, orders, later)),
    rejection(connection.request(Metadata, { topics: [] }, later)),
  ]);
  for (const { code, persistence } of errors) assert.deepEqual([code, persistence], ['TIDE_PROTOCOL', 'maybe']);
});

const framesThatCannotBe: readonly (readonly [name: string, bytes: Buffer, message: RegExp])[] = [
  ['a negative length', Buffer.from([0xff, 0xff, 0xff, 0xff]), /declares -1 bytes/],
  ['a length of 2 GiB', Buffer.from([0x7f, 0xff, 0xff, 0xff]), /declares 2147483647 bytes/],
  ['a length too short for a header', Buffer.from([0, 0, 0, 3, 0, 0, 0]), /declares 3 bytes/],
  ['an HTTP server', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), /an HTTP server answered/],
  ['a TLS alert', Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x46]), /TLS/],
];
for (const [name, bytes, message] of framesThatCannotBe) {
  test(`${name} in answer to the first request ends the connection at once, saying so`, async t => {
    const address = await pretender(t, socket => socket.write(bytes));
    const error = await rejection(openConnection(parseAddress(address), settings));
    assert.equal(error.code, 'TIDE_PROTOCOL');
    assert.match(error.message, message);
    assert.equal(error.persistence, 'no');
  });
}

/** The correlation id of the request that `bytes` begin. */
const idOf = (bytes: Buffer): number => bytes.readInt32BE(8);
const offer = (bytes: Buffer, version: number, body: Parameters<typeof encodeResponseFrame<typeof ApiVersions>>[3]): Buffer =>
  Buffer.concat(encodeResponseFrame(ApiVersions, version, idOf(bytes), body).chunks);

test('a broker that offers nothing, or refuses to say what, is told apart from one that is not there; it is asked twice at most', async t => {
  let asked = 0;
  const empty = await pretender(t, (socket, bytes) => socket.write(offer(bytes, bytes.readInt16BE(6), { errorCode: 0, apiKeys: [] })));
  const refusing = await pretender(t, (socket, bytes) => {
    asked += 1;
    socket.write(offer(bytes, 0, { errorCode: 35, apiKeys: [] }));
  });
  for (const [address, text] of [
    [empty, /answered error 0 and 0 APIs/],
    [refusing, /answered error 35 and 0 APIs/],
  ] as const) {
    const error = await rejection(openConnection(parseAddress(address), settings));
    assert.equal(error.code, 'TIDE_UNSUPPORTED');
    assert.match(error.message, text);
  }
  assert.equal(asked, 2);
});

test('a range of versions that ends before it begins is none', async t => {
  const apiKeys = [
    { apiKey: Metadata.key, minVersion: 9, maxVersion: 5 },
    { apiKey: ApiVersions.key, minVersion: 0, maxVersion: 3 },
  ];
  const address = await pretender(t, (socket, bytes) => socket.write(offer(bytes, bytes.readInt16BE(6), { errorCode: 0, apiKeys })));
  const connection = await openConnection(parseAddress(address), settings);
  t.after(() => connection.close());
  const error = await rejection(connection.request(Metadata, orders, later));
  assert.deepEqual([error.code, connection.open], ['TIDE_UNSUPPORTED', true]);
  assert.match(error.message, /speaks versions 9 to 5/);
});

/** What a client in a process of its own meets at `address`. */
async function clientAt(address: string): Promise<{ grownBytes: number; message: string; code: string; context: Record<string, unknown> }> {
  const child = GuardedProcess.start(process.execPath, [fileURLToPath(new URL('hostile-client.js', import.meta.url)), address]);
  const { code } = await child.exit();
  assert.equal(code, 0, child.stderr);
  return JSON.parse(child.stdout);
}
const MIB = 2 ** 20;

test('a length of 2 GiB, with all that can be sent behind it, takes no memory', { timeout: 120_000 }, async t => {
  const flood = Buffer.alloc(MIB);
  const address = await pretender(t, socket => {
    socket.write(Buffer.from([0x7f, 0xff, 0xff, 0xff]));
    const pour = (): void => {
      while (!socket.destroyed && socket.write(flood));
    };
    socket.on('drain', pour);
    pour();
  });
  const { grownBytes, message } = await clientAt(address);
  assert.match(message, /declares 2147483647 bytes/);
  assert.ok(grownBytes < 64 * MIB, `${grownBytes} bytes`);
});

test('an answer of 90 MiB that would be 30 million objects is refused where its count stands', { timeout: 120_000 }, async t => {
  const count = 30_000_000;
  const address = await pretender(t, (socket, bytes, pieces) => {
    const apiKeys = [{ apiKey: OffsetFetch.key, minVersion: 0, maxVersion: 7 }];
    if (pieces === 0) return socket.write(offer(bytes, bytes.readInt16BE(6), { errorCode: 0, apiKeys }));
    const start = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    start.writeInt32BE(idOf(bytes), 4);
    let at = 13; // behind the header's tags and the throttle time
    for (let rest = count + 1; ; rest >>>= 7) {
      start[at++] = rest > 127 ? (rest & 127) | 128 : rest;
      if (rest <= 127) break;
    }
    const topics = Buffer.alloc(count * 3 + 3, Buffer.of(1, 1, 0)); // no name, no partitions, no tags
    start.writeInt32BE(at - 4 + topics.length, 0);
    socket.write(start.subarray(0, at));
    return socket.write(topics);
  });
  const { grownBytes, message, code } = await clientAt(address);
  assert.equal(code, 'TIDE_PROTOCOL');
  assert.match(message, /OffsetFetch v7 response, topics: .* would take more than \d+ bytes of memory/);
  assert.ok(grownBytes < (100 + 64) * MIB, `${grownBytes} bytes`);
});
