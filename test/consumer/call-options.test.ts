import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SimpleConsumer } from '../../src/consumer/index.js';
import { FindCoordinator, ListOffsets, OffsetCommit, OffsetFetch } from '../../src/protocol/index.js';
import { rejection } from '../support/rejection.js';
import { fill, get, offsets, setting, stored } from './setting.js';

type Call = (options: object) => Promise<unknown>;

/** Every call of a consumer that waits, with options of any kind. */
const calls = (orders: SimpleConsumer): Record<string, Call> => ({
  'messages()': async options => orders.messages(options).next(),
  'batches()': async options => orders.batches(options).next(),
  'getMessages()': options => orders.getMessages(1, options),
  'seek()': options => orders.seek(5, undefined, undefined, options),
  'resetPartitionOffset()': options => orders.resetPartitionOffset(0, options),
  'fetchLastKnownOffsets()': options => orders.fetchLastKnownOffsets([0], options),
  'pending()': options => orders.pending([0], options),
  'committed()': options => orders.committed(0, options),
  'commit()': options => orders.commit(undefined, options),
});

test('options that are none, that nobody knows, and signals that are none are TIDE_OPTION, and nothing is sent or changed', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 10);
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  const messages = await get(orders, 4);
  const sent = () => [ListOffsets, OffsetFetch, OffsetCommit].map(api => cluster.requests(api).length);
  const before = sent();
  for (const [what, call] of Object.entries(calls(orders))) {
    for (const options of [null, 5, 'signal', { sginal: undefined }, { signal: {} }, { signal: null }, { timeoutMS: 5 }]) {
      const { code, message } = await rejection(call(options as never));
      assert.equal(code, 'TIDE_OPTION', `${what} ${JSON.stringify(options)}: ${message}`);
      assert.ok(message.startsWith(`${what}: `), message);
    }
  }
  for (const timeoutMs of [0, -1, Number.NaN, '5']) {
    const options = { timeoutMs } as never;
    for (const call of [orders.pending([0], options), orders.seek(5, 0, 0, options), orders.commit(messages, options)])
      assert.equal((await rejection(call)).code, 'TIDE_OPTION');
  }
  assert.deepEqual(sent(), before);
  assert.equal(orders.position(0), 4);
  await orders.commit();
  assert.deepEqual(stored(cluster, 'audit'), { 0: 0 }, 'nothing was marked');
});

test('a signal that is aborted ends each of them with its reason, a loop quietly, and nothing is changed', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 10);
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  await get(orders, 4);
  for (const [what, call] of Object.entries(calls(orders))) {
    const outcome = await call({ signal: AbortSignal.abort('enough') }).catch((reason: unknown) => reason);
    assert.deepEqual(outcome, /messages|batches/.test(what) && !what.startsWith('get') ? { done: true, value: undefined } : 'enough', what);
  }
  assert.equal(orders.position(0), 4);
});

test('timeoutMs bounds a call, whatever it waits for; nothing is moved then', async t => {
  const { cluster, client, consumer } = await setting(t, { client: { requestTimeoutMs: 600_000 } });
  fill(cluster, 10);
  const orders = consumer({ groupId: 'audit', autoCommit: false });
  orders.mark(await get(orders, 4));
  const late = { timeoutMs: 20 };
  const asking = {
    seek: [ListOffsets, () => orders.seek(1, 0, 0, late)],
    pending: [ListOffsets, () => orders.pending(undefined, late)],
    resetPartitionOffset: [ListOffsets, () => orders.resetPartitionOffset(0, late)],
    fetchLastKnownOffsets: [OffsetFetch, () => orders.fetchLastKnownOffsets(undefined, late)],
    committed: [OffsetFetch, () => orders.committed(0, late)],
    commit: [OffsetCommit, () => orders.commit(undefined, late)],
  } as const;
  for (const [name, [api, call]] of Object.entries(asking)) {
    const hold = cluster.on(api as typeof OffsetFetch).hold();
    const { code, persistence } = await rejection(call());
    assert.deepEqual([code, persistence], ['TIDE_TIMEOUT', name === 'commit' ? 'maybe' : 'no'], name);
    hold.release();
  }
  assert.equal(orders.position(0), 4);
  assert.deepEqual(client.nonFatalErrors(), [], 'none of a broker');

  const fresh = consumer({ groupId: 'another' });
  const lookUp = cluster.on(FindCoordinator).hold();
  for (const call of [fresh.seek(1, undefined, 0, late), fresh.pending([0], late), fresh.fetchLastKnownOffsets([0], late)])
    assert.equal((await rejection(call)).code, 'TIDE_TIMEOUT');
  lookUp.release();
  assert.deepEqual(offsets(await get(fresh, 1)), [0]);
});

