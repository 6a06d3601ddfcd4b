import { EmbeddedCluster } from '../../src/embedded/index.js';
import { mainJobUnderKills } from '../../test/chaos/leader-kills.js';
import { mainJob } from '../../test/interop/main-job.js';
import { embeddedSite, kafkaSite } from '../../test/interop/site.js';
import { Workload } from '../../test/interop/workload.js';
import { KafkaCluster } from '../../test/kafka/cluster.js';
import type { ProofContext } from '../prove.js';

export const about =
  '200,000 keyed messages with acks all arrive whole, once and in order; none acknowledged is lost when leaders are killed';

export async function prove({ seed, say }: ProofContext): Promise<void> {
  const workload = new Workload({ count: 200_000, seed });
  {
    say('Kafka 4.1.2, three nodes, replication 3, two leaders of two partitions or more killed while reading, one while sending');
    await using kafka = await KafkaCluster.start({ nodes: 3 });
    await mainJobUnderKills(kafka, workload, { say: line => say(`  ${line}`) });
  }
  for (const version of ['4.1.2', '3.9.2', '4.3.1', '2.8.2', '1.1.1'] as const) {
    say(`Kafka ${version}, one node`);
    await using kafka = await KafkaCluster.start({ version });
    await mainJob(kafkaSite(kafka), workload, { say: line => say(`  ${line}`) });
  }
  say('embedded cluster, three brokers');
  await using cluster = await EmbeddedCluster.start({ brokers: 3 });
  await mainJob(embeddedSite(cluster), workload, { say: line => say(`  ${line}`) });
}
