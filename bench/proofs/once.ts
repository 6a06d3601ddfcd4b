import { onceUnderKills } from '../../test/chaos/once-under-kills.js';
import { withProxiedCluster } from '../../test/chaos/proxied.js';
import type { ProofContext } from '../prove.js';

export const about =
  '1,000,000 records of an idempotent producer: none lost, none twice, in order, through 10 ends of nodes, 20 moves of leaders, and cut connections';

const much = { count: 1_000_000, killCount: 5, stopCount: 5, moveCount: 20, cutCount: 60 };
/** Nodes that are frozen answer nothing, and know nothing of it: with little time for each record many end in doubt. */
const hasty = { count: 300_000, killCount: 3, stopCount: 1, freezeCount: 4, moveCount: 10, cutCount: 30, deliveryTimeoutMs: 3000 };

export async function prove({ seed, say }: ProofContext): Promise<void> {
  for (const [version, upheaval] of [
    ['4.1.2', much],
    ['3.9.2', much],
    ['4.1.2', hasty],
  ] as const) {
    say(`Kafka ${version}, three nodes, replication 3, min.insync.replicas 2${upheaval === hasty ? ', 3 s for each record' : ''}`);
    const told = (line: string): void => say(`  ${line}`);
    await withProxiedCluster({ version, nodes: 3 }, told, cluster => onceUnderKills(cluster, { seed, ...upheaval, say: told }));
  }
}
