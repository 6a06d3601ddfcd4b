import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { ChaosProxy } from './proxy.js';

/** An echo server behind a proxy, and a client connected through it. */
async function echo(t: TestContext): Promise<{ proxy: ChaosProxy; client: Socket; dial: () => Promise<Socket> }> {
  const server = createServer(socket => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await ChaosProxy.start((server.address() as AddressInfo).port);
  const dialled: Socket[] = [];
  t.after(() => {
    for (const socket of dialled) socket.destroy();
  });
  t.after(() => proxy.close());
  t.after(() => server.close());
  const dial = async (): Promise<Socket> => {
    const socket = connect(proxy.port, '127.0.0.1');
    dialled.push(socket);
    await once(socket, 'connect');
    return socket;
  };
  return { proxy, client: await dial(), dial };
}

/** Reads until `count` bytes are there. */
async function read(socket: Socket, count: number): Promise<{ text: string; chunks: number }> {
  let [text, chunks] = ['', 0];
  while (text.length < count) {
    const [chunk] = await once(socket, 'data');
    text += String(chunk);
    chunks++;
  }
  return { text, chunks };
}

test('bytes and ends pass both ways', async t => {
  const { proxy, client } = await echo(t);
  client.write('hello');
  assert.equal((await read(client, 5)).text, 'hello');
  client.end(' and bye');
  assert.equal((await read(client, 8)).text, ' and bye');
  await once(client, 'end');
  assert.equal(proxy.accepted, 1);
});

test('a large answer arrives whole', async t => {
  const { client } = await echo(t);
  const sent = 'x'.repeat(8 << 20);
  client.end(sent);
  assert.equal((await read(client, sent.length)).text, sent);
});

test('cut resets the client, and later connections work', async t => {
  const { proxy, client, dial } = await echo(t);
  client.write('a');
  await read(client, 1);
  proxy.cut();
  const [error] = await once(client, 'error');
  assert.equal(error.code, 'ECONNRESET');
  assert.equal(proxy.connections, 0);
  const again = await dial();
  again.end('b');
  assert.equal((await read(again, 1)).text, 'b');
});

test('refuse resets new connections until restore', async t => {
  const { proxy, client, dial } = await echo(t);
  proxy.refuse();
  // The reset may come before anybody has noticed the connection.
  const [error] = await dial().then(
    refused => once(refused, 'error'),
    reason => [reason],
  );
  assert.equal(error.code, 'ECONNRESET');
  client.end('still here');
  assert.equal((await read(client, 10)).text, 'still here');
});

test('a black hole holds bytes back until restore', async t => {
  const { proxy, client } = await echo(t);
  client.write('a');
  await read(client, 1);
  proxy.blackhole();
  let heard = '';
  client.on('data', chunk => {
    heard += String(chunk);
  });
  client.write('lost?');
  await new Promise(resolve => setTimeout(resolve, 100)); // nothing must come: there is no event for that
  assert.equal(heard, '');
  proxy.restore();
  await once(client, 'data');
  assert.equal(heard, 'lost?');
  client.end();
});

test('a byte limit lets exactly that many through', async t => {
  const { proxy, client } = await echo(t);
  const spent = proxy.limitBytes(3);
  let heard = '';
  client.on('data', chunk => {
    heard += String(chunk);
  });
  client.write('abcdef');
  await Promise.all([spent, once(client, 'close').catch(() => {})]);
  assert.equal(heard, 'abc');
});

test('slices arrive whole and in order, in more than one piece', async t => {
  const { proxy, client } = await echo(t);
  proxy.slice(2);
  client.write('0123456789');
  const { text, chunks } = await read(client, 10);
  assert.equal(text, '0123456789');
  assert.ok(chunks > 1);
  client.end();
});

test('a hook sees and changes what passes', async t => {
  const { proxy, client } = await echo(t);
  const seen: string[] = [];
  proxy.onChunk = (chunk, { direction, connection }) => {
    seen.push(`${connection} ${direction} ${chunk}`);
    return direction === 'to-client' ? Buffer.from(String(chunk).toUpperCase()) : undefined;
  };
  client.end('quiet');
  assert.equal((await read(client, 5)).text, 'QUIET');
  assert.deepEqual(seen, ['1 to-server quiet', '1 to-client quiet']);
});
