import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KafkaError } from '../../src/base/errors.js';
import { KafkaConsumer } from '../../src/consumer/index.js';
import { Fetch, JoinGroup, Produce } from '../../src/protocol/index.js';
import { until } from '../group/watched.js';
import { rejection } from '../support/rejection.js';
import { asks, fill, handler, ran, script, setting, stored } from './setting.js';

const numbers = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => String(from + i));

test('every partition is worked on in its order, by more than one thread; all of it is committed', async t => {
  const { cluster, consumer } = await setting(t, { partitions: 5 });
  for (let partition = 0; partition < 5; partition++) for (let i = 0; i < 4; i++) fill(cluster, numbers(25, 25 * i), partition);
  const orders = consumer({ threads: 3 });
  const { places } = await ran(orders, 500);
  for (let partition = 0; partition < 5; partition++) {
    const offsets = places.filter(place => place.partition === partition).map(({ offset }) => offset);
    assert.deepEqual(offsets, numbers(100).map(Number));
  }
  assert.deepEqual(stored(cluster), { 0: 100, 1: 100, 2: 100, 3: 100, 4: 100 });
});

for (const [name, expected] of [
  ['common.cjs', ['common 0', 'common 1']],
  ['function.cjs', ['set up 0', 'set up 1']],
  ['plain.js', [0, 1]],
] as const) {
  test(`a handler module may be ${name}`, async t => {
    const { cluster, consumer } = await setting(t);
    fill(cluster, ['a', 'b']);
    const { results } = await ran(consumer(), 2, {}, handler(name));
    assert.deepEqual(
      results.map(result => (typeof result === 'string' ? result : (result as { readonly offset: number }).offset)),
      expected,
    );
  });
}

test('a module that cannot be loaded, or has no handler, is told with its place before anything is read', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, ['a']);
  const orders = consumer();
  for (const [name, why] of [
    ['absent.js', /the handler module file:.*absent\.js could not be loaded: Cannot find module/],
    // What Node.js makes of TypeScript depends on its version: of declarations nothing is left.
    ['explicit.d.ts', /Unknown file extension "\.ts".*; a thread loads what Node\.js itself does: give the compiled \.js|has no handler/],
    ['broken.js', /broken\.js could not be loaded: this module is broken/],
    ['none.js', /none\.js has no handler: expected .*; it exports handler/],
    ['both.js', /both\.js has a handler for messages and handleBatch; expected one of them/],
  ] as const) {
    await assert.rejects(orders.run(handler(name)), (error: KafkaError) => error.code === 'TIDE_HANDLER' && why.test(error.message));
  }
  await assert.rejects(orders.run('handlers/plain.js'), {
    code: 'TIDE_INPUT',
    message: /as a URL, .* or as an absolute path, got "handlers/,
  });
  assert.deepEqual([cluster.requests(Fetch).length, cluster.requests(JoinGroup).length], [0, 0]);
  const { results } = await ran(orders, 1);
  assert.equal(results.length, 1);
});

test('what is meant for one reader at a time is refused while a run works; afterwards the loop goes on where it stands', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, numbers(3));
  const orders = consumer();
  const refused: unknown[] = [];
  const state = { code: 'TIDE_STATE' };
  await ran(orders, 3, {
    onResult: async (_, { offset }) => {
      if (offset !== 0) return;
      await assert.rejects(orders.run(script), state);
      await assert.rejects(orders.getMessages(1), state);
      await assert.rejects(orders.seek(0), state);
      assert.throws(() => orders.mark({ topic: 'orders', partition: 0 }, 0), state);
      assert.throws(() => orders.rewind(), state);
      await assert.rejects(orders.setTopicPartitions('out'), state);
      refused.push(1);
      assert.equal(await orders.commit(), false);
      assert.equal(orders.snapshot()?.threads[0]?.partitions[0]?.topic, 'orders');
    },
  });
  assert.equal(refused.length, 1);
  assert.equal(orders.snapshot(), undefined);
  fill(cluster, ['next']);
  assert.equal((await orders.nextMessage()).offset, 3);
});

