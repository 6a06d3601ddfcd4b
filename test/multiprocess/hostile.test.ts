import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KafkaError } from '../../src/base/errors.js';
import type { EmbeddedCluster } from '../../src/embedded/index.js';
import { Fetch } from '../../src/protocol/index.js';
import { until } from '../group/watched.js';
import { oddErrors } from './handlers/odd.js';
import { fill, handler, ran, setting, stored } from './setting.js';

const odd = handler('odd.js');

/** Appends batches of one; whoever fetches "second" gets it damaged. */
function fillDamaged(cluster: EmbeddedCluster, values: readonly string[]): void {
  for (const value of values) fill(cluster, [value]);
  cluster.on(Fetch, { topic: 'orders' }).rewrite(records => {
    const damaged = Buffer.from(records);
    for (let at = damaged.indexOf('second'); at >= 0; at = damaged.indexOf('second', at)) damaged[at] = 0x53;
    return damaged;
  }, 1000);
}

test('a message that stands for damaged records has its attempts as every other', async t => {
  const { cluster, consumer } = await setting(t);
  fillDamaged(cluster, ['first', 'second', 'third']);
  const { results } = await ran(consumer({ onCorrupt: 'return' }), 3, {}, odd);
  assert.deepEqual(results, ['0#1', '1#3', '2#1']);
  assert.deepEqual(stored(cluster), { 0: 3 });
});

test('whatever a handler throws is an attempt in vain, and nothing but that', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, oddErrors);
  const orders = consumer();
  orders.on('threadReplaced', ({ error }) => assert.fail(error));
  const { results } = await ran(orders, oddErrors.length, {}, odd);
  assert.deepEqual(
    results,
    oddErrors.map((_, offset) => `${offset}#2`),
  );
});

test('a logger takes whatever it is given', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, ['log']);
  const lines: unknown[] = [];
  const logger = { debug() {}, info() {}, error() {}, warn: (message: string, fields: unknown) => lines.push([message, fields]) };
  const { results } = await ran(consumer({ logger }), 1, {}, odd);
  assert.deepEqual(results, ['0#1']);
  assert.deepEqual(lines, [['odd', { wordless: 'an object that cannot be shown', symbol: 'Symbol(field)', thread: 0 }]]);
});

for (const what of ['hand-over', 'overwrite']) {
  test(`a handler that spoils the memory of its messages (${what}) and fails gets them again as they were`, async t => {
    const { cluster, consumer } = await setting(t);
    fill(cluster, ['a', what, 'c']);
    const { results } = await ran(consumer(), 3, {}, odd);
    assert.deepEqual(results, ['0#1', '1#2', '2#1']);
  });
}

test('a dead letter holds what was stored, not what a handler has made of it', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, ['a', 'spoil it', 'c']);
  const { results } = await ran(consumer({ maxAttempts: 2, onPoison: { topic: 'out' } }), 2, {}, odd);
  assert.deepEqual(results, ['0#1', '2#1']);
  assert.deepEqual(
    cluster.records('out', 0).map(({ value }) => value?.toString()),
    ['spoil it'],
  );
});

test('what is sent when a handler has returned waits for the message as long as it follows what was sent before, and is refused later', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, ['late', 'chain', 'wait']);
  const { results } = await ran(consumer({ threads: 1 }), 3, {}, odd);
  assert.deepEqual(results, ['0#1', '1#1', '2 TIDE_STALE']);
  assert.deepEqual(
    cluster.records('out', 0).map(({ value }) => value?.toString()),
    ['one', 'two'],
  );
});

test('a run that begins while the threads of the last one end waits for them', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, ['a']);
  const orders = consumer({ threads: 1 });
  const words = new Int32Array(new SharedArrayBuffer(12));
  const said: string[] = [];
  const first = ran(orders, 1, { workerData: [words.buffer] }).then(() => said.push('first ended'));
  await until('the first is torn down', () => Atomics.load(words, 1) === 1);
  fill(cluster, ['b']);
  const onResult = () => said.push(orders.snapshot() === undefined ? 'nothing runs' : 'second handled');
  const second = ran(orders, 1, { onResult });
  Atomics.store(words, 2, 1);
  Atomics.notify(words, 2);
  await Promise.all([first, second]);
  assert.deepEqual(said, ['first ended', 'second handled']);
  assert.deepEqual(stored(cluster), { 0: 2 });
});

for (const module of ['making.js', 'making-batches.js']) {
  for (const what of ['exit', 'spin', 'hang']) {
    test(`a deserialiser that ends its thread or takes too long (${what}, ${module}): each message is made alone, and only the culprit is given up`, async t => {
      const { cluster, consumer } = await setting(t);
      fill(cluster, ['a', 'b', what, 'd']);
      const orders = consumer({ maxAttempts: 2, onPoison: 'skip', ...(what === 'exit' ? {} : { handlerTimeoutMs: 1500 }) });
      const poisoned: unknown[] = [];
      orders.on('poisoned', ({ offset, attempts, error }) => poisoned.push([offset, attempts, (error as KafkaError).code]));
      const { results } = await ran(orders, 3, {}, handler(module));
      assert.deepEqual(results, ['a#1', 'b#1', 'd#1']);
      assert.deepEqual(poisoned, [[2, 2, 'TIDE_THREAD']]);
      assert.deepEqual(stored(cluster), { 0: 4 });
    });
  }
}
