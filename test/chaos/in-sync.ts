import type { KafkaClient } from '../../src/index.js';
import { poll } from '../kafka/handle.js';

/** Waits until every partition of `topic` has `replicas` replicas in sync. */
export async function untilInSync(client: KafkaClient, topic: string, replicas: number): Promise<void> {
  await poll(`all replicas of ${topic} in sync`, 60_000, async () => {
    const partitions = (await client.metadata([topic])).topics.get(topic)?.partitions ?? [];
    return partitions.length > 0 && partitions.every(({ isr }) => isr.length === replicas);
  });
}

/**
 * Waits until readers may see each partition up to its end in `ends`: a new leader learns only from its followers how far that is, and ends
 * its partition before it until then.
 */
export async function untilVisible(client: KafkaClient, topic: string, ends: ReadonlyMap<number, number>): Promise<void> {
  for (const [partition, end] of ends)
    await poll(`offset ${end} of ${topic}/${partition}`, 30_000, async () => (await client.offsets.latest(topic, partition)) >= end);
}