test('closing ends a run: what is in hand is done, what is not begun comes again', async t => {
  const { cluster, consumer } = await setting(t, { partitions: 2 });
  for (const partition of [0, 1]) fill(cluster, numbers(200), partition);
  const orders = consumer();
  let count = 0;
  let closed: Promise<void> | undefined;
  await orders.run(script, {
    onResult: () => {
      if (++count === 20) closed = orders.close();
    },
  });
  await closed;
  const offsets = stored(cluster);
  assert.equal((offsets[0] ?? 0) + (offsets[1] ?? 0), count);
  const next = consumer();
  const { places } = await ran(next, 400 - count);
  for (const partition of [0, 1]) {
    const seen = places.filter(place => place.partition === partition).map(({ offset }) => offset);
    assert.deepEqual(seen, numbers(200 - (offsets[partition] ?? 0), offsets[partition] ?? 0).map(Number));
  }
});

test('a run that is aborted before it begins ends quietly, and so does one that waits', async t => {
  const { consumer } = await setting(t);
  const orders = consumer();
  await orders.run(script, { signal: AbortSignal.abort() });
  const stop = new AbortController();
  const run = orders.run(script, { signal: stop.signal });
  await orders.nextMessage().catch(() => {}); // refused: it waits for the run to have begun
  stop.abort();
  await run;
});

test('setup and teardown run once in each thread', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, ['a']);
  const counts = new SharedArrayBuffer(8);
  const stop = new AbortController();
  const orders = consumer({ threads: 3 });
  const run = orders.run(script, { workerData: [counts], signal: stop.signal });
  const words = new Int32Array(counts);
  await until('three threads are set up', () => Atomics.load(words, 0) === 3);
  stop.abort();
  await run;
  assert.deepEqual([...words], [3, 3]);
});

for (const [ordering, sameKey] of [
  ['key', 1],
  ['none', 4],
] as const) {
  test(`ordering '${ordering}': with concurrency messages run beside each other, those of one key ${sameKey === 1 ? 'never' : 'too'}; done has no holes`, async t => {
    const { cluster, consumer } = await setting(t);
    const all = Array.from({ length: 120 }, (_, i) => ({ key: `k${i % 4}`, value: String((i * 7) % 5) }));
    cluster.append('orders', 0, all);
    const { results, places } = await ran(consumer({ threads: 1, ordering, concurrency: 16 }), 120, {}, handler('ordered.js'));
    const ranBeside = results as readonly (readonly [number, number])[];
    assert.deepEqual(
      places.map(({ offset }) => offset),
      numbers(120).map(Number),
    );
    const most = Math.max(...ranBeside.map(([same]) => same));
    if (sameKey === 1) assert.equal(most, 1);
    else assert.ok(most > 1);
    assert.equal(Math.max(...ranBeside.map(([, beside]) => beside)), sameKey === 1 ? 4 : 16);
    assert.deepEqual(stored(cluster), { 0: 120 });
  });
}

test("ordering 'partition' with concurrency: a thread works on as many partitions beside each other", async t => {
  const { cluster, consumer } = await setting(t, { partitions: 6 });
  for (let partition = 0; partition < 6; partition++)
    cluster.append(
      'orders',
      partition,
      Array.from({ length: 10 }, () => ({ key: `p${partition}`, value: '3' })),
    );
  const { results } = await ran(consumer({ threads: 1, concurrency: 6 }), 60, {}, handler('ordered.js'));
  const ranBeside = results as readonly (readonly [number, number])[];
  assert.equal(Math.max(...ranBeside.map(([same]) => same)), 1);
  assert.ok(Math.max(...ranBeside.map(([, beside]) => beside)) > 1);
});

