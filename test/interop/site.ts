import type { EmbeddedCluster } from '../../src/embedded/index.js';
import { type KafkaHandle, uniqueName } from '../kafka/handle.js';
import { kcat } from '../support/kcat.js';

/** A record as somebody found it in a topic, without spaces or line ends in key and value. */
export interface Found {
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
}

/** Where a job runs, and how to see what it left there without our own client. */
export interface Site {
  readonly bootstrap: readonly string[];
  createTopic(partitions: number): Promise<string>;
  /** Everything in a topic, each partition in the order of its log. */
  read(topic: string): Promise<readonly Found[]>;
}

/** Real Kafka, read with kcat. */
export const kafkaSite = (kafka: KafkaHandle): Site => ({
  bootstrap: kafka.bootstrap,
  createTopic: partitions => kafka.createTopic({ partitions }),
  read: topic => readWithKcat(kafka.bootstrap, topic),
});

/** The embedded cluster, which tells by itself. */
export const embeddedSite = (cluster: EmbeddedCluster): Site => ({
  bootstrap: cluster.brokers,
  createTopic: async partitions => {
    const name = uniqueName();
    cluster.createTopic(name, partitions);
    return name;
  },
  read: async topic =>
    Array.from({ length: cluster.topics.get(topic) ?? 0 }, (_, partition) =>
      cluster.records(topic, partition).map(({ offset, key, value }) => ({ partition, offset, key: textOf(key), value: textOf(value) })),
    ).flat(),
});

/** UTF-8 as text; null stays null. */
export const textOf = (bytes: Buffer | null): string | null => (bytes === null ? null : bytes.toString());

/** @param args Further arguments of kcat. @throws Error with kcat's words when it could not. */
export async function readWithKcat(
  bootstrap: readonly string[],
  topic: string,
  { args: more = [], timeoutMs = 120_000 }: { readonly args?: readonly string[]; readonly timeoutMs?: number } = {},
): Promise<Found[]> {
  const args = ['-C', '-b', bootstrap.join(','), '-t', topic, '-o', 'beginning', '-e', '-q', '-f', '%p %o %k %s\n', ...more];
  const { code, signal, stdout, stderr } = await kcat(args, { timeoutMs });
  if (code !== 0) throw new Error(`kcat ${args.join(' ')} ended with ${signal ?? `code ${code}`}\n${stderr}`);
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line): Found => {
      const [partition, offset, key, value] = line.split(' ');
      return { partition: Number(partition), offset: Number(offset), key: key ?? null, value: value ?? null };
    });
}
