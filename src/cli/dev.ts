import { InputError } from '../base/errors.js';
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
  const options = { brokers, port, topics: Object.fromEntries(topics), autoCreateTopics: true, retentionBytes };
  await using cluster = await EmbeddedCluster.start(options).catch((error: unknown) => {
    throw taken(error) ?? error;
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

/** The port is in use, in words. */
function taken(error: unknown): InputError | undefined {
  if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE' && 'port' in error)) return undefined;
  return new InputError(`port ${error.port} is in use, perhaps by another Kafka; choose another: --port 9192, or --port 0 for any`, {
    cause: error,
  });
}
