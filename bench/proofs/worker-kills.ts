import { workerKills } from '../../test/chaos/worker-kills.js';
import { kafkaSite } from '../../test/interop/site.js';
import { Workload } from '../../test/interop/workload.js';
import { KafkaCluster } from '../../test/kafka/cluster.js';
import type { ProofContext } from '../prove.js';

export const about = 'a program with automatic commits, killed 10 times at its work, leaves out none of 100,000 messages';

export async function prove({ seed, say }: ProofContext): Promise<void> {
  for (const version of ['4.1.2', '1.1.1'] as const) {
    say(`Kafka ${version}`);
    await using kafka = await KafkaCluster.start({ version });
    await workerKills(kafkaSite(kafka), new Workload({ count: 100_000, seed }), { killCount: 10, say: line => say(`  ${line}`) });
  }
}
