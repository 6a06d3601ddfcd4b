import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { errorNumbers } from '../../src/base/broker-errors.js';
import type { EmbeddedCluster } from '../../src/embedded/index.js';
import { Fetch, Produce } from '../../src/protocol/index.js';
import { encodeTransactionEnd, readBatches } from '../../src/records/index.js';
import { missingKcat, REQUIRED } from '../kafka/availability.js';
import { kcat, kcatConsume, kcatProduce } from '../support/kcat.js';
import { only, startCluster } from './setting.js';

const missing = missingKcat();

/** kcat was written by others: what it understands is Kafka's protocol, and not only ours. */
function kcatTest(name: string, body: (t: TestContext) => Promise<void>): void {
  test(name, { skip: missing !== undefined && !REQUIRED && `${missing} is not installed`, timeout: 60_000 }, body);
}

const target = (cluster: EmbeddedCluster, args: readonly string[] = []) => ({ bootstrap: cluster.brokers, topic: 'orders', args });

kcatTest('kcat lists brokers, topics and leaders', async t => {
  const cluster = await startCluster(t, { brokers: 3, topics: { orders: 4, audit: 1 } });
  const { stdout } = await kcat(['-L', '-J', '-b', cluster.brokers.join(',')]);
  const listed = JSON.parse(stdout);
  assert.equal(listed.controllerid, 1);
  assert.deepEqual(
    listed.brokers.map(({ id, name }: { id: number; name: string }) => [id, name]).sort(),
    cluster.brokers.map((address, i) => [i + 1, address]),
  );
  const topics = new Map(
    listed.topics.map(({ topic, partitions }: { topic: string; partitions: { leader: number }[] }) => [topic, partitions]),
  );
  assert.deepEqual([...topics.keys()].sort(), ['audit', 'orders']);
  assert.deepEqual(
    (topics.get('orders') as { leader: number }[]).map(({ leader }) => leader),
    [1, 2, 3, 1],
  );
});

kcatTest('what kcat writes is stored, and what is stored kcat reads: keys, tombstones, headers, timestamps', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  await kcatProduce(target(cluster, ['-H', 'a=b', '-H', 'a=c', '-Z']), [
    ['k', 'v'],
    ['gone', ''],
  ]);
  const [first, tombstone] = cluster.records('orders', 0);
  assert.deepEqual([String(first?.key), String(first?.value)], ['k', 'v']);
  assert.deepEqual(
    first?.headers.map(([name, value]) => [name, String(value)]),
    [
      ['a', 'b'],
      ['a', 'c'],
    ],
  );
  assert.deepEqual([String(tombstone?.key), tombstone?.value], ['gone', null]);

  cluster.append('orders', 0, [
    { key: null, value: 'plain', timestamp: 1234 },
    { key: 'x', value: null, timestamp: 1235, headers: { only: 'one' } },
  ]);
  const read = await kcatConsume(target(cluster));
  assert.deepEqual(
    read.map(({ offset, key, payload, headers }) => [offset, key, payload, headers ?? []]),
    [
      [0, 'k', 'v', ['a', 'b', 'a', 'c']],
      [1, 'gone', null, ['a', 'b', 'a', 'c']],
      [2, null, 'plain', []],
      [3, 'x', null, ['only', 'one']],
    ],
  );
  assert.deepEqual(
    read.slice(2).map(({ ts }) => ts),
    [1234, 1235],
  );
  assert.deepEqual(cluster.errors, []);
});

for (const codec of ['gzip', 'snappy', 'lz4', 'zstd']) {
  kcatTest(`kcat gets back what it wrote with ${codec}`, async t => {
    const cluster = await startCluster(t, { topics: { orders: 1 } });
    const values = Array.from({ length: 200 }, (_, i) => `value ${i} ${'x'.repeat(50)}`);
    await kcatProduce(target(cluster, ['-z', codec]), values);
    assert.deepEqual(
      (await kcatConsume(target(cluster))).map(({ payload }) => payload),
      values,
    );
    const sentBytes = cluster.requests(Produce).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    assert.ok(sentBytes < values.join('').length / 2, `${sentBytes} bytes were sent: kcat compressed nothing`);
  });
}

kcatTest('an idempotent kcat that cannot know whether its batch was stored writes nothing twice', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  cluster.on(Produce).answer(async (_, next) => {
    const stored = await next();
    const errorCode = errorNumbers.REQUEST_TIMED_OUT;
    const refused = (stored?.responses ?? []).map(topic => ({
      ...topic,
      partitionResponses: topic.partitionResponses.map(partition => ({ ...partition, errorCode, baseOffset: -1 })),
    }));
    return { ...stored, responses: refused };
  });
  await kcatProduce(target(cluster, ['-X', 'enable.idempotence=true', '-X', 'retry.backoff.ms=10']), ['a', 'b', 'c']);
  assert.deepEqual(
    cluster.records('orders', 0).map(({ value }) => String(value)),
    ['a', 'b', 'c'],
  );
  assert.equal(cluster.requests(Produce).length, 2, 'it was sent again');
});

