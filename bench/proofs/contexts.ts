import { contextKills } from '../../test/chaos/context-kills.js';
import { seenByTool } from '../../test/interop/resume.js';
import { kafkaSite } from '../../test/interop/site.js';
import { Workload } from '../../test/interop/workload.js';
import { KafkaCluster } from '../../test/kafka/cluster.js';
import type { ProofContext } from '../prove.js';

export const about = '100,000 messages in commit contexts, of which some throw and 10 are killed: each in exactly one that was committed';

export async function prove({ seed, say }: ProofContext): Promise<void> {
  await using kafka = await KafkaCluster.start({ version: '4.1.2' });
  await contextKills(kafkaSite(kafka), new Workload({ count: 100_000, seed }), seenByTool(kafka), { killCount: 10, say });
}
