import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { KeyedProducer, type KeyedProducerOptions, type Partitioner } from '../../src/producer/index.js';
import { Metadata, Produce } from '../../src/protocol/index.js';

async function setting(t: TestContext) {
  const cluster = await EmbeddedCluster.start({ topics: { orders: 2 } });
  const client = new KafkaClient({ brokers: cluster.brokers, retry: { attempts: 3, backoffMs: 1, maxBackoffMs: 5 } });
  t.after(async () => {
    await client.close({ timeoutMs: 100 }).catch(() => {});
    await cluster.close();
  });
  return { cluster, client, keyed: (options?: KeyedProducerOptions) => new KeyedProducer(client, options) };
}

const record = { topic: 'orders', key: 'a', value: 'x' };

test('whatever a partitioner answers, the record is settled', { timeout: 20_000 }, async t => {
  const { client } = await setting(t);
  const answers = [-1, 2, 0.5, Number.NaN, '0', 'length', 'constructor', undefined].map(answer => () => answer);
  for (const answer of [...answers, () => Promise.resolve(0), () => Promise.reject(new Error('unheard'))]) {
    const partitioner = answer as Partitioner;
    const producer = new KeyedProducer(client, { partitioner });
    // The first waits for the topic, the second finds it known.
    for (let i = 0; i < 2; i++)
      await assert.rejects(producer.send(record), { code: 'TIDE_INPUT', persistence: 'no', message: /the partitioner answered/ });
    await producer.close();
  }
});

test('what a partitioner throws is said to be its doing', async t => {
  const { keyed } = await setting(t);
  const partitioner: Partitioner = () => {
    throw new RangeError('boom');
  };
  const producer = keyed({ partitioner });
  for (let i = 0; i < 2; i++) {
    await assert.rejects(producer.send(record), {
      code: 'TIDE_INPUT',
      persistence: 'no',
      message: 'produce orders: the partitioner threw: boom',
    });
  }
});

test('a record whose topic could not be looked up was not stored, whatever became of the question', async t => {
  const { cluster, keyed } = await setting(t);
  cluster.on(Metadata, { topic: 'orders' }).failTimes(1, 'UNKNOWN_SERVER_ERROR');
  await assert.rejects(keyed().send(record), { code: 'UNKNOWN_SERVER_ERROR', persistence: 'no' });
  assert.equal(cluster.requests(Produce).length, 0);
});

test('a broker that blames records that are not there is not asked for ever', { timeout: 20_000 }, async t => {
  const { cluster, keyed } = await setting(t);
  cluster.on(Produce).answer(({ body }) => {
    const [topic] = body.topicData;
    const partitions = (topic?.partitionData ?? []).map(({ index }) => ({
      index,
      errorCode: 87,
      baseOffset: -1,
      recordErrors: [
        { batchIndex: 7, batchIndexErrorMessage: null },
        { batchIndex: -1, batchIndexErrorMessage: null },
      ],
    }));
    return { responses: [{ name: topic?.name ?? '', topicId: topic?.topicId, partitionResponses: partitions }], throttleTimeMs: 0 };
  }, Number.POSITIVE_INFINITY);
  await assert.rejects(keyed().sendMany([record, record, record]), { code: 'INVALID_RECORD' });
  assert.equal(cluster.requests(Produce).length, 1);
});
