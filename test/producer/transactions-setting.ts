import type { TestContext } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { EmbeddedCluster, type EmbeddedClusterOptions } from '../../src/embedded/index.js';
import { KeyedProducer, type KeyedProducerOptions } from '../../src/producer/index.js';

/** "orders" and "bills" with two partitions each, and producers with the transactional id "billing". */
export async function setting(t: TestContext, options: EmbeddedClusterOptions = {}) {
  const cluster = await EmbeddedCluster.start({ topics: { orders: 2, bills: 2 }, ...options });
  const client = new KafkaClient({ brokers: cluster.brokers, retry: { attempts: 5, backoffMs: 5, maxBackoffMs: 20 } });
  t.after(async () => {
    await client.close();
    await cluster.close();
  });
  /** What a reader of committed records sees. */
  const seen = async (topic: string, partition: number) => {
    const { messages } = await client.fetch(topic, partition, 0, { isolation: 'read_committed', maxWaitMs: 0 });
    return messages.map(({ value }) => value?.toString());
  };
  const producer = (more?: KeyedProducerOptions) => new KeyedProducer(client, { transactionalId: 'billing', ...more });
  /** As {@link producer}; a request that gets no answer is not tried again within the time of a call. */
  const once = () => {
    const other = new KafkaClient({ brokers: cluster.brokers, retry: { backoffMs: 60_000, maxBackoffMs: 60_000 } });
    t.after(() => other.close({ timeoutMs: 0 }));
    return new KeyedProducer(other, { transactionalId: 'billing' });
  };
  return { cluster, client, seen, producer, once };
}

export const versions: readonly (readonly [string, EmbeddedClusterOptions])[] = [
  ['as Kafka 4 has them', {}],
  ['as Kafka 3 has them', { transactionVersion: 1 }],
];
