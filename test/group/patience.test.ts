import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { KafkaConsumer } from '../../src/consumer/index.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { Patience } from '../../src/group/patience.js';
import { ConsumerGroupHeartbeat, JoinGroup } from '../../src/protocol/index.js';
import { ManualClock } from '../embedded/setting.js';

const policy = { backoffMs: 100, maxBackoffMs: 1000 };
const isAbout = (ms: number, wanted: number) => assert.ok(ms >= wanted * 0.8 && ms <= wanted * 1.2, `${ms} is about ${wanted}`);

test('who is sent to join does so at once, and waits longer and longer when that goes on', () => {
  const patience = new Patience(new ManualClock(), policy);
  for (let i = 0; i < 3; i++) {
    assert.deepEqual([patience.pauseAfter('rejoin'), patience.pauseAfter('rejoin')], [0, 0]);
    isAbout(patience.pauseAfter('rejoin'), 100);
    isAbout(patience.pauseAfter('rejoin'), 200);
    patience.succeeded();
    assert.equal(patience.pauseAfter('rejoin'), 0);
    patience.succeeded();
  }
});

test('what passes is waited for from the first time on', () => {
  const patience = new Patience(new ManualClock(), policy);
  isAbout(patience.pauseAfter('retry'), 100);
  isAbout(patience.pauseAfter('retry'), 200);
});

test('who is thrown out again and again as soon as it has joined waits; not who was a member for a while', () => {
  const clock = new ManualClock();
  const patience = new Patience(clock, policy);
  const pauses = [1, 2, 3, 4].map(() => {
    patience.succeeded();
    return patience.pauseAfter('outdated');
  });
  assert.deepEqual(pauses.slice(0, 2), [0, 0]);
  isAbout(pauses[2] ?? 0, 100);
  isAbout(pauses[3] ?? 0, 200);
  patience.succeeded();
  clock.advance(1000);
  assert.equal(patience.pauseAfter('outdated'), 0);
});

for (const [groupProtocol, api, error] of [
  ['classic', JoinGroup, 'UNKNOWN_MEMBER_ID'],
  ['classic', JoinGroup, 'REBALANCE_IN_PROGRESS'],
  ['consumer', ConsumerGroupHeartbeat, 'FENCED_MEMBER_EPOCH'],
] as const) {
  test(`a coordinator that goes on answering ${error} is not stormed (${groupProtocol})`, async t => {
    const cluster = await EmbeddedCluster.start({ topics: { orders: 1 } });
    t.after(() => cluster.close());
    const client = new KafkaClient({ brokers: cluster.brokers, retry: { backoffMs: 600_000, maxBackoffMs: 600_000 } });
    t.after(() => client.close({ timeoutMs: 100 }).catch(() => {}));
    const consumer = new KafkaConsumer(client, { topics: 'orders', groupId: 'billing', groupProtocol });
    cluster.on(api).failTimes(100, error);
    const waits = new Promise(resolve => client.once('nonFatalError', resolve));
    const reading = consumer.getMessages(1, { timeoutMs: null });
    reading.catch(() => {}); // ends with the client
    await waits;
    assert.equal(cluster.requests(api).length, 3);
  });
}
