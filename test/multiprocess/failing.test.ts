import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaError } from '../../src/base/errors.js';
import type { LogFields } from '../../src/base/log.js';
import { KafkaClient } from '../../src/client/client.js';
import type { PoisonedMessage } from '../../src/consumer/consumer-events.js';
import { MultiProcessConsumer } from '../../src/multiprocess/index.js';
import { Produce } from '../../src/protocol/index.js';
import { asks, fill, ran, script, setting, stored } from './setting.js';

test('a handler that throws gets its message again, and those behind it wait; the attempt is counted', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, ['a', asks({ what: 'throw', until: 2 }), 'c']);
  const { results } = await ran(consumer(), 3);
  assert.deepEqual(results, ['0:0#1', '0:1#3', '0:2#1']);
  assert.deepEqual(stored(cluster), { 0: 3 });
});

for (const what of ['exit', 'uncaught', 'memory'] as const) {
  test(`a thread that ends (${what}) is replaced: what it had in hand comes again, and only the culprit has another attempt`, async t => {
    const { cluster, consumer } = await setting(t, { partitions: 2 });
    fill(cluster, ['a', 'b', asks({ what, until: 2 }), 'd']);
    fill(cluster, ['e', 'f'], 1);
    const orders = consumer({ threads: 1, threadMemoryMb: 64 });
    const replaced: Error[] = [];
    orders.on('threadReplaced', ({ error }) => replaced.push(error));
    const { results } = await ran(orders, 6);
    assert.deepEqual([...results].sort(), ['0:0#1', '0:1#1', '0:2#3', '0:3#1', '1:0#1', '1:1#1']);
    assert.equal(replaced.length, 2);
    assert.deepEqual(stored(cluster), { 0: 4, 1: 2 });
  });
}

for (const what of ['spin', 'hang'] as const) {
  test(`a handler that takes longer than handlerTimeoutMs (${what}) ends with its thread, and that was an attempt`, async t => {
    const { cluster, consumer } = await setting(t);
    fill(cluster, ['a', asks({ what, until: 1 }), 'c']);
    const orders = consumer({ handlerTimeoutMs: 2000 });
    const replaced: string[] = [];
    orders.on('threadReplaced', ({ error }) => replaced.push(`${(error as KafkaError).code} ${error.message}`));
    const { results } = await ran(orders, 3);
    assert.deepEqual(results, ['0:0#1', '0:1#2', '0:2#1']);
    assert.equal(replaced.length, 1);
    assert.match(replaced[0] ?? '', /^TIDE_THREAD thread \d ended: a handler was not done within 2000 ms \(handlerTimeoutMs\)$/);
  });
}

test('a message that always fails stops everything, by default: the others are done and committed, and the error says where', async t => {
  const { cluster, consumer } = await setting(t, { partitions: 2 });
  fill(cluster, ['a', asks({ what: 'throw' }), 'c']);
  fill(cluster, ['d', 'e'], 1);
  const orders = consumer({ maxAttempts: 3 });
  const error = await ran(orders, 10).then(
    () => assert.fail('it did not stop'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof KafkaError);
  assert.equal(error.code, 'TIDE_POISON');
  assert.match(error.message, /^orders\/0 offset 1: given up after 3 attempts \(maxAttempts\); the last: no$/);
  assert.deepEqual({ ...error.context }, { topic: 'orders', partition: 0, offset: 1, attempts: 3 });
  assert.deepEqual([(error.cause as Error).name, (error.cause as { code?: string }).code], ['TypeError', 'E_NO']);
  assert.equal(stored(cluster)[0], 1);
  // It stands where it stood: the next run begins there.
  const again = await ran(orders, 1).catch((thrown: unknown) => thrown);
  assert.equal((again as KafkaError).code, 'TIDE_POISON');
});

for (const what of ['throw', 'exit'] as const) {
  test(`onPoison 'skip': a message that always fails (${what}) is passed over with an event`, async t => {
    const { cluster, consumer } = await setting(t);
    fill(cluster, ['a', asks({ what }), 'c']);
    const orders = consumer({ maxAttempts: 2, onPoison: 'skip' });
    const poisoned: PoisonedMessage[] = [];
    orders.on('poisoned', detail => poisoned.push(detail));
    const { results } = await ran(orders, 2);
    assert.deepEqual(results, ['0:0#1', '0:2#1']);
    assert.deepEqual(
      poisoned.map(({ offset, attempts, to }) => [offset, attempts, to]),
      [[1, 2, 'skipped']],
    );
    assert.deepEqual(stored(cluster), { 0: 3 });
  });

  test(`onPoison { topic }: a record stands for a message that always fails (${what}), before it is passed over`, async t => {
    const { cluster, consumer } = await setting(t);
    const ask = asks({ what });
    cluster.append('orders', 0, [
      { value: 'a' },
      {
        key: Buffer.from([0, 255]),
        value: ask,
        headers: [
          ['trace', 'x'],
          ['trace', null],
        ],
        timestamp: 1234,
      },
      { value: 'c' },
    ]);
    const orders = consumer({ maxAttempts: 2, onPoison: { topic: 'out' } });
    const { results } = await ran(orders, 2);
    assert.deepEqual(results, ['0:0#1', '0:2#1']);
    const [letter, ...more] = cluster.records('out', 0);
    assert.equal(more.length, 0);
    assert.deepEqual([letter?.key, letter?.value?.toString(), letter?.timestamp], [Buffer.from([0, 255]), ask, 1234]);
    const headers = letter?.headers.map(([name, value]) => [name, value?.toString()]) ?? [];
    assert.deepEqual(headers.slice(0, 6), [
      ['trace', 'x'],
      ['trace', undefined],
      ['tidemark-topic', 'orders'],
      ['tidemark-partition', '0'],
      ['tidemark-offset', '1'],
      ['tidemark-attempts', '2'],
    ]);
    assert.equal(headers[6]?.[0], 'tidemark-error');
    assert.deepEqual(stored(cluster), { 0: 3 });
  });
}

test('a logger is told of each attempt in vain, of messages that are given up, and of threads that are replaced', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, [asks({ what: 'throw' }), asks({ what: 'exit', until: 1 }), 'c']);
  const lines: unknown[] = [];
  const warn = (message: string, { error, ...fields }: LogFields) => lines.push([message, fields, String(error).split(' ')[0]]);
  const ignore = () => {};
  const logger = { debug: ignore, info: ignore, warn, error: ignore };
  await ran(consumer({ threads: 1, maxAttempts: 2, onPoison: 'skip', logger }), 2);
  const place = { topic: 'orders', partition: 0 };
  assert.deepEqual(lines, [
    ['an attempt in vain', { ...place, offset: 0, attempts: 1 }, 'no'],
    ['an attempt in vain', { ...place, offset: 0, attempts: 2 }, 'no'],
    ['a message was given up', { ...place, offset: 0, attempts: 2, to: 'skipped' }, 'no'],
    ['an attempt in vain', { ...place, offset: 1, attempts: 1 }, 'orders/0'],
    ['a thread was replaced', { thread: 0 }, 'thread'],
  ]);
});

