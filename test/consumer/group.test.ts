import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { KafkaConsumer } from '../../src/consumer/kafka-consumer.js';
import type { KafkaConsumerOptions } from '../../src/consumer/kafka-consumer-options.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { fill, stored, until } from './setting.js';

/** Four partitions of "orders" with 25 messages each, and consumers of a group, each with a client of its own. */
async function setting(t: TestContext) {
  const cluster = await EmbeddedCluster.start({ topics: { orders: 4 } });
  t.after(() => cluster.close());
  for (const partition of [0, 1, 2, 3]) fill(cluster, 25, { partition, perBatch: 5 });
  const member = (options: KafkaConsumerOptions = {}) => {
    const client = new KafkaClient({ brokers: cluster.brokers, retry: { backoffMs: 5, maxBackoffMs: 20 } });
    t.after(() => client.close({ timeoutMs: 1000 }).catch(() => {}));
    return new KafkaConsumer(client, { topics: ['orders'], groupId: 'billing', heartbeatMs: 20, sessionTimeoutMs: 6000, ...options });
  };
  return { cluster, member };
}

test('a lone member reads everything, in order, and commits what is done', async t => {
  const { cluster, member } = await setting(t);
  const consumer = member();
  const next = [0, 0, 0, 0];
  let count = 0;
  for await (const { partition, offset } of consumer) {
    assert.equal(offset, next[partition]);
    next[partition] = offset + 1;
    if (++count === 100) break;
  }
  await consumer.close();
  const committed = stored(cluster, 'billing');
  assert.equal(Object.values(committed).reduce((sum, each) => sum + each, 0), 99, 'the last one was not done');
  assert.equal(cluster.members('billing').length, 0);
});

test('members share the partitions; what one has done the other does not see', async t => {
  const { cluster, member } = await setting(t);
  const seen = new Map<string, number>();
  const work = async (consumer: KafkaConsumer, stop: AbortSignal) => {
    for await (const { partition, offset } of consumer.messages({ signal: stop })) {
      const place = `${partition}:${offset}`;
      seen.set(place, (seen.get(place) ?? 0) + 1);
      await new Promise(setImmediate);
    }
  };
  const stop = new AbortController();
  const [first, second] = [member(), member()];
  const one = work(first, stop.signal);
  await until(() => seen.size > 10);
  const two = work(second, stop.signal);
  await until(() => second.assignment().length === 2);
  await until(() => seen.size === 100);
  stop.abort();
  await Promise.all([one, two]);
  await Promise.all([first.close(), second.close()]);
  assert.deepEqual([...new Set(seen.values())], [1]);
  assert.deepEqual(stored(cluster, 'billing'), { 0: 25, 1: 25, 2: 25, 3: 25 });
});
