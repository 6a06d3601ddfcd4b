import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KafkaConsumerOptions } from '../../src/consumer/kafka-consumer-options.js';
import { givingUpWithin } from '../../src/consumer/last-commits.js';
import { OffsetCommit } from '../../src/protocol/index.js';
import { every, groupSetting, nextEvent } from './group-setting.js';
import { stored, until } from './setting.js';

const kinds: readonly (readonly [string, KafkaConsumerOptions])[] = [
  ['cooperative members', {}],
  ['eager members', { assignors: ['range'] }],
  ['the new protocol', { groupProtocol: 'consumer' }],
];

const sum = (offsets: Record<number, number>): number => Object.values(offsets).reduce((all, each) => all + each, 0);

for (const [name, options] of kinds) {
  test(`${name}: what is in hand is waited for, what is done is committed, then onRevoke, then others read on`, async t => {
    const { cluster, member } = await groupSetting(t);
    const said: string[] = [];
    const first = member({
      ...options,
      autoCommit: { everyMs: 600_000 },
      onRevoke: partitions => {
        const committed = stored(cluster, 'billing');
        for (const { partition } of partitions) said.push(`revoke ${partition} at ${committed[partition]}`);
      },
    });
    const second = member({ ...options, autoCommit: false });
    const seen: string[] = [];
    const stop = new AbortController();
    const reading = (async () => {
      for await (const { partition, offset } of first.messages({ signal: stop.signal })) {
        seen.push(`${partition}:${offset}`);
        if (seen.length === 30) void second.getMessages(1000, { timeoutMs: null, signal: stop.signal }).catch(() => {});
        // Until the group has begun to divide anew, and some turns more: a message that is in hand when its partition is to go.
        if (seen.length === 30) await until(() => cluster.members('billing').length === 2);
        for (let i = 0; i < 5; i++) await new Promise(setImmediate);
      }
    })();
    await until(() => first.assignment().length === 2 && seen.length >= 30);
    await until(() => second.offsets().reduce((all, { position = 0 }) => all + position, 0) === 50);
    stop.abort();
    await reading;
    assert.ok(said.length >= 2, said.join());
    for (const { partition } of second.assignment()) {
      const mine = seen.filter(place => place.startsWith(`${partition}:`)).length;
      assert.ok(said.includes(`revoke ${partition} at ${mine}`), `${mine} of ${partition}: ${said.join()}`);
    }
    assert.equal(new Set(seen).size, seen.length);
    await first.close();
    await second.close();
  });

  test(`${name}: who holds on for longer than the group would wait gives up in time, and stays a member`, async t => {
    const { member } = await groupSetting(t);
    const first = member({ ...options, autoCommit: false, marking: 'explicit', maxPollIntervalMs: 6000, revokeDrainMs: 600_000 });
    const second = member({ ...options, autoCommit: false, maxPollIntervalMs: 6000 });
    const lost = every(first, 'lost');
    assert.equal((await first.getMessages(100, { timeoutMs: null })).length, 100); // nobody marks them
    const stop = new AbortController();
    const reading = first.getMessages(1, { timeoutMs: null, signal: stop.signal }).catch(() => {});
    const revoked = nextEvent(first, 'revoked');
    const others = second.getMessages(25, { timeoutMs: null });
    await revoked;
    assert.equal((await others).length, 25);
    assert.deepEqual(lost, []);
    stop.abort();
    await reading;
  });
}

test('of the time that the group waits, half is for what is in hand, a quarter for the commit, and the rest for callbacks', () => {
  assert.deepEqual(givingUpWithin(30_000, 300_000, 30_000), { drainMs: 30_000, commitMs: 30_000 });
  assert.deepEqual(givingUpWithin(30_000, 10_000, 30_000), { drainMs: 5000, commitMs: 2500 });
  assert.deepEqual(givingUpWithin(0, 300_000, 1000), { drainMs: 0, commitMs: 1000 });
});

test('a commit before giving up is tried again as long as there is time', async t => {
  const { cluster, member } = await groupSetting(t);
  const first = member({ autoCommit: { everyMs: 600_000 } });
  await first.getMessages(100, { timeoutMs: null });
  cluster.on(OffsetCommit).failTimes(15, 'COORDINATOR_LOAD_IN_PROGRESS'); // more often than the client retries by itself
  const second = member({ autoCommit: false });
  const others = second.getMessages(1, { block: false });
  const more = first.getMessages(1000, { timeoutMs: null }).catch(() => {}); // those before are done
  await others;
  await until(() => second.assignment().length === 2);
  const committed = stored(cluster, 'billing');
  for (const { partition } of second.assignment()) assert.equal(committed[partition], 25);
  await first.close();
  await more;
});

test('a member that leaves because nobody asks for more commits what is done first; marks after that are late', async t => {
  const { cluster, member } = await groupSetting(t);
  const consumer = member({ maxPollIntervalMs: 400, autoCommit: { everyMs: 600_000 } });
  const lost = nextEvent(consumer, 'lost');
  const messages = await consumer.getMessages(10, { timeoutMs: null });
  consumer.mark(messages.slice(0, 6));
  const { error } = await lost;
  assert.match(error.message, /nobody has asked for more within 400 ms \(maxPollIntervalMs\); the member leaves/);
  assert.equal(sum(stored(cluster, 'billing')), 6);
  assert.throws(() => consumer.mark(messages), { code: 'TIDE_PARTITION_LOST', message: /maxPollIntervalMs/ });
  await until(() => cluster.members('billing').length === 0);
  const dropped = every(consumer, 'marksDropped');
  assert.equal((await consumer.getMessages(94, { timeoutMs: null })).length, 94);
  assert.equal(
    dropped.reduce((all, { count }) => all + count, 0),
    4,
  );
});

test('with automatic commits off nothing is committed: not when partitions go, not when they are lost, not on close', async t => {
  const { cluster, member } = await groupSetting(t);
  const [first, second] = [member({ autoCommit: false }), member({ autoCommit: false })];
  assert.equal((await first.getMessages(100, { timeoutMs: null })).length, 100);
  const readOn = async (): Promise<void> => {
    for (;;) await first.getMessages(1000, { timeoutMs: null });
  };
  const reading = assert.rejects(readOn(), { code: 'TIDE_CLOSED' });
  const revoked = nextEvent(first, 'revoked');
  const others = second.getMessages(1, { timeoutMs: null }); // nothing is committed, and so they come again
  await revoked;
  await others;
  await first.close();
  await reading;
  await second.close();
  assert.deepEqual(cluster.requests(OffsetCommit), []);
});
