import { EmbeddedCluster } from '../../src/embedded/index.js';
import { resume, seenByTool } from '../../test/interop/resume.js';
import { embeddedSite, kafkaSite } from '../../test/interop/site.js';
import { Workload } from '../../test/interop/workload.js';
import { KafkaCluster } from '../../test/kafka/cluster.js';
import type { ProofContext } from '../prove.js';

export const about = '50,000 of 100,000 messages read and committed: the next start goes on at exactly the committed offsets';

export async function prove({ seed, say }: ProofContext): Promise<void> {
  const workload = new Workload({ count: 100_000, seed });
  for (const version of ['4.1.2', '4.3.1', '3.9.2', '2.8.2', '1.1.1'] as const) {
    say(`Kafka ${version}`);
    await using kafka = await KafkaCluster.start({ version });
    await resume(kafkaSite(kafka), workload, { say: line => say(`  ${line}`), seen: seenByTool(kafka) });
  }
  say('embedded cluster');
  await using cluster = await EmbeddedCluster.start({ brokers: 3 });
  const seen = async (groupId: string): Promise<ReadonlyMap<number, number>> =>
    new Map([...cluster.committed(groupId)].map(([name, { offset }]) => [Number(name.slice(name.lastIndexOf('/') + 1)), offset]));
  await resume(embeddedSite(cluster), workload, { say: line => say(`  ${line}`), seen });
}
