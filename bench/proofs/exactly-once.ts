import { exactlyOnce } from '../../test/chaos/exactly-once.js';
import { Workload } from '../../test/interop/workload.js';
import { KafkaCluster } from '../../test/kafka/cluster.js';
import type { ProofContext } from '../prove.js';

export const about =
  '100,000 records through a program in transactions that is killed 25 times, and frozen and fenced 6 times: each is out exactly once';

export async function prove({ seed, say }: ProofContext): Promise<void> {
  const much = { killCount: 25, zombieCount: 6, brokerKillCount: 5 };
  for (const version of ['4.1.2', '3.9.2'] as const) {
    say(`Kafka ${version}, three nodes`);
    await using kafka = await KafkaCluster.start({ version, nodes: 3 });
    const told = { say: (line: string) => say(`  ${line}`) };
    await exactlyOnce(kafka, new Workload({ count: 100_000, seed }), { ...much, nodes: kafka.nodes, java: true, ...told });
  }
}
