import { storm } from '../../test/chaos/storm.js';
import { KafkaCluster } from '../../test/kafka/cluster.js';
import type { ProofContext } from '../prove.js';

export const about = 'a program that writes and reads without a break loses nothing while nodes are killed, stopped and frozen, 12 times';

export async function prove({ seed, say }: ProofContext): Promise<void> {
  await using kafka = await KafkaCluster.start({ nodes: 3 });
  await storm(kafka, { seed, blowCount: 12, say });
}