kcatTest('an idempotent kcat whose connections are cut behind its batches writes nothing twice, and in order', async t => {
  const cluster = await startCluster(t, { brokers: 3, topics: { orders: 1 } }); // kcat gives up when the only broker is gone
  const values = Array.from({ length: 200 }, (_, i) => `value ${i}`);
  let count = 0;
  cluster.on(Produce, () => count++ % 2 === 0).dropAnswer(8);
  const args = [
    '-X',
    'enable.idempotence=true',
    '-X',
    'batch.num.messages=10',
    '-X',
    'reconnect.backoff.ms=10',
    '-X',
    'retry.backoff.ms=10',
  ];
  await kcatProduce(target(cluster, args), values);
  assert.deepEqual(
    cluster.records('orders', 0).map(({ value }) => String(value)),
    values,
  );
  const sequences = cluster.requests(Produce).map(({ body }) => {
    const { records } = only(only(body.topicData).partitionData);
    return readBatches(records, { topic: 'orders', partition: 0 }).next()?.baseSequence;
  });
  assert.ok(sequences.length - new Set(sequences).size >= 8, 'each batch whose answer was lost was sent again');
});

kcatTest('kcat sees what is committed, and what is not when it asks for it', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  const of = { producerEpoch: 0, isTransactional: true };
  const end = (producerId: number, type: 'abort' | 'commit') =>
    cluster.appendBatch('orders', 0, encodeTransactionEnd({ type, producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp: 1 }));
  cluster.append('orders', 0, [{ value: 'a' }], { ...of, producerId: 1 });
  cluster.append('orders', 0, [{ value: 'never' }], { ...of, producerId: 2 });
  cluster.append('orders', 0, [{ value: 'plain' }]);
  cluster.append('orders', 0, [{ value: 'b' }], { ...of, producerId: 1 });
  end(1, 'commit');
  cluster.append('orders', 0, [{ value: 'never either' }], { ...of, producerId: 2 });
  end(2, 'abort');
  cluster.append('orders', 0, [{ value: 'c' }]);
  cluster.append('orders', 0, [{ value: 'not yet' }], { ...of, producerId: 3 });
  cluster.append('orders', 0, [{ value: 'behind' }]);
  const read = async (level: string) => {
    const records = await kcatConsume(target(cluster, ['-X', `isolation.level=${level}`]));
    return records.map(({ payload }) => payload);
  };
  assert.deepEqual(await read('read_committed'), ['a', 'plain', 'b', 'c']);
  assert.deepEqual(await read('read_uncommitted'), ['a', 'never', 'plain', 'b', 'never either', 'c', 'not yet', 'behind']);
});

kcatTest('kcat follows a leader that moves', async t => {
  const cluster = await startCluster(t, { brokers: 2, topics: { orders: { partitions: 1, replicationFactor: 1 } } });
  for (let i = 0; i < 10; i++) cluster.append('orders', 0, [{ value: `v${i}` }]);
  cluster.on(Fetch).answer(async (_, next) => {
    cluster.moveLeader('orders', 0, 2);
    return next();
  });
  assert.equal((await kcatConsume(target(cluster))).length, 10);
  assert.deepEqual(new Set(cluster.requests(Fetch).map(({ broker }) => broker)), new Set([1, 2]));
});

kcatTest('a message larger than the topic allows is refused', async t => {
  const cluster = await startCluster(t, { topics: { orders: { configs: { 'max.message.bytes': '1000' } } } });
  await assert.rejects(kcatProduce(target(cluster), ['x'.repeat(2000)]), /too large/i);
  await assert.rejects(kcatProduce(target(cluster, ['-X', 'message.max.bytes=1000']), ['x'.repeat(2000)]), /too large/i);
  assert.equal(cluster.requests(Produce).length, 1, 'with its own limit kcat does not even send');
  assert.equal(cluster.offsets('orders', 0).end, 0);
});

kcatTest('kcat asks for offsets by time', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  for (const timestamp of [1000, 2000, 3000]) cluster.append('orders', 0, [{ value: 'v', timestamp }]);
  const ask = async (time: number) => (await kcat(['-Q', '-b', cluster.brokers.join(','), '-t', `orders:0:${time}`])).stdout.trim();
  assert.equal(await ask(1500), 'orders [0] offset 1');
  assert.equal(await ask(3000), 'orders [0] offset 2');
  assert.equal(await ask(-1), 'orders [0] offset 3');
  assert.equal(await ask(-2), 'orders [0] offset 0');
});

kcatTest('kcat reads from where it is told, over a gap and behind a trimmed start', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  for (let i = 0; i < 5; i++) cluster.append('orders', 0, [{ value: `v${i}` }]);
  cluster.append('orders', 0, [{ value: 'far' }], { baseOffset: 20 });
  cluster.trim('orders', 0, 2);
  assert.deepEqual(
    (await kcatConsume(target(cluster))).map(({ offset }) => offset),
    [2, 3, 4, 20],
  );
  assert.deepEqual(
    (await kcatConsume(target(cluster, ['-o', '10']))).map(({ offset }) => offset),
    [20],
  );
});

for (const emulate of ['1.1', '2.8', '3.9', '4.1'] as const) {
  kcatTest(`kcat writes and reads as with a broker of release ${emulate}`, async t => {
    const cluster = await startCluster(t, { emulate, topics: { orders: 1 } });
    await kcatProduce(target(cluster), ['a', 'b']);
    assert.deepEqual(
      (await kcatConsume(target(cluster))).map(({ payload }) => payload),
      ['a', 'b'],
    );
    assert.deepEqual(cluster.errors, []);
  });
}
