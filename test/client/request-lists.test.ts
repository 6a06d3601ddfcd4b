import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PartialError } from '../../src/base/errors.js';
import type { ItemOutcome } from '../../src/client/outcome.js';
import { Fetch, ListOffsets, OffsetCommit, OffsetFetch, Produce } from '../../src/protocol/index.js';
import { clientSetting, rejection } from './setting.js';

/** Three brokers that lead one partition each, with as many messages as its number says. */
async function threeLeaders(t: Parameters<typeof clientSetting>[0]) {
  const setting = await clientSetting(t, { brokers: 3, topics: { orders: 3 } });
  for (const partition of [0, 1, 2]) setting.cluster.moveLeader('orders', partition, partition + 1);
  setting.cluster.append('orders', 1, [{ value: 'a' }]);
  setting.cluster.append('orders', 2, [{ value: 'b' }, { value: 'c' }]);
  return setting;
}
const order = [2, 0, 1];
const place = (partition: number) => ({ topic: 'orders', partition });
const codes = (outcomes: readonly ItemOutcome<unknown>[]) => outcomes.map(outcome => (outcome.ok ? 'ok' : outcome.error.code));

test('results come in the order of the payloads, whoever answers first, and leaders are asked at the same time', async t => {
  const { cluster, client } = await threeLeaders(t);
  await client.connect();
  const hold = cluster.on(Fetch, { topic: 'orders', partition: 2 }).hold();
  const fetching = client.send.fetch(
    order.map(partition => ({ ...place(partition), offset: 0 })),
    { maxWaitMs: 0 },
  );
  await hold.held;
  while (cluster.requests(Fetch).length < 3) await new Promise(resolve => setImmediate(resolve));
  hold.release();
  const results = await fetching;
  assert.deepEqual(
    results.map(({ partition, messages }) => [partition, messages.length]),
    [
      [2, 2],
      [0, 0],
      [1, 1],
    ],
  );
});

test('a mapper makes of each result what is given', async t => {
  const { client } = await threeLeaders(t);
  const ends: readonly number[] = await client.send.listOffsets(
    order.map(partition => ({ ...place(partition), at: 'latest' as const })),
    { map: found => found?.offset ?? -1 },
  );
  assert.deepEqual(ends, [2, 0, 1]);
  const outcomes = await client.send.listOffsets(
    [
      { ...place(1), at: 'latest' },
      { ...place(9), at: 'latest' },
    ],
    {
      failOnError: false,
      map: found => `at ${found?.offset}`,
    },
  );
  assert.deepEqual(outcomes[0], { ok: true, value: 'at 1' });
  assert.deepEqual(codes(outcomes), ['ok', 'UNKNOWN_TOPIC_OR_PARTITION']);
});

for (const kind of ['produce', 'fetch', 'listOffsets', 'commit', 'fetchOffsets'] as const) {
  test(`${kind}: the first failure is thrown with all the outcomes, or the outcomes are given`, async t => {
    const { cluster, client } = await threeLeaders(t);
    const { send } = client;
    const api = { produce: Produce, fetch: Fetch, listOffsets: ListOffsets, commit: OffsetCommit, fetchOffsets: OffsetFetch }[kind];
    const call = (options: { failOnError: false }) =>
      ({
        produce: () =>
          send.produce(
            order.map(partition => ({ ...place(partition), messages: ['x'] })),
            options,
          ),
        fetch: () =>
          send.fetch(
            order.map(partition => ({ ...place(partition), offset: 0 })),
            { ...options, maxWaitMs: 0 },
          ),
        listOffsets: () =>
          send.listOffsets(
            order.map(partition => ({ ...place(partition), at: 'earliest' as const })),
            options,
          ),
        commit: () =>
          send.commit(
            'billing',
            order.map(partition => ({ ...place(partition), offset: partition })),
            options,
          ),
        fetchOffsets: () => send.fetchOffsets('billing', order.map(place), options),
      })[kind]() as Promise<readonly ItemOutcome<unknown>[]>;
    const fault = () => cluster.on(api, place(0)).failTimes(2, 'TOPIC_AUTHORIZATION_FAILED');
    fault();
    const outcomes = await call({ failOnError: false });
    assert.deepEqual(codes(outcomes), ['ok', 'TOPIC_AUTHORIZATION_FAILED', 'ok']);
    fault();
    const error = await rejection(call({} as { failOnError: false }));
    assert.ok(error instanceof PartialError);
    assert.equal(error.code, 'TOPIC_AUTHORIZATION_FAILED');
    assert.deepEqual(codes(error.results as readonly ItemOutcome<unknown>[]), ['ok', 'TOPIC_AUTHORIZATION_FAILED', 'ok']);
  });
}

