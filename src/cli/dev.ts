import { EmbeddedCluster } from '../embedded/index.js';
import { line } from './print.js';

export interface DevOptions {
  readonly brokers: number;
  readonly port: number;
  readonly topics: readonly (readonly [name: string, partitions: number])[];
}

/** So much of each partition is kept: the cluster is in memory, and may run for days. */
const retentionBytes = 256 * 1024 * 1024;

/** Runs a cluster in this process until it is told to stop. */
export async function dev({ brokers, port, topics }: DevOptions): Promise<number> {
  await using cluster = await EmbeddedCluster.start({
    brokers,
    port,
    topics: Object.fromEntries(topics),
    autoCreateTopics: true,
    retentionBytes,
  });
  line('A Kafka cluster for development, in memory, not for production. Brokers:');
  line();
  for (const broker of cluster.brokers) line(`  ${broker}`);
  line();
  line('Try, in another terminal:');
  line();
  line(`  kcat -b ${cluster.brokers[0]} -L`);
  line(`  npx tidemark tour --brokers ${cluster.brokers[0]}`);
  line();
  line('Ctrl-C stops it.');
  await new Promise<void>(resolve => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
  return 0;
}
