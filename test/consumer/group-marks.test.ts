import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ForPartition } from '../../src/cluster/scatter.js';
import type { KafkaConsumer } from '../../src/consumer/index.js';
import { type Api, ListOffsets, OffsetFetch } from '../../src/protocol/index.js';
import { every, groupSetting, nextEvent, throwOut } from './group-setting.js';
import { fill, places, stored, until } from './setting.js';

const placesOf = (partitions: readonly { readonly partition: number }[]): number[] => partitions.map(({ partition }) => partition).sort();

test('a mark that is only implied, for a partition that went to another member, is dropped with an event, and reading goes on', async t => {
  const { cluster, member } = await groupSetting(t);
  const [first, second] = [member({ autoCommit: false, revokeDrainMs: 0 }), member({ autoCommit: false })];
  const dropped = every(first, 'marksDropped');
  assert.equal((await first.getMessages(100, { timeoutMs: null })).length, 100);
  const revoked = nextEvent(first, 'revoked');
  const others = second.getMessages(50, { timeoutMs: null });
  const taken = placesOf((await revoked).partitions);
  assert.equal(taken.length, 2);
  assert.equal(dropped.length, 0, 'nobody has said anything yet');
  await first.getMessages(1, { block: false });
  assert.deepEqual(
    dropped.map(({ topic, partition, offset, count, error }) => [topic, partition, offset, count, error.code]).sort(),
    taken.map(partition => ['orders', partition, 0, 25, 'TIDE_PARTITION_LOST']),
  );
  await first.getMessages(1, { block: false });
  assert.equal(dropped.length, 2, 'told once');
  await first.commit();
  const kept = [0, 1, 2, 3].filter(partition => !taken.includes(partition));
  assert.deepEqual(stored(cluster, 'billing'), Object.fromEntries(kept.map(partition => [partition, 25])));
  assert.deepEqual(placesOf(first.assignment()), kept);
  assert.deepEqual([...new Set((await others).map(({ partition }) => partition))].sort(), taken, 'they come again there');
});

test('a loop whose body had a message of a lost partition goes on, and the message comes again', async t => {
  const { cluster, member } = await groupSetting(t);
  const consumer = member({ autoCommit: false });
  const dropped = every(consumer, 'marksDropped');
  const seen: string[] = [];
  for await (const { partition, offset } of consumer) {
    seen.push(`${partition}:${offset}`);
    if (seen.length === 3) {
      const lost = nextEvent(consumer, 'lost');
      throwOut(cluster);
      await lost;
    }
    if (new Set(seen).size === 100) break;
  }
  assert.deepEqual(
    dropped.map(({ partition, offset, count }) => [`${partition}:${offset}`, count]),
    [[seen[2], 1]],
  );
  assert.equal(seen.filter(place => place === seen[2]).length, 2);
});

test('a call that waits for more gives nothing of a partition that is lost meanwhile: it comes again, and no mark was dropped', async t => {
  const { cluster, member } = await groupSetting(t);
  const consumer = member({ autoCommit: false });
  const dropped = every(consumer, 'marksDropped');
  const isAtEnd = () => consumer.offsets().length === 4 && consumer.offsets().every(({ position }) => position === 25);
  const call = consumer.getMessages(101, { timeoutMs: null });
  await until(isAtEnd);
  const back = nextEvent(consumer, 'assigned');
  throwOut(cluster);
  await back;
  await until(isAtEnd);
  fill(cluster, 1);
  const messages = await call;
  assert.equal(new Set(places(messages)).size, 101);
  assert.equal(messages.length, 101);
  consumer.mark(messages);
  await consumer.getMessages(1, { block: false });
  assert.deepEqual(dropped, []);
});

test('who leaves the loop says nothing, and so there is nothing to drop', async t => {
  const { cluster, member } = await groupSetting(t);
  const consumer = member({ autoCommit: false });
  const dropped = every(consumer, 'marksDropped');
  for await (const _ of consumer) {
    const lost = nextEvent(consumer, 'lost');
    throwOut(cluster);
    await lost;
    break;
  }
  assert.equal((await consumer.getMessages(100, { timeoutMs: null })).length, 100);
  assert.deepEqual(dropped, []);
});

