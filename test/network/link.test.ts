import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/base/clock.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { parseAddress } from '../../src/network/address.js';
import { Link } from '../../src/network/link.js';
import { Metadata } from '../../src/protocol/index.js';
import { ChaosProxy } from '../support/proxy.js';

test('the time limit of a request covers connecting, and the attempt goes on for others', { timeout: 20_000 }, async t => {
  const cluster = await EmbeddedCluster.start();
  const proxy = await ChaosProxy.start(parseAddress(cluster.brokers[0] ?? '').port);
  const events: string[] = [];
  const link = new Link(parseAddress(proxy.address), {
    clientId: 'test',
    connectTimeoutMs: Number.POSITIVE_INFINITY,
    idleTimeoutMs: Number.POSITIVE_INFINITY,
    maxResponseBytes: 1_000_000,
    ipVersion: undefined,
    clock: systemClock,
    reconnect: { backoffMs: 5, maxBackoffMs: 20 },
    observe: ({ kind }) => events.push(kind),
  });
  t.after(async () => {
    link.close();
    await proxy.close();
    await cluster.close();
  });
  proxy.blackhole();
  const patient = link.request(Metadata, { topics: [] }, { timeoutMs: Number.POSITIVE_INFINITY });
  await assert.rejects(link.request(Metadata, { topics: [] }, { timeoutMs: 20 }), {
    code: 'TIDE_TIMEOUT',
    persistence: 'no',
    retriable: true,
    message: /Metadata to broker .* not sent within 20 ms: still connecting/,
  });
  assert.deepEqual(events, [], 'nothing failed');
  proxy.restore();
  assert.equal((await patient).brokers.length, 1);
  await link.request(Metadata, { topics: [] }, { timeoutMs: 10_000 });
  assert.deepEqual(events, ['opened']);
  assert.equal(proxy.accepted, 1);
});
