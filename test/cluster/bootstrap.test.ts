import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionError } from '../../src/base/errors.js';
import { Metadata } from '../../src/protocol/index.js';
import { ChaosProxy } from '../support/proxy.js';
import { clusterSetting, deadAddress } from './setting.js';

test('the first address is dead, the second answers', async t => {
  const dead = await deadAddress();
  const { embedded, cluster, connections } = await clusterSetting(t, { bootstrap: all => [dead, ...all] });
  assert.deepEqual([...(await cluster.refresh([])).brokers.keys()], [1]);
  assert.deepEqual(connections, [`failed ${dead}`, `opened ${embedded.brokers[0]}`]);
});

test('all addresses are dead: the error gives the reason of each, and can be retried', async t => {
  const dead = [await deadAddress(), await deadAddress(), 'no-such-host.invalid:9092'];
  const { cluster } = await clusterSetting(t, { bootstrap: () => dead });
  const error = await cluster.refresh([]).then(
    () => assert.fail('nobody is there'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ConnectionError);
  assert.equal(error.code, 'TIDE_CONNECTION');
  assert.equal(error.errno, -1010);
  assert.equal(error.retriable, true);
  assert.equal(error.persistence, 'no');
  const [summary, reasons] = error.message.split(/: (.*)/s);
  assert.equal(summary, 'no broker could be reached');
  const told = (reasons ?? '').split('; ').filter(reason => dead.some(address => reason.startsWith(`${address}: `)));
  assert.deepEqual(
    told.map(reason => reason.slice(0, reason.indexOf(': '))),
    dead,
  );
  assert.match(told[0] ?? '', /connection refused/);
});

test('one address: its own error, as it is', async t => {
  const dead = await deadAddress();
  const { cluster } = await clusterSetting(t, { bootstrap: () => [dead] });
  await assert.rejects(cluster.refresh([]), {
    code: 'TIDE_CONNECTION',
    errno: -1004,
    message: new RegExp(`^connect to ${dead}: connection refused`),
  });
});

test('with shuffleBrokers the first address asked differs from client to client; without it never', async t => {
  const addresses = ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3'];
  const firsts = async (shuffleBrokers: boolean) => {
    const seen = new Set<string | undefined>();
    for (let i = 0; i < 30; i++) {
      const { cluster, connections } = await clusterSetting(t, { bootstrap: () => addresses, cluster: { shuffleBrokers } });
      await assert.rejects(cluster.refresh([]), { code: 'TIDE_CONNECTION' });
      assert.deepEqual(
        [...connections].sort(),
        addresses.map(address => `failed ${address}`),
        'each is tried once',
      );
      seen.add(connections[0]);
    }
    return seen;
  };
  assert.deepEqual([...(await firsts(false))], ['failed 127.0.0.1:1']);
  assert.ok((await firsts(true)).size > 1); // 30 of 30 alike: one in 3 ** 29
});

test('once the cluster is known its brokers serve, also when every bootstrap address is gone', async t => {
  const { embedded, cluster } = await clusterSetting(t, { brokers: 3, bootstrap: ([first = '']) => [first] });
  await cluster.refresh([]);
  await embedded.stopBroker(1);
  assert.deepEqual([...(await cluster.refresh(['orders'])).brokers.keys()], [2, 3]);
});

test('when every broker of the cluster has gone, the bootstrap addresses are tried again', async t => {
  const { embedded, cluster } = await clusterSetting(t, { brokers: 2, bootstrap: ([first = '']) => [first] });
  embedded.on(Metadata).answer(async (_, next) => {
    const answer = await next();
    return answer && { ...answer, brokers: [{ nodeId: 2, host: '127.0.0.1', port: 1 }] };
  });
  assert.equal((await cluster.refresh([])).brokers.get(2)?.port, 1);
  assert.deepEqual([...(await cluster.refresh([])).brokers.keys()], [1, 2]);
});

test('a bootstrap address that no broker goes by is let go once the brokers are known', async t => {
  const { embedded, cluster, connections } = await clusterSetting(t, {
    bootstrap: ([first = '']) => [first.replace('127.0.0.1', 'localhost')],
  });
  await cluster.refresh([]);
  await cluster.toBroker(1, Metadata, { topics: [] });
  const named = embedded.brokers[0]?.replace('127.0.0.1', 'localhost');
  assert.deepEqual(connections, [`opened ${named}`, `closed ${named}`, `opened ${embedded.brokers[0]}`]);
});

test('an address that is silent costs a request its own time limit, not that for connecting', { timeout: 20_000 }, async t => {
  const silent = await ChaosProxy.start();
  silent.blackhole();
  const { embedded, cluster, connections } = await clusterSetting(t, {
    bootstrap: all => [silent.address, ...all],
    cluster: { connectTimeoutMs: Number.POSITIVE_INFINITY },
  });
  t.after(() => silent.close());
  silent.targetPort = Number(embedded.brokers[0]?.split(':')[1]);
  const answer = await cluster.toAny(Metadata, { topics: [] }, { timeoutMs: 1000 });
  assert.equal(answer.brokers.length, 1);
  assert.deepEqual(connections, [`opened ${embedded.brokers[0]}`]);
});
