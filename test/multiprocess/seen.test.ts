import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PoisonedMessage } from '../../src/consumer/consumer-events.js';
import { KafkaConsumer } from '../../src/consumer/index.js';
import { Fetch } from '../../src/protocol/index.js';
import type { CompressionName } from '../../src/records/index.js';
import { said } from './handlers/whole.js';
import { asks, fill, handler, ran, setting, stored } from './setting.js';

for (const compression of ['none', 'gzip', 'snappy', 'lz4'] as const satisfies readonly CompressionName[]) {
  test(`a handler sees each message as the main thread does (${compression})`, async t => {
    const { cluster, client, consumer } = await setting(t);
    const records = Array.from({ length: 300 }, (_, i) => ({
      key: i % 3 === 0 ? null : Buffer.from([i, 0, 255]),
      value: i % 5 === 0 ? null : i % 7 === 0 ? '' : `value ${i}`.repeat(i),
      headers:
        i % 2 === 0
          ? []
          : ([
              ['a', null],
              ['a', Buffer.from([i])],
              ['', 'x'],
            ] as [string, Buffer | string | null][]),
      timestamp: i % 11 === 0 ? 0 : 1_700_000_000_000 + i,
    }));
    for (let i = 0; i < records.length; i += 100) cluster.append('orders', 0, records.slice(i, i + 100), { compression });
    const main = new KafkaConsumer(client, { topics: { orders: 0 } });
    const expected = (await main.getMessages(300, { timeoutMs: null })).map(said);
    const { results } = await ran(consumer(), 300, {}, handler('whole.js'));
    assert.deepEqual(results, expected);
  });
}

test('deserialisers come from the handler module; one that throws is an attempt in vain', async t => {
  const { cluster, consumer } = await setting(t);
  const values = [
    { key: 'a', value: '{"id":1}' },
    { key: 'b', value: 'no JSON' },
    { key: null, value: '{"id":3}' },
    { key: 'd', value: null },
  ];
  for (const module of ['json.js', 'json-batches.js']) {
    cluster.reset();
    cluster.append('orders', 0, values);
    const orders = consumer({ groupId: `billing-${module}`, maxAttempts: 2, onPoison: 'skip' });
    const poisoned: PoisonedMessage[] = [];
    orders.on('poisoned', detail => poisoned.push(detail));
    const { results } = await ran(orders, module === 'json.js' ? 3 : 2, {}, handler(module));
    assert.deepEqual(results, module === 'json.js' ? ['A 1 #1', 'null 3 #1', 'D undefined #1'] : ['A 1', 'null 3, D undefined']);
    assert.deepEqual(
      poisoned.map(({ offset, error }) => [offset, error.message.slice(0, 60)]),
      [[1, 'orders/0 offset 1: the value could not be deserialised: Unex']],
    );
    await orders.close();
  }
  const wrong = consumer({ valueDeserializer: (bytes: Buffer) => bytes });
  await assert.rejects(wrong.run(handler('json.js')), { code: 'TIDE_OPTION', message: /valueDeserializer is a function of this thread/ });
  const skipping = consumer({ onDeserializationError: 'skip' });
  await assert.rejects(skipping.run(handler('json.js')), { code: 'TIDE_OPTION', message: /onPoison decides/ });
});

for (const onCorrupt of ['throw', 'skip', 'return'] as const) {
  test(`records that are damaged, onCorrupt '${onCorrupt}'`, async t => {
    const { cluster, consumer } = await setting(t);
    for (const value of ['first', 'second', 'third']) cluster.append('orders', 0, [{ value }]);
    cluster.on(Fetch, { topic: 'orders' }).rewrite(records => {
      const second = records.indexOf(Buffer.from('second')); // long enough not to be found in a checksum or a timestamp
      const damaged = Buffer.from(records);
      if (second >= 0) damaged[second] = (damaged[second] ?? 0) ^ 1;
      return damaged;
    }, 1000);
    const orders = consumer({ onCorrupt });
    const passed: number[] = [];
    orders.on('corruptRecords', ({ offset }) => passed.push(offset));
    if (onCorrupt === 'throw') {
      await assert.rejects(ran(orders, 3, {}, handler('whole.js')), { code: 'TIDE_CORRUPT' });
      assert.deepEqual(stored(cluster), { 0: 1 });
      return;
    }
    const { results } = await ran(orders, onCorrupt === 'skip' ? 2 : 3, {}, handler('whole.js'));
    const seen = (results as readonly { readonly offset: number; readonly valid: boolean }[]).map(({ offset, valid }) => [offset, valid]);
    assert.deepEqual(
      seen,
      onCorrupt === 'skip'
        ? [
            [0, true],
            [2, true],
          ]
        : [
            [0, true],
            [1, false],
            [2, true],
          ],
    );
    assert.deepEqual(passed, [1]);
  });
}

for (const what of ['a handler fails', 'a result is refused'] as const) {
  test(`an attempt in vain counts where damaged records follow: ${what}`, async t => {
    const { cluster, consumer } = await setting(t);
    const [fails, sound] = [asks({ what: 'send', topic: 'missing', until: 2 }), 'first'];
    for (const value of [what === 'a handler fails' ? fails : sound, 'second', 'third']) cluster.append('orders', 0, [{ value }]);
    cluster.corrupt('orders', 0, 1);
    let refusals = 0;
    const onResult = () => {
      if (what === 'a result is refused' && ++refusals <= 2) throw new Error('not yet');
    };
    const { results } = await ran(consumer({ onCorrupt: 'skip', ordering: 'none', concurrency: 2 }), 2, { onResult });
    assert.deepEqual(results, ['0:0#3', '0:2#1']);
  });
}

test('what was not marked comes again, also where damaged records follow', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, ['a', 'b', 'not at first']);
  for (const value of ['damaged', 'e']) fill(cluster, [value]);
  cluster.corrupt('orders', 0, 3);
  const orders = consumer({ marking: 'explicit', ordering: 'none', concurrency: 4, threads: 1, onCorrupt: 'skip', maxWaitMs: 60_000 });
  const { places } = await ran(orders, 4, {}, handler('explicit.js'));
  assert.deepEqual(
    places.map(({ offset }) => offset),
    [0, 1, 2, 4],
  );
});