test('a broker that is gone fails its own part alone', async t => {
  const { cluster, client } = await threeLeaders(t);
  await client.connect();
  await cluster.stopBroker(1, { moveLeaders: false });
  const outcomes = await client.send.fetch(
    order.map(partition => ({ ...place(partition), offset: 0 })),
    { failOnError: false, maxWaitMs: 0 },
  );
  assert.deepEqual(
    outcomes.map(outcome => outcome.ok),
    [true, false, true],
  );
});

test('a partition may be named twice where that has a sense', async t => {
  const { client } = await threeLeaders(t);
  const both = await client.send.fetch([
    { ...place(2), offset: 1 },
    { ...place(2), offset: 0 },
  ]);
  assert.deepEqual(
    both.map(({ messages }) => messages.map(({ offset }) => offset)),
    [[1], [0, 1]],
  );
  const error = await rejection(
    client.send.commit('billing', [
      { ...place(0), offset: 1 },
      { ...place(0), offset: 2 },
    ]),
  );
  assert.equal(error.code, 'TIDE_INPUT');
});

test('what a group has stored comes back in order, undefined where there is nothing', async t => {
  const { client } = await threeLeaders(t);
  await client.send.commit('billing', [{ ...place(1), offset: 5, metadata: 'note' }]);
  const found = await client.send.fetchOffsets('billing', [place(2), place(1), place(1)]);
  assert.deepEqual(
    found.map(entry => entry && [entry.offset, entry.metadata]),
    [undefined, [5, 'note'], [5, 'note']],
  );
});

test('no payload, no request; bad ones are refused before anything is sent', async t => {
  const { cluster, client } = await threeLeaders(t);
  const { send } = client;
  assert.deepEqual(
    await Promise.all([send.produce([]), send.fetch([]), send.listOffsets([]), send.commit('g', []), send.fetchOffsets('g', [])]),
    [[], [], [], [], []],
  );
  const good = { ...place(0), messages: ['x'] };
  const wrong: readonly [() => Promise<unknown>, string][] = [
    [() => send.produce('orders' as string & []), 'TIDE_INPUT'],
    [() => send.produce([good, { ...good, partition: -1 }]), 'TIDE_INPUT'],
    [() => send.produce([good], { failOnErrors: false } as object), 'TIDE_OPTION'],
    [() => send.fetch([{ ...place(0), offset: -1 }]), 'TIDE_INPUT'],
    [() => send.fetch([{ ...place(0), offset: 0, maxBytes: 0 }]), 'TIDE_INPUT'],
    [() => send.fetch([], { map: 'x' } as object), 'TIDE_OPTION'],
    [() => send.listOffsets([{ ...place(0), at: 'first' as 'latest' }]), 'TIDE_INPUT'],
    [() => send.commit('', []), 'TIDE_INPUT'],
    [() => send.commit('g', [{ ...place(0), offset: -1 }]), 'TIDE_INPUT'],
    [() => send.fetchOffsets('g', [{ topic: 'orders' } as ReturnType<typeof place>]), 'TIDE_INPUT'],
  ];
  for (const [i, [call, code]] of wrong.entries()) assert.equal((await rejection(call())).code, code, String(i));
  assert.equal(cluster.requests().length, 0);
});
