import type { KafkaClient } from '../../src/index.js';
import { poll } from '../kafka/handle.js';

/** Waits until every partition of `topic` has `replicas` replicas in sync. */
export async function untilInSync(client: KafkaClient, topic: string, replicas: number): Promise<void> {
  await poll(`all replicas of ${topic} in sync`, 60_000, async () => {
    const partitions = (await client.metadata([topic])).topics.get(topic)?.partitions ?? [];
    return partitions.length > 0 && partitions.every(({ isr }) => isr.length === replicas);
  });
}