test('what are no partitions, and those that are not read, are refused by name, and none is paused or moved', async t => {
  const { cluster, consumer } = await setting(t, { topics: { orders: 2 } });
  for (const partition of [0, 1]) fill(cluster, 3, { partition });
  const orders = consumer({ groupId: 'audit' });
  const lists: Record<string, (partitions: never) => unknown> = {
    'pause()': partitions => orders.pause(partitions),
    'resume()': partitions => orders.resume(partitions),
    'pending()': partitions => orders.pending(partitions),
    'fetchLastKnownOffsets()': partitions => orders.fetchLastKnownOffsets(partitions),
  };
  const single: Record<string, (partition: never) => unknown> = {
    'seek()': partition => orders.seek(1, undefined, partition),
    'resetPartitionOffset()': partition => orders.resetPartitionOffset(partition),
    'committed()': partition => orders.committed(partition),
    'mark()': partition => orders.mark(partition, 0),
    'markUpTo()': partition => orders.markUpTo(partition, 0),
  };
  for (const [what, call] of Object.entries({
    'mark() of a partition and an offset': () => orders.mark(0, undefined as never),
    'markUpTo() of a partition and an offset': () => orders.markUpTo(0, '5' as never),
    'taskDone()': () => orders.taskDone(null as never),
    'commit()': () => orders.commit({} as never),
  })) {
    const { code, message } = await rejection((async () => call())());
    assert.deepEqual([code, message.slice(0, what.length)], ['TIDE_INPUT', what]);
  }
  const refused = async (call: () => unknown, what: string, code: string, given: unknown) => {
    const error = await rejection((async () => call())());
    assert.equal(error.code, code, `${what} ${String(given)}: ${error.message}`);
    assert.ok(error.message.startsWith(what), error.message);
  };
  assert.throws(() => orders.pause(), { code: 'TIDE_STATE', message: /before the first read/ });
  orders.pause([]);
  for (const round of ['before the first read', 'after it']) {
    for (const [what, call] of Object.entries(lists)) {
      for (const given of [0, null, '0', {}, [-1], ['0'], [0, null], new Array(1)]) {
        await refused(() => call(given as never), what, 'TIDE_INPUT', `${given} ${round}`);
      }
      await refused(() => call([0, 7] as never), what, 'TIDE_NOT_OWNED', round);
    }
    for (const [what, call] of Object.entries(single)) {
      for (const given of [null, '0', -1, 0.5]) await refused(() => call(given as never), what, 'TIDE_INPUT', `${given} ${round}`);
      if (what !== 'committed()') await refused(() => call(7 as never), what, 'TIDE_NOT_OWNED', round);
    }
    if (round === 'after it') break;
    await get(orders, 6);
  }
  orders.pause([]);
  assert.equal(await orders.pending([]), 0);
  assert.equal(await orders.pending([1, 1]), 0);
  for (const partition of [0, 1]) fill(cluster, 2, { partition });
  assert.equal(await orders.pending([1, 1]), 2);
  assert.equal((await get(orders, 4)).length, 4);
});
