import type { TestContext } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { MultiProcessConsumer, type MultiProcessConsumerOptions, type ResultPlace, type RunOptions } from '../../src/multiprocess/index.js';
import { until } from '../group/watched.js';
import type { Ask } from './handlers/script.js';

export const handler = (name: string): URL => new URL(`handlers/${name}`, import.meta.url);
export const script = handler('script.js');
export const asks = (ask: Ask): string => JSON.stringify(ask);

export interface Setting {
  readonly cluster: EmbeddedCluster;
  readonly client: KafkaClient;
  /** A consumer of "orders" with two threads and quick retries, that is closed with the test. */
  consumer(options?: MultiProcessConsumerOptions): MultiProcessConsumer;
}

/** A cluster with the topics "orders" of so many partitions, and "out". Both end with the test. */
export async function setting(t: TestContext, { partitions = 1 } = {}): Promise<Setting> {
  const cluster = await EmbeddedCluster.start({ topics: { orders: partitions, out: 1 } });
  const client = new KafkaClient({ brokers: cluster.brokers, retry: { backoffMs: 5, maxBackoffMs: 20 } });
  t.after(async () => {
    await client.close({ timeoutMs: 1000 }).catch(() => {});
    await cluster.close();
  });
  const defaults = { topics: 'orders', groupId: 'billing', threads: 2, retryBackoffMs: 1, heartbeatMs: 20, sessionTimeoutMs: 60_000 };
  return { cluster, client, consumer: options => new MultiProcessConsumer(client, { ...defaults, ...options }) };
}

/** Appends values to a partition, those of one call in a batch, and gives them. */
export function fill(cluster: EmbeddedCluster, values: readonly string[], partition = 0): void {
  cluster.append(
    'orders',
    partition,
    values.map(value => ({ key: value, value })),
  );
}

export interface Ran {
  readonly results: readonly unknown[];
  readonly places: readonly ResultPlace[];
}

/** Runs a handler until it has given `count` results. */
export async function ran(consumer: MultiProcessConsumer, count: number, options: RunOptions = {}, module: URL = script): Promise<Ran> {
  const stop = new AbortController();
  const results: unknown[] = [];
  const places: ResultPlace[] = [];
  await consumer.run(module, {
    signal: stop.signal,
    ...options,
    onResult: async (value, place) => {
      await options.onResult?.(value, place);
      results.push(value);
      places.push(place);
      if (results.length === count) stop.abort();
    },
  });
  return { results, places };
}

/** Runs a handler until something holds that nobody tells of. */
export async function ranUntil(
  consumer: MultiProcessConsumer,
  module: URL,
  what: string,
  holds: () => boolean | Promise<boolean>,
  options: RunOptions = {},
): Promise<void> {
  const stop = new AbortController();
  const seen = until(what, holds).then(() => stop.abort());
  await Promise.all([consumer.run(module, { ...options, signal: stop.signal }), seen]);
}

/** What the group has stored of "orders", by partition. */
export const stored = (cluster: EmbeddedCluster): Record<number, number> =>
  Object.fromEntries([...cluster.committed('billing')].map(([place, { offset }]) => [Number(place.split('/')[1]), offset]));
