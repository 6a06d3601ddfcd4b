import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { ManyDelivery } from '../../src/producer/delivery.js';
import { KeyedProducer } from '../../src/producer/index.js';
import { Lane } from '../../src/producer/lane.js';
import { halves } from '../../src/producer/rebuild.js';
import { Produce } from '../../src/protocol/index.js';

for (const compression of ['none', 'gzip'] as const) {
  test(`after a batch that was too large, compressed with ${compression}, batches are half as large, not less`, async t => {
    const cluster = await EmbeddedCluster.start({ topics: { orders: 1 } });
    const client = new KafkaClient({ brokers: cluster.brokers });
    t.after(async () => {
      await client.close();
      await cluster.close();
    });
    const producer = new KeyedProducer(client, { compression });
    const records = Array.from({ length: 100 }, () => ({ topic: 'orders', key: 'k', value: 'x'.repeat(200) }));
    cluster.on(Produce).failOnce('MESSAGE_TOO_LARGE');
    await producer.sendMany(records);
    assert.equal(cluster.requests(Produce).length, 3, 'whole, then its halves');
    await producer.sendMany(records);
    assert.equal(cluster.requests(Produce).length, 5, 'a little more than half, as those were stored, and the rest');
    assert.equal(cluster.records('orders', 0).length, 200);
  });
}

test('a batch is divided however large it is before compression', () => {
  const seal = { compression: 'gzip', level: 1 } as const;
  const lane = new Lane('orders', 0, { batchBytes: 2 ** 30, everyN: 2, deliveryTimeoutMs: 1000, seal });
  const delivery = new ManyDelivery(2, 'sendMany');
  const value = new Uint8Array(65 * 2 ** 20); // two of them are more than a reader takes unless told to
  for (const index of [0, 1]) lane.append(delivery, index, null, value, 0, undefined, 0);
  const batch = lane.take('none') ?? assert.fail();
  assert.deepEqual(
    halves(batch, seal).map(({ count, plainBytes }) => [count, plainBytes > value.length]),
    [
      [1, true],
      [1, true],
    ],
  );
});

test('batches grow again, little by little, after one was too large', () => {
  const lane = new Lane('orders', 0, { batchBytes: 20_000, everyN: 10_000, deliveryTimeoutMs: 1000, seal: {} });
  /** So many records of 100 bytes are in the next batch. */
  const next = () => {
    const delivery = new ManyDelivery(10_000, 'sendMany');
    let opened = 0;
    for (let index = 0; opened < 2; index++) if (lane.append(delivery, index, null, 'x'.repeat(100), 0, undefined, 0)) opened++;
    const batch = lane.take('none') ?? assert.fail();
    const rest = lane.take('none') ?? assert.fail();
    for (const each of [batch, rest]) lane.arrived(each);
    return batch;
  };
  const whole = next();
  lane.shrink(whole);
  const divided = next();
  assert.ok(divided.count < whole.count / 2, `${divided.count} of ${whole.count}`);
  lane.stored(divided);
  const following = next();
  assert.ok(following.count >= divided.count && following.count <= divided.count + 2, `${following.count} after ${divided.count}`);
  for (let i = 0; i < 100; i++) lane.stored(next());
  assert.equal(next().count, whole.count);
});
