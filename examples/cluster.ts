import { EmbeddedCluster, type EmbeddedClusterOptions } from 'tidemark/embedded';

/** The brokers named in KAFKA_BROKERS; without it, those of a cluster of this example's own. */
export async function brokersFor(options: EmbeddedClusterOptions): Promise<{ brokers: string | readonly string[] } & AsyncDisposable> {
  const brokers = process.env['KAFKA_BROKERS'];
  if (brokers !== undefined) return { brokers, [Symbol.asyncDispose]: async () => {} };
  return EmbeddedCluster.start(options);
}
