import { groupChain } from '../../test/chaos/group-chain.js';
import { Workload } from '../../test/interop/workload.js';
import { KafkaCluster } from '../../test/kafka/cluster.js';
import type { ProofContext } from '../prove.js';

export const about =
  '500,000 records through groups whose members join, leave, are killed and stand still 40 times, while brokers fail: none left out, none committed that is not done';

const kinds = [
  { protocol: 'classic', assignor: 'range' },
  { protocol: 'classic', assignor: 'cooperative-sticky' },
  { protocol: 'classic', assignor: 'sticky' },
  { protocol: 'consumer' },
] as const;

export async function prove({ seed, say }: ProofContext): Promise<void> {
  for (const [i, kind] of kinds.entries()) {
    say(`Kafka 4.1.2, three nodes, 12 partitions, ${Object.values(kind).join(' protocol, ')}`);
    await using kafka = await KafkaCluster.start({ nodes: 3 });
    await groupChain(kafka, new Workload({ count: 500_000, seed: seed + i }), {
      ...{ ...kind, partitionCount: 12, eventCount: 40, sessionTimeoutMs: 3000, perMs: 5, aheadCount: 20_000 },
      brokers: { nodes: kafka.nodes, killCount: 2 },
      say: line => say(`  ${line}`),
    });
  }
}
