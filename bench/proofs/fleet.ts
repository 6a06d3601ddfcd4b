import { fleetKills } from '../../test/chaos/fleet-kills.js';
import { kafkaSite } from '../../test/interop/site.js';
import { Workload } from '../../test/interop/workload.js';
import { KafkaCluster } from '../../test/kafka/cluster.js';
import type { ProofContext } from '../prove.js';

export const about =
  'handlers in two threads, of which about 30 end, in a program that is killed 5 times, leave out none of 300,000 messages';

export async function prove({ seed, say }: ProofContext): Promise<void> {
  await using kafka = await KafkaCluster.start();
  const options = { partitionCount: 12, deathCount: 33, killCount: 5, visited: true, say };
  await fleetKills(kafkaSite(kafka), new Workload({ count: 300_000, seed }), options);
}
