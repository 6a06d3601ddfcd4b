import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PoisonedMessage } from '../../src/consumer/consumer-events.js';
import { fill, handler, ran, setting, stored } from './setting.js';

const batches = handler('batches.js');

test('a batch is done when its handler returns; one that throws brings it again', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, ['a', 'b', 'c']);
  fill(cluster, ['d', 'fail 2']);
  const { results } = await ran(consumer(), 2, {}, batches);
  assert.deepEqual(results, ['0-2#1', '3-4#3']);
  assert.deepEqual(stored(cluster), { 0: 5 });
});

test("marking 'explicit': what was marked, up to the first hole, is done when the handler returns; the rest comes again", async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, ['mark', 'mark', 'not yet', 'mark']);
  const orders = consumer({ marking: 'explicit' });
  const { results } = await ran(orders, 3, {}, batches);
  assert.deepEqual(results, ['0-3#1', '2-3#1', '2-3#1']);
  assert.deepEqual(stored(cluster), { 0: 2 });
});

test('after its last attempt a batch is taken apart: each message has one alone, and only the culprit is given up', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, ['a', 'b', 'fail 99', 'd']);
  const orders = consumer({ maxAttempts: 2, onPoison: 'skip' });
  const poisoned: PoisonedMessage[] = [];
  orders.on('poisoned', detail => poisoned.push(detail));
  const { results } = await ran(orders, 3, {}, batches);
  assert.deepEqual(results, ['0-0#2', '1-1#2', '3-3#2']);
  assert.deepEqual(
    poisoned.map(({ offset, attempts }) => [offset, attempts]),
    [[2, 2]],
  );
  assert.deepEqual(stored(cluster), { 0: 4 });
});

test('a batch whose result is always refused is taken apart too: only the culprit is given up', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, ['a', 'b', 'c', 'd']);
  const orders = consumer({ maxAttempts: 2, onPoison: 'skip' });
  const poisoned: PoisonedMessage[] = [];
  orders.on('poisoned', detail => poisoned.push(detail));
  const onResult = (value: unknown) => {
    const [first = 0, last = 0] = String(value).split(/[-#]/).map(Number);
    if (first <= 2 && last >= 2) throw new Error('not with this one');
  };
  const { results } = await ran(orders, 3, { onResult }, batches);
  assert.deepEqual(results, ['0-0#2', '1-1#2', '3-3#2']);
  assert.deepEqual(
    poisoned.map(({ offset, attempts }) => [offset, attempts]),
    [[2, 2]],
  );
  assert.deepEqual(stored(cluster), { 0: 4 });
});

test('a batch that ends its thread is taken apart: the culprit shows, and only it has further attempts', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, ['a', 'exit 2', 'c']);
  fill(cluster, ['d', 'e']);
  const { results } = await ran(consumer(), 4, {}, batches);
  assert.deepEqual(results, ['0-0#1', '1-1#3', '2-2#1', '3-4#1']);
  assert.deepEqual(stored(cluster), { 0: 5 });
});

test("marking 'explicit': a message that was not marked when its handler returned comes again", async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, ['a', 'b', 'c', 'd']);
  const { results } = await ran(consumer({ marking: 'explicit', threads: 1 }), 4, {}, handler('explicit.js'));
  const refused = 'TIDE_STALE TIDE_NOT_OWNED';
  assert.deepEqual(results, ['0', `1 ${refused}`, '2 TIDE_STALE taken', `3 ${refused}`]);
  assert.deepEqual(stored(cluster), { 0: 4 });
});

test('what a context offers can be taken out of it', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, ['a', 'b']);
  const { results } = await ran(consumer({ marking: 'explicit', maxAttempts: 1 }), 2, {}, handler('taken-out.js'));
  assert.deepEqual(results, ['a', 'b']);
  assert.deepEqual(
    cluster.records('out', 0).map(({ value }) => String(value)),
    ['a', 'b'],
  );
});

test('a batch whose result cannot cross is taken apart as one that throws', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, ['a', 'b', 'function', 'd']);
  const { results } = await ran(consumer({ maxAttempts: 2, onPoison: 'skip' }), 3, {}, batches);
  assert.deepEqual(results, ['0-0#2', '1-1#2', '3-3#2']);
  assert.deepEqual(stored(cluster), { 0: 4 });
});
