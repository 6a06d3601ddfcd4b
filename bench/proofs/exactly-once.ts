import { exactlyOnce } from '../../test/chaos/exactly-once.js';
import { withProxiedCluster } from '../../test/chaos/proxied.js';
import { Workload } from '../../test/interop/workload.js';
import type { ProofContext } from '../prove.js';

export const about =
  '100,000 records through a program in transactions that is killed 25 times, frozen and fenced 6 times, while brokers fail and connections are cut: each is out exactly once';

export async function prove({ seed, say }: ProofContext): Promise<void> {
  const much = { killCount: 25, zombieCount: 6, outageCount: 10, java: true };
  for (const version of ['4.1.2', '3.9.2'] as const) {
    say(`Kafka ${version}, three nodes`);
    const told = (line: string): void => say(`  ${line}`);
    await withProxiedCluster({ version, nodes: 3 }, told, cluster =>
      exactlyOnce(cluster.kafka, new Workload({ count: 100_000, seed }), {
        ...much,
        nodes: cluster.kafka.nodes,
        behind: cluster,
        say: told,
      }),
    );
  }
}
