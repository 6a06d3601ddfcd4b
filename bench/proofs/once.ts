import { onceUnderKills } from '../../test/chaos/once-under-kills.js';
import { withProxiedCluster } from '../../test/chaos/proxied.js';
import type { ProofContext } from '../prove.js';

export const about =
  '1,000,000 records of an idempotent producer: none lost, none twice, in order, through 10 ends of nodes, 20 moves of leaders, and cut connections';

export async function prove({ seed, say }: ProofContext): Promise<void> {
  for (const version of ['4.1.2', '3.9.2'] as const) {
    say(`Kafka ${version}, three nodes, replication 3, min.insync.replicas 2`);
    const lines = (line: string): void => say(`  ${line}`);
    await withProxiedCluster({ version, nodes: 3 }, lines, cluster =>
      onceUnderKills(cluster, { seed, count: 1_000_000, killCount: 5, stopCount: 5, moveCount: 20, cutCount: 60, say: lines }),
    );
  }
}