test('a dead letter that cannot be written passes nothing over', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, ['a', asks({ what: 'throw' }), 'c']);
  cluster.on(Produce).failTimes(1000, 'TOPIC_AUTHORIZATION_FAILED');
  const orders = consumer({ maxAttempts: 1, onPoison: { topic: 'out' } });
  const error = await ran(orders, 3).catch((thrown: unknown) => thrown);
  assert.equal((error as KafkaError).code, 'TIDE_POISON');
  assert.match((error as KafkaError).message, /could not be written to out \(.*TOPIC_AUTHORIZATION_FAILED/);
  assert.deepEqual(stored(cluster), { 0: 1 });
});

test('a dead letter may not go where it comes from', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, ['a']);
  const orders = consumer({ onPoison: { topic: 'orders' } });
  await assert.rejects(orders.run(script), { code: 'TIDE_OPTION', message: /onPoison writes to orders, which is read here/ });
  assert.deepEqual(stored(cluster), { 0: 0 });
});

test('a dead letter may not come back either by a pattern that its topic matches, once that is there', async t => {
  const { cluster } = await setting(t);
  fill(cluster, ['a']);
  const client = new KafkaClient({ brokers: cluster.brokers, metadataMaxAgeMs: 50 });
  t.after(() => client.close());
  const options = { topics: /^orders/, groupId: 'billing', threads: 1, heartbeatMs: 20, onPoison: { topic: 'orders-dead' } };
  const orders = new MultiProcessConsumer(client, options);
  const onResult = () => {
    cluster.createTopic('orders-dead', 1);
    cluster.append('orders-dead', 0, [{ value: 'a letter' }]);
  };
  await assert.rejects(orders.run(script, { onResult }), {
    code: 'TIDE_OPTION',
    message: /onPoison writes to orders-dead, which is read here/,
  });
});

test('what a handler sends is stored before its message is done; when it cannot be, that was an attempt in vain', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, [asks({ what: 'send' }), 'b']);
  cluster.on(Produce).failOnce('INVALID_RECORD');
  const { results } = await ran(consumer(), 2);
  assert.deepEqual(results, ['0:0#2', '0:1#1']);
  assert.deepEqual(
    cluster.records('out', 0).map(({ value }) => value?.toString()),
    ['from orders'],
  );
});

test('a result that is refused, or cannot cross, is an attempt in vain of its message', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, ['a', 'b', asks({ what: 'strange', until: 1 })]);
  let refused = 0;
  const onResult = (_: unknown, { offset }: { readonly offset: number }) => {
    if (offset === 1 && refused++ < 2) throw new Error('not this one');
  };
  const { results } = await ran(consumer(), 3, { onResult });
  assert.deepEqual(results, ['0:0#1', '0:1#3', '0:2#2']);
});

test('what goes wrong in setup is told, and nothing is read', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, ['a']);
  await assert.rejects(consumer().run(script, { workerData: 'bad setup' }), /no setup in thread 0/);
  await assert.rejects(consumer().run(script, { workerData: () => {} }), { code: 'TIDE_INPUT', message: /workerData that can be cloned/ });
  await assert.rejects(consumer({ iterTimeoutMs: 5 }).run(script), { code: 'TIDE_OPTION', message: /expected no iterTimeoutMs/ });
  await assert.rejects(consumer({ emptyRetryLimit: 5 }).run(script), { code: 'TIDE_OPTION', message: /expected no emptyRetryLimit/ });
  assert.deepEqual(stored(cluster), {});
});
