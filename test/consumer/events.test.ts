import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type TestContext, test } from 'node:test';
import { type ConsumerTrace, consumerEventNames, type FetchTrace } from '../../src/consumer/consumer-channels.js';
import type { ConsumerEvents } from '../../src/consumer/index.js';
import { OffsetCommitContext } from '../../src/context/index.js';
import { KeyedProducer } from '../../src/producer/index.js';
import { OffsetCommit } from '../../src/protocol/index.js';
import { names, table } from '../package/readme.js';
import { every, groupSetting, nextEvent, throwOut } from './group-setting.js';
import { fill, get, setting } from './setting.js';

/** What is published on a channel until the test ends. */
function heard<T>(t: TestContext, channel: string): T[] {
  const all: T[] = [];
  const listen = (message: unknown) => void all.push(message as T);
  subscribe(channel, listen);
  t.after(() => unsubscribe(channel, listen));
  return all;
}

const trace = <K extends keyof ConsumerEvents>(t: TestContext, event: K) => heard<ConsumerTrace<K>>(t, `tidemark:consumer:${event}`);

test("the README's table of events has every one, with its channel", () => {
  const rows = table('Events').flatMap(([first = '']) => names(first));
  assert.deepEqual([...rows].sort(), [...consumerEventNames].sort());
});

test('what a member is given and loses is told by events and on channels, with the group; a rebalance says how long it took', async t => {
  const [assigned, lost, revoked, rebalances] = [trace(t, 'assigned'), trace(t, 'lost'), trace(t, 'revoked'), trace(t, 'rebalance')];
  const { cluster, member } = await groupSetting(t);
  const consumer = member({ autoCommit: false });
  const told = every(consumer, 'rebalance');
  await consumer.getMessages(1, { timeoutMs: null });
  const gone = nextEvent(consumer, 'lost');
  const again = nextEvent(consumer, 'assigned');
  throwOut(cluster);
  await gone;
  await again;
  await consumer.close();
  for (const traces of [assigned, lost, revoked, rebalances]) for (const { groupId } of traces) assert.equal(groupId, 'billing');
  assert.deepEqual(
    [assigned, lost, revoked].map(traces => traces.map(({ partitions }) => partitions.length)),
    [[4, 4], [4], [4]],
  );
  assert.match(lost[0]?.error.message ?? '', /billing/);
  assert.ok(
    told.length > 0 && told.every(({ durationMs, partitions, assignor }) => durationMs > 0 && partitions.length === 4 && assignor !== ''),
  );
  assert.deepEqual(
    rebalances.map(({ generationId }) => generationId),
    told.map(({ generationId }) => generationId),
  );
});

test('every commit that Kafka has stored is told with its offsets: by hand, automatic, of a context, in a transaction, and in part', async t => {
  const { cluster, client, consumer } = await setting(t, { topics: { orders: 2, bills: 1 } });
  for (const partition of [0, 1]) fill(cluster, 10, { partition });
  const commits = trace(t, 'committed');
  const manual = consumer({ groupId: 'manual', autoCommit: false });
  const messages = await get(manual, 20);
  await manual.commit(messages);
  await manual.seek(5, undefined, 0);
  const context = OffsetCommitContext.begin(manual);
  context.mark(await get(manual, 1));
  await context.commit();
  const producer = new KeyedProducer(client, { transactionalId: 'manual' });
  const transaction = await OffsetCommitContext.begin(manual, { producer });
  transaction.mark(await get(manual, 1));
  await transaction.commit();
  await manual.seek(1);
  cluster.on(OffsetCommit, { partition: 1 }).failOnce('OFFSET_METADATA_TOO_LARGE');
  await assert.rejects(manual.commit(), { code: 'OFFSET_METADATA_TOO_LARGE' });
  const automatic = consumer({ groupId: 'automatic', autoCommit: { everyN: 5 } });
  const told = new Promise<ConsumerEvents['committed']>(resolve =>
    automatic.on('committed', committed => {
      if (committed.offsets.some(({ offset }) => offset > 0)) resolve(committed);
    }),
  );
  await get(automatic, 5);
  await get(automatic, 1);
  await told;
  const texts = commits.map(({ groupId, offsets }) => [
    groupId,
    offsets
      .map(({ partition, offset }) => `${partition}:${offset}`)
      .sort()
      .join(),
  ]);
  assert.deepEqual(texts, [
    ['manual', '0:10,1:10'],
    ['manual', '0:6'],
    ['manual', '0:7'],
    ['manual', '0:1'],
    ['automatic', '0:0,1:0'],
    ['automatic', texts.at(-1)?.[1]],
  ]);
  assert.ok(commits.every(({ durationMs }) => durationMs >= 0));
});

test('a fetch is published with its time, and how far the reader is behind what can be read; without requests of its own', async t => {
  const { cluster, client, consumer } = await setting(t);
  fill(cluster, 10);
  const producer = new KeyedProducer(client, { transactionalId: 'open' });
  await producer.begin();
  await producer.send({ topic: 'orders', key: 'k', value: 'not yet' });
  const fetches = heard<FetchTrace>(t, 'tidemark:consumer:fetch');
  const requests = heard<{ readonly api: string }>(t, 'tidemark:request');
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  await get(orders, 4);
  const [first = assert.fail()] = fetches;
  assert.equal(first.groupId, 'audit');
  assert.ok(first.durationMs >= 0);
  assert.deepEqual(
    first.partitions.map(({ topic, partition, highWatermark, lag }) => [topic, partition, highWatermark, lag]),
    [['orders', 0, 10, 10]],
  );
  assert.equal(orders.offsets()[0]?.lag, 6);
  const raw = consumer({ isolation: 'read_uncommitted' });
  await get(raw, 4);
  assert.equal(fetches.at(-1)?.partitions[0]?.highWatermark, 11);
  assert.equal(requests.filter(({ api }) => api === 'ListOffsets').length, 2, 'each to find where to begin');
  await producer.abort();
});

test('an out-of-range offset is published as it is told', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 3);
  const traces = trace(t, 'outOfRange');
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  await get(orders, 1);
  await orders.seek(70);
  await get(orders, 1);
  assert.deepEqual(
    traces.map(({ groupId, requestedOffset, newOffset }) => [groupId, requestedOffset, newOffset]),
    [['audit', 70, 0]],
  );
});
