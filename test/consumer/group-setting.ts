import type { TestContext } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import type { ConsumerEvents } from '../../src/consumer/index.js';
import { KafkaConsumer } from '../../src/consumer/kafka-consumer.js';
import type { KafkaConsumerOptions } from '../../src/consumer/kafka-consumer-options.js';
import { EmbeddedCluster, type EmbeddedClusterOptions } from '../../src/embedded/index.js';
import { protocolOptions } from '../group/protocol-options.js';
import { fill } from './setting.js';

/** Four partitions of "orders" with 25 messages each, and consumers of the group "billing", each with a client of its own. All end with the test. */
export async function groupSetting(t: TestContext, options: EmbeddedClusterOptions = {}) {
  const cluster = await EmbeddedCluster.start({ topics: { orders: 4 }, ...options });
  t.after(() => cluster.close());
  for (const partition of [0, 1, 2, 3]) fill(cluster, 25, { partition, perBatch: 5 });
  const member = (options: KafkaConsumerOptions = {}) => {
    const client = new KafkaClient({ brokers: cluster.brokers, retry: { backoffMs: 5, maxBackoffMs: 20 } });
    t.after(() => client.close({ timeoutMs: 1000 }).catch(() => {}));
    const given = { topics: ['orders'], groupId: 'billing', heartbeatMs: 20, sessionTimeoutMs: 6000, ...options };
    return new KafkaConsumer(client, protocolOptions(given));
  };
  return { cluster, member };
}

/** The group goes on without its only member, which does not know yet. */
export function throwOut(cluster: EmbeddedCluster): void {
  const [only] = cluster.members('billing');
  if (only === undefined) throw new Error('nobody is in the group');
  cluster.expireMember('billing', only.memberId);
}

/** Resolves with the detail of the next `event`. */
export const nextEvent = <K extends keyof ConsumerEvents>(consumer: KafkaConsumer, event: K): Promise<ConsumerEvents[K]> =>
  new Promise(resolve => consumer.once(event, resolve));

/** The details of every `event` from now on. */
export function every<K extends keyof ConsumerEvents>(consumer: KafkaConsumer, event: K): ConsumerEvents[K][] {
  const all: ConsumerEvents[K][] = [];
  consumer.on(event, detail => all.push(detail));
  return all;
}
