import type { KafkaClient } from '../../src/index.js';
import { AlterPartitionReassignments, ElectLeaders } from '../../src/protocol.js';
import { poll } from '../kafka/handle.js';

/**
 * Has another replica in sync lead a partition, by Kafka's own means: it becomes the preferred one (AlterPartitionReassignments with the same
 * replicas), and that one is elected.
 * @param choose Picks one of so many.
 * @returns Who led it before, and who does now.
 */
export async function moveLeader(
  client: KafkaClient,
  topic: string,
  choose: (count: number) => number,
): Promise<{ readonly partition: number; readonly from: number; readonly to: number }> {
  const preferred = choose(1_000_000);
  const partition = choose((await client.metadata([topic])).topics.get(topic)?.partitions.length ?? 0);
  let moved: { readonly from: number; readonly to: number } | undefined;
  await poll(`another leader for ${topic}/${partition}`, 60_000, async () => {
    const { brokers, topics } = await client.metadata([topic]);
    const now = topics.get(topic)?.partitions[partition];
    if (now === undefined || now.leader < 0) return false;
    const others = now.isr.filter(id => id !== now.leader && brokers.has(id));
    const to = others[preferred % others.length];
    if (to === undefined) return false;
    const replicas = [to, ...now.replicas.filter(id => id !== to)];
    await client.request(
      AlterPartitionReassignments,
      { topics: [{ name: topic, partitions: [{ partitionIndex: partition, replicas }] }] },
      { to: 'controller' },
    );
    await client.request(ElectLeaders, { topicPartitions: [{ topic, partitions: [partition] }] }, { to: 'controller' });
    const after = (await client.metadata([topic])).topics.get(topic)?.partitions[partition];
    if (after?.leader === to) moved = { from: now.leader, to };
    return moved !== undefined;
  });
  if (moved === undefined) throw new Error(`the leader of ${topic}/${partition} did not move`);
  return { partition, ...moved };
}
