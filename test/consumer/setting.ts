import type { TestContext } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import type { KafkaClientOptions } from '../../src/client/client-options.js';
import { SimpleConsumer, type SimpleConsumerOptions } from '../../src/consumer/index.js';
import { EmbeddedCluster, type EmbeddedClusterOptions } from '../../src/embedded/index.js';
import { Fetch, OffsetCommit } from '../../src/protocol/index.js';
import type { Message } from '../../src/records/index.js';

export interface Setting {
  readonly cluster: EmbeddedCluster;
  readonly client: KafkaClient;
  /** A consumer of topic "orders" that is closed with the test. */
  consumer(options?: Partial<SimpleConsumerOptions>): SimpleConsumer;
}

export interface SettingOptions extends EmbeddedClusterOptions {
  readonly client?: Partial<KafkaClientOptions> | undefined;
}

/** A cluster with the topic "orders" of one partition, unless told otherwise, and a client that retries quickly. Both end with the test. */
export async function setting(t: TestContext, { client: clientOptions, ...options }: SettingOptions = {}): Promise<Setting> {
  const cluster = await EmbeddedCluster.start({ topics: { orders: 1 }, ...options });
  const client = new KafkaClient({ brokers: cluster.brokers, retry: { backoffMs: 5, maxBackoffMs: 20 }, ...clientOptions });
  t.after(async () => {
    await client.close({ timeoutMs: 100 }).catch(() => {});
    await cluster.close();
  });
  return { cluster, client, consumer: given => new SimpleConsumer(client, { topic: 'orders', ...given }) };
}

/** Appends messages "from" to "to", both included, each in a batch of its own or `perBatch` together; their values are their numbers. */
export function fill(cluster: EmbeddedCluster, count: number, { partition = 0, perBatch = count, from = 0, topic = 'orders' } = {}): void {
  for (let i = 0; i < count; i += perBatch) {
    const length = Math.min(perBatch, count - i);
    cluster.append(
      topic,
      partition,
      Array.from({ length }, (_, j) => ({ value: String(from + i + j) })),
    );
  }
}

export const offsets = (messages: Iterable<Message<unknown, unknown>>): number[] => Array.from(messages, ({ offset }) => offset);
export const places = (messages: Iterable<Message>): string[] => Array.from(messages, ({ partition, offset }) => `${partition}:${offset}`);

/** The first `count` messages of a loop, which is left when the last has been asked past: all of them are done. */
export async function read(consumer: SimpleConsumer, count: number): Promise<Message[]> {
  const messages: Message[] = [];
  const enough = new AbortController();
  for await (const message of consumer.messages({ signal: enough.signal })) {
    messages.push(message);
    if (messages.length === count) enough.abort();
  }
  return messages;
}

/** The next `count` messages, however long that takes. */
export const get = (consumer: SimpleConsumer, count: number): Promise<Message[]> => consumer.getMessages(count, { timeoutMs: null });

/** What a group has stored, as `partition: offset`. */
export const stored = (cluster: EmbeddedCluster, group: string): Record<number, number> =>
  Object.fromEntries([...cluster.committed(group)].map(([place, { offset }]) => [Number(place.split('/')[1]), offset]));

/** Every offset that was ever sent to be committed, in order, as `partition:offset`. */
export const committedSoFar = (cluster: EmbeddedCluster): string[] =>
  cluster
    .requests(OffsetCommit)
    .flatMap(({ body }) => body.topics)
    .flatMap(({ partitions }) => partitions.map(({ partitionIndex, committedOffset }) => `${partitionIndex}:${committedOffset}`));

/** Waits for turns of the event loop until `holds` does: for what has no event. @throws Error after ten seconds. */
export async function until(holds: () => boolean): Promise<void> {
  const started = performance.now();
  while (!holds()) {
    if (performance.now() - started > 10_000) throw new Error(`waited in vain for ${holds}`);
    await new Promise(setImmediate);
  }
}

/** Resolves with the detail of the next `event`. */
export function next<K extends 'commitFailed' | 'outOfRange'>(consumer: SimpleConsumer, event: K) {
  return new Promise<Parameters<Parameters<typeof consumer.on<K>>[1]>[0]>(resolve => consumer.once(event, resolve));
}

/** The fetches of the topic that was fetched first: of "orders", whatever was read {@link elsewhere}. */
export function fetches(cluster: EmbeddedCluster) {
  const all = cluster.requests(Fetch);
  const first = all[0]?.body.topics[0]?.topicId;
  return all.filter(({ body, about }) => body.topics[0]?.topicId === first || about.some(({ topic }) => topic === 'orders'));
}

let elsewheres = 0;

/**
 * Another client reads another topic: many requests and answers later, what must not happen has had its chance, and what
 * was on its way has come.
 */
export async function elsewhere(cluster: EmbeddedCluster): Promise<void> {
  const topic = `elsewhere-${++elsewheres}`;
  cluster.createTopic(topic, 1);
  const client = new KafkaClient({ brokers: cluster.brokers });
  const other = new SimpleConsumer(client, { topic });
  for (let i = 0; i < 5; i++) {
    fill(cluster, 1, { topic });
    await get(other, 1);
  }
  await client.close();
}