test('a mark that is written for what was revoked, lost, moved, or never owned says which of these; after close it is late', async t => {
  const { cluster, member } = await groupSetting(t);
  const options = { autoCommit: false, marking: 'explicit', revokeDrainMs: 0 } as const;
  const [first, second] = [member(options), member({ autoCommit: false })];
  const early = await first.getMessages(100, { timeoutMs: null });
  const revoked = nextEvent(first, 'revoked');
  const others = await second.getMessages(50, { timeoutMs: null });
  const [place, other] = (await revoked).partitions;
  assert.ok(place && other);
  const ofPlace = early.filter(({ partition }) => partition === place.partition);
  assert.throws(() => first.mark(ofPlace), { code: 'TIDE_PARTITION_LOST', message: /given the partition to another member/ });
  assert.throws(() => first.markUpTo(place, 3), { code: 'TIDE_PARTITION_LOST' });
  await assert.rejects(first.seek(3, undefined, place), { code: 'TIDE_PARTITION_LOST' });
  assert.throws(() => first.mark(others), { code: 'TIDE_NOT_OWNED' });
  assert.throws(() => first.mark({ topic: 'orders', partition: 9 }, 0), { code: 'TIDE_NOT_OWNED' });
  const [kept = assert.fail()] = first.assignment();
  first.mark(kept, 0);
  assert.equal(await first.commit(), true);
  assert.deepEqual(stored(cluster, 'billing'), { [kept.partition]: 1, ...zeros(first.assignment(), kept.partition) });

  const assigned = nextEvent(first, 'assigned');
  await second.close();
  await assigned;
  await until(() => first.position(place) === 0);
  assert.throws(() => first.mark(ofPlace), { code: 'TIDE_PARTITION_LOST' }, 'it was another time that it had it');
  assert.throws(() => first.mark(place, 3), { code: 'TIDE_INPUT' }, 'nothing was handed out since');
  const again = await first.getMessages(50, { timeoutMs: null });
  await first.seek(5, undefined, place);
  const moved = again.filter(({ partition }) => partition === place.partition);
  assert.throws(() => first.mark(moved), { code: 'TIDE_STALE' });
  first.mark(again.filter(({ partition }) => partition === other.partition));
  assert.equal(await first.commit(), true);
  assert.equal(stored(cluster, 'billing')[other.partition], 25);
  assert.equal(stored(cluster, 'billing')[place.partition], 5, 'the seek is stated');

  await first.close({ timeoutMs: 0 }).catch(() => {}); // it waits for marks
  assert.throws(() => first.mark(early), { code: 'TIDE_CLOSED' });
  assert.throws(() => first.mark(kept, 1), { code: 'TIDE_CLOSED' });
  assert.throws(() => first.mark({ topic: 'orders', partition: 9 }, 0), { code: 'TIDE_CLOSED' });
});

const zeros = (assigned: readonly { readonly partition: number }[], but: number): Record<number, number> =>
  Object.fromEntries(assigned.filter(({ partition }) => partition !== but).map(({ partition }) => [partition, 0]));

test('with explicit marks a message that nobody marks for too long is told, once, with what it holds back', async t => {
  const { member } = await groupSetting(t);
  const consumer = member({ autoCommit: false, marking: 'explicit', maxPollIntervalMs: 2000 });
  const held = every(consumer, 'heldBack');
  const told = nextEvent(consumer, 'heldBack');
  const messages = await consumer.getMessages(25, { timeoutMs: null });
  const [hole = assert.fail()] = messages;
  consumer.mark(messages.slice(1));
  const stop = new AbortController();
  const reader = consumer.getMessages(1000, { timeoutMs: null, signal: stop.signal }).catch(() => {}); // it is not the reader that is late
  await told;
  assert.deepEqual(
    held.filter(({ partition }) => partition === hole.partition).map(({ offset, count, heldMs }) => [offset, count, heldMs >= 2000]),
    [[0, held[0]?.count, true]],
  );
  stop.abort();
  await reader;
});

for (const [what, asked, move] of [
  ['seek', ListOffsets, (consumer, place) => consumer.seek(0, 0, place)],
  ['seek of all', ListOffsets, consumer => consumer.seek(0, 0)],
  ['seekToBeginning', ListOffsets, (consumer, place) => consumer.seekToBeginning([place])],
  ['seekToBeginning of all', ListOffsets, consumer => consumer.seekToBeginning()],
  ['resetPartitionOffset', ListOffsets, (consumer, place) => consumer.resetPartitionOffset(place)],
  ['fetchLastKnownOffsets', OffsetFetch, (consumer, place) => consumer.fetchLastKnownOffsets([place])],
] as readonly (readonly [string, Api, (consumer: KafkaConsumer, place: ForPartition) => Promise<unknown>])[]) {
  test(`who moves a partition that is lost meanwhile, and given back, hears that it was not moved: ${what}`, async t => {
    const { cluster, member } = await groupSetting(t);
    const consumer = member({ autoCommit: false });
    await consumer.commit(await consumer.getMessages(100, { timeoutMs: null }));
    let isHeld = true;
    const looking = cluster.on(asked, () => isHeld).hold();
    const moving = move(consumer, { topic: 'orders', partition: 1 });
    moving.catch(() => {}); // looked at below
    await looking.held;
    isHeld = false;
    const back = nextEvent(consumer, 'rebalance');
    throwOut(cluster);
    await back;
    looking.release();
    await assert.rejects(moving, { code: 'TIDE_PARTITION_LOST' });
    await until(() => consumer.offsets().every(({ position }) => position === 25));
    assert.equal(consumer.offsets().length, 4);
  });
}
