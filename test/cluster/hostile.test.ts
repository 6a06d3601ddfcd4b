import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaError } from '../../src/base/errors.js';
import { Fetch, ListOffsets, Metadata, OffsetFetch } from '../../src/protocol/index.js';
import { fill, get, offsets, setting } from '../consumer/setting.js';

/*
 * Answers that are well-formed and absurd: what a broker that is broken, or hostile, can say without breaking a rule of the protocol.
 */

const always = Number.POSITIVE_INFINITY;
const limit = { timeout: 30_000 };

async function failure(promise: Promise<unknown>): Promise<KafkaError> {
  const error = await promise.then(
    () => assert.fail('it must fail'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof KafkaError, String(error));
  return error;
}

test(
  'a fetch answer with partitions nobody asked for, the same one twice, and ids of no topic: each message comes once',
  limit,
  async t => {
    const { cluster, consumer } = await setting(t);
    fill(cluster, 20, { perBatch: 2 });
    let changed = 0;
    cluster.on(Fetch).answer(async (_, next) => {
      const answer = await next();
      const [first] = answer?.responses ?? [];
      const [entry] = first?.partitions ?? [];
      if (answer === undefined || first === undefined || entry === undefined) return answer;
      changed += 1;
      const strangers = [
        { ...entry, partitionIndex: 77 },
        { ...entry, partitionIndex: -1 },
      ];
      const responses = [
        { ...first, topicId: 'AAAAAAAAAAAAAAAAAAAA-g', topic: '__proto__' },
        { ...first, partitions: [...strangers, entry, entry] },
        { ...first, partitions: [entry] },
      ];
      return { ...answer, responses };
    }, always);
    const orders = consumer({ maxPartitionBytes: 200 });
    assert.deepEqual(
      offsets(await get(orders, 20)),
      Array.from({ length: 20 }, (_, i) => i),
    );
    assert.ok(changed >= 2, `${changed} answers`);
    fill(cluster, 3, { from: 20 });
    assert.deepEqual(offsets(await get(orders, 3)), [20, 21, 22]);
  },
);

for (const divergingEpoch of [
  { epoch: 5, endOffset: 1000 },
  { epoch: -1, endOffset: 0 },
  { epoch: 0, endOffset: 2 ** 53 - 1 },
  { epoch: 2 ** 31 - 1, endOffset: -1 },
]) {
  const place = `${divergingEpoch.endOffset} in epoch ${divergingEpoch.epoch}`;
  test(`a log that is said to part at ${place}, before anything was read: what comes later is read from the start`, limit, async t => {
    const { cluster, consumer } = await setting(t);
    fill(cluster, 20, { perBatch: 2 });
    cluster.on(Fetch).answer(async (_, next) => {
      const answer = await next();
      const responses = answer?.responses?.map(({ partitions, ...topic }) => ({
        ...topic,
        partitions: partitions.map(partition => ({ ...partition, records: [], divergingEpoch })),
      }));
      return answer && { ...answer, responses: responses ?? [] };
    }, 4);
    assert.deepEqual(
      offsets(await get(consumer(), 20)),
      Array.from({ length: 20 }, (_, i) => i),
    );
    assert.ok(cluster.requests(Fetch).length < 50, 'not asked all the time');
  });
}

test('a fetch answer for another topic alone is no answer: nothing is read from it, and what was asked for comes later', limit, async t => {
  const { cluster, consumer } = await setting(t);
  fill(cluster, 5);
  cluster.on(Fetch).answer(async (_, next) => {
    const answer = await next();
    return (
      answer && { ...answer, responses: answer.responses?.map(topic => ({ ...topic, topic: 'other', topicId: 'AAAAAAAAAAAAAAAAAAAA-g' })) }
    );
  }, 2);
  assert.deepEqual(offsets(await get(consumer(), 5)), [0, 1, 2, 3, 4]);
  assert.ok(cluster.requests(Fetch).length >= 3);
});

for (const offset of [-1, -2, -(2 ** 40)]) {
  test(`ListOffsets answers ${offset} without an error: that is told, and nobody is sent to offset 0`, limit, async t => {
    const { cluster, consumer } = await setting(t, { client: { retry: { attempts: 2, backoffMs: 1, maxBackoffMs: 1 } } });
    fill(cluster, 5);
    cluster.on(ListOffsets).answer(async (_, next) => {
      const answer = await next();
      const topics = answer?.topics.map(topic => ({ ...topic, partitions: topic.partitions.map(entry => ({ ...entry, offset })) }));
      return answer && topics && { ...answer, topics };
    }, always);
    const orders = consumer({ autoOffsetReset: 'latest' });
    await assert.rejects(get(orders, 1), { code: 'TIDE_PROTOCOL', message: /orders\/0 says that its log has no latest offset/ });
    assert.equal(cluster.requests(Fetch).length, 0);
  });
}

for (const committedOffset of [-1, -2, -(2 ** 40)]) {
  test(`a committed offset of ${committedOffset} without an error is none: the reset policy decides`, limit, async t => {
    const { cluster, consumer } = await setting(t);
    fill(cluster, 5);
    cluster.on(OffsetFetch).answer(async (request, next) => {
      const answer = await next();
      const changed = <P extends object>(topics: readonly { readonly partitions: readonly P[] }[] | undefined) =>
        topics?.map(topic => ({ ...topic, partitions: topic.partitions.map(entry => ({ ...entry, committedOffset, errorCode: 0 })) }));
      assert.ok(request.version >= 8);
      const groups = answer?.groups?.map(group => ({
        ...group,
        topics: changed(group.topics as readonly { partitions: readonly object[] }[]),
      }));
      return { ...answer, groups } as typeof answer;
    }, always);
    assert.deepEqual(offsets(await get(consumer({ groupId: 'billing' }), 5)), [0, 1, 2, 3, 4]);
    assert.ok(cluster.requests(OffsetFetch).length > 0);
  });
}

test(
  'metadata: no partitions, no leader, a leader nobody knows, topics twice: nothing passes for success, and what comes right is used',
  limit,
  async t => {
    const { cluster, consumer } = await setting(t, { client: { retry: { attempts: 10, backoffMs: 5, maxBackoffMs: 20 } } });
    fill(cluster, 5);
    let asked = 0;
    cluster.on(Metadata).answer(async (_, next) => {
      const answer = await next();
      const [topic] = answer?.topics ?? [];
      const [partition] = topic?.partitions ?? [];
      if (answer === undefined || topic === undefined || partition === undefined) return answer;
      asked += 1;
      const lies = [
        [{ ...topic, partitions: [] }],
        [{ ...topic, partitions: [{ ...partition, leaderId: -1 }] }],
        [{ ...topic, partitions: [{ ...partition, leaderId: 4711 }] }],
      ];
      return { ...answer, topics: lies[asked - 1] ?? [topic, topic, { ...topic, name: '__proto__' }, { ...topic, name: 'constructor' }] };
    }, always);
    assert.deepEqual(offsets(await get(consumer(), 5)), [0, 1, 2, 3, 4]);
    assert.ok(asked >= 4, `asked ${asked} times`);
  },
);

test('metadata of a topic without partitions is never a topic that is empty', limit, async t => {
  const { cluster, client } = await setting(t);
  cluster.on(Metadata).answer(async (_, next) => {
    const answer = await next();
    return answer && { ...answer, topics: answer.topics.map(topic => ({ ...topic, partitions: [] })) };
  }, always);
  const { KeyedProducer } = await import('../../src/producer/index.js');
  const producer = new KeyedProducer(client, { deliveryTimeoutMs: 300 });
  const error = await failure(producer.send({ topic: 'orders', key: 'k', value: 'v' }));
  assert.equal(error.persistence, 'no');
});

test('metadata of more than memory has room for costs an error, not the process', limit, async t => {
  const { cluster, client } = await setting(t, { client: { retry: { attempts: 1 } } });
  const partition = { errorCode: 0, partitionIndex: 0, leaderId: 1, replicaNodes: [1, 2, 3], isrNodes: [1, 2, 3] };
  const partitions = Array.from({ length: 1_000_000 }, (_, partitionIndex) => ({ ...partition, partitionIndex }));
  cluster.on(Metadata).answer(async (_, next) => {
    const answer = await next();
    return answer && { ...answer, topics: answer.topics.map(topic => ({ ...topic, partitions })) };
  }, always);
  const error = await failure(client.metadata(['orders']));
  assert.match(error.message, /would take more than \d+ bytes of memory/);
  cluster.reset();
  assert.equal((await client.metadata(['orders'])).topics.get('orders')?.partitions.length, 1);
});
