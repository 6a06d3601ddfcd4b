import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnsupportedError } from '../../src/base/errors.js';
import type { TopicInfo } from '../../src/cluster/metadata.js';
import { Batch } from '../../src/producer/batch.js';
import { ManyDelivery } from '../../src/producer/delivery.js';
import { Lane } from '../../src/producer/lane.js';
import { RefusedRecordsError } from '../../src/producer/old-broker.js';
import { type Parcel, produceBody } from '../../src/producer/produce-request.js';
import { type CheckedHeaders, type CompressionName, readBatches } from '../../src/records/index.js';

const noHeaders: CheckedHeaders = [];
const topic: TopicInfo = { name: 'orders', id: '00000000-0000-0000-0000-000000000000', errorCode: 0, internal: false, partitions: [] };

/** A sealed batch on its way, with a record for each of these headers. */
function parcel(headers: readonly (CheckedHeaders | undefined)[], compression: CompressionName = 'none', partition = 0): Parcel {
  const lane = new Lane('orders', partition, {
    batchBytes: 65_536,
    everyN: Number.POSITIVE_INFINITY,
    deliveryTimeoutMs: 1000,
    seal: { compression },
  });
  const delivery = new ManyDelivery(headers.length, 'sendMany');
  headers.forEach((each, i) => {
    lane.append(delivery, i, i === 0 ? null : `key ${i}`, i === 1 ? null : `value ${i}`, 1000 + i, each, 0);
  });
  const batch = lane.take('none');
  assert.ok(batch instanceof Batch && batch.bytes !== undefined);
  return { lane, batch, topic };
}

const bodyOf = (parcels: readonly Parcel[], compression: CompressionName = 'none') =>
  produceBody(5, parcels, { transactionalId: null, acks: -1, ackTimeoutMs: 1000, seal: { compression } });

for (const compression of ['none', 'gzip', 'snappy', 'lz4'] as const) {
  test(`a broker before 0.11 gets the records in message format v1, compressed as they were: ${compression}`, () => {
    const sent = parcel([undefined, undefined, noHeaders], compression);
    const records = bodyOf([sent], compression)(2).topicData?.[0]?.partitionData?.[0]?.records;
    assert.ok(records);
    const batches = [...readBatches(Buffer.concat([records].flat()), { topic: 'orders', partition: 0 })];
    assert.deepEqual(
      batches.map(batch => [batch.magic, batch.compression]),
      [[1, compression]],
    );
    assert.deepEqual(
      batches.flatMap(batch =>
        Array.from(batch, ({ offset, key, value, timestamp }) => [offset, key?.toString(), value?.toString(), timestamp]),
      ),
      [
        [0, undefined, 'value 0', 1000],
        [1, 'key 1', undefined, 1001],
        [2, 'key 2', 'value 2', 1002],
      ],
    );
  });
}

test('a newer broker gets the bytes as they were sealed', () => {
  const sent = parcel([undefined, [['a', '1']]]);
  assert.equal(bodyOf([sent])(3).topicData?.[0]?.partitionData?.[0]?.records, sent.batch.bytes);
});

test('records with headers are refused one by one, before anything is sent', () => {
  const [some, none] = [parcel([undefined, [['a', '1']], undefined, [['b', null]]]), parcel([undefined], 'none', 1)];
  assert.throws(
    () => bodyOf([some, none])(2),
    (error: unknown) => {
      assert.ok(error instanceof RefusedRecordsError);
      assert.deepEqual([...error.refused.keys()], [some.batch]);
      const refused = error.refused.get(some.batch);
      assert.deepEqual([...(refused?.keys() ?? [])], [1, 3]);
      const [reason] = refused?.values() ?? [];
      assert.ok(reason instanceof UnsupportedError);
      assert.match(reason.message, /^produce orders\/0: broker 5 is older than Kafka 0\.11 and cannot store headers/);
      assert.deepEqual([reason.persistence, reason.retriable], ['no', false]);
      return true;
    },
  );
});

test('zstd for a broker before 2.1 is an error that names what it needs', () => {
  const sent = parcel([undefined]);
  const body = bodyOf([sent], 'zstd');
  for (const version of [2, 3, 6]) {
    assert.throws(() => body(version), { code: 'TIDE_UNSUPPORTED', message: /cannot carry zstd; that needs Kafka 2\.1 or later/ });
  }
  assert.equal(body(7).topicData?.[0]?.partitionData?.[0]?.records, sent.batch.bytes);
});