test('a partition goes to another member once what is in hand is done: nothing is left out, and nothing is worked on twice', async t => {
  const { cluster, client, consumer } = await setting(t, { partitions: 4 });
  for (let partition = 0; partition < 4; partition++) fill(cluster, numbers(300), partition);
  const orders = consumer({ concurrency: 2 });
  const seen = new Map<string, number>();
  const count = (place: string) => seen.set(place, (seen.get(place) ?? 0) + 1);
  const stop = new AbortController();
  let other: KafkaConsumer | undefined;
  let read: Promise<void> | undefined;
  const joined = () => {
    other = new KafkaConsumer(client, { topics: 'orders', groupId: 'billing', heartbeatMs: 20 });
    read = (async () => {
      for await (const { partition, offset } of other?.messages({ signal: stop.signal }) ?? []) done(count(`${partition}:${offset}`).size);
    })();
  };
  const done = (size: number) => {
    if (size === 1200) stop.abort();
  };
  await orders.run(script, {
    signal: stop.signal,
    onResult: (_, { partition, offset }) => {
      if (seen.size === 50) joined();
      done(count(`${partition}:${offset}`).size);
    },
  });
  await read;
  assert.equal(seen.size, 1200);
  assert.deepEqual(
    [...seen.values()].filter(times => times > 1),
    [],
  );
});

test('what goes wrong in a teardown is told when the run has ended; a close that is awaited by what it waits for ends all the same', async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, ['a']);
  await assert.rejects(ran(consumer({ groupId: 'tearing' }), 1, { workerData: 'bad teardown' }), /no teardown in thread/);
  assert.equal(cluster.committed('tearing').get('orders/0')?.offset, 1);
  const orders = consumer();
  let closing: Promise<unknown> | undefined;
  await orders.run(script, {
    onResult: async () => {
      closing = rejection(orders.close({ timeoutMs: 50 }));
      await closing;
    },
  });
  assert.equal(((await closing) as KafkaError).code, 'TIDE_TIMEOUT');
  assert.match(((await closing) as KafkaError).message, /handlers of run\(\) held on for 50 ms .* awaited inside onResult/);
});

test('a close whose options are refused leaves the run, and what it sends, as they are', async t => {
  const { cluster, consumer } = await setting(t);
  const send = asks({ what: 'send' });
  fill(cluster, [send]);
  const orders = consumer();
  const refused = async (): Promise<void> => {
    await assert.rejects(orders.close({ timeoutMs: -1 }), { code: 'TIDE_OPTION' });
    if (cluster.records('orders', 0).length === 1) fill(cluster, [send]);
  };
  const { results } = await ran(orders, 2, { onResult: refused });
  assert.deepEqual(results, ['0:0#1', '0:1#1']);
});

test('a run that is aborted, or closed, while its first thread is set up ends', async t => {
  const { consumer } = await setting(t);
  await consumer().run(script, { workerData: 'endless setup', signal: AbortSignal.timeout(100) });
  const orders = consumer({ groupId: 'closed' });
  const run = orders.run(script, { workerData: 'endless setup' });
  await orders.close();
  await run;
});

test('what handlers have sent, and no broker takes, keeps close for no longer than its time', async t => {
  const { cluster, client, consumer } = await setting(t);
  fill(cluster, [asks({ what: 'send' })]);
  cluster.on(Produce).failTimes(Number.POSITIVE_INFINITY, 'NOT_ENOUGH_REPLICAS');
  const orders = consumer();
  const sent = cluster.nextRequest(Produce);
  const run = orders.run(script);
  await sent;
  await assert.rejects(orders.close({ timeoutMs: 50 }), { code: 'TIDE_TIMEOUT' });
  await run;
  const given = client.nonFatalErrors().map(({ error }) => error.message);
  assert.match(given.join('\n'), /KeyedProducer close: \d+ records were not delivered within 1000 ms/);
});

test('closing the client waits for the end of a run, and of its threads', async t => {
  const { cluster, client, consumer } = await setting(t);
  fill(cluster, ['a']);
  const counts = new SharedArrayBuffer(8);
  const orders = consumer({ threads: 1 });
  let closing: Promise<void> | undefined;
  const run = orders.run(script, {
    workerData: [counts],
    onResult: () => {
      closing = client.close();
    },
  });
  await until('a message is handled', () => closing !== undefined);
  await closing;
  assert.deepEqual([...new Int32Array(counts)], [1, 1], 'set up, and torn down');
  await run;
});
