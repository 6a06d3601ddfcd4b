import { type KafkaClient, SimpleConsumer } from '../../src/index.js';

/** One commit as the coordinator stored it. */
export interface StoredCommit {
  readonly partition: number;
  readonly offset: number;
  /** By the coordinator's clock. */
  readonly at: number;
}

const OFFSETS_TOPIC = '__consumer_offsets';

/**
 * Every commit of a group for a topic, in the order in which they were stored, also those that others have replaced: Kafka keeps them in a
 * topic of its own, and compacts only what is older than its open segment.
 */
export async function commitHistory(client: KafkaClient, groupId: string, topic: string): Promise<readonly StoredCommit[]> {
  const isolation = 'read_uncommitted'; // a transaction that others have open is no end of it
  await using consumer = new SimpleConsumer(client, { topic: OFFSETS_TOPIC, autoOffsetReset: 'earliest', isolation });
  const partitions = Array.from({ length: await client.partitionCount(OFFSETS_TOPIC) }, (_, partition) => partition);
  const ends = await Promise.all(partitions.map(partition => client.offsets.latest(OFFSETS_TOPIC, partition, { isolation })));
  const commits: StoredCommit[] = [];
  while (ends.some((end, partition) => (consumer.position(partition) ?? 0) < end)) {
    for (const { key, value, timestamp } of await consumer.getMessages(10_000, { block: 1, timeoutMs: 1000 })) {
      const place = key === null ? undefined : placeIn(key);
      if (place?.groupId !== groupId || place.topic !== topic || value === null) continue;
      commits.push({ partition: place.partition, offset: Number(value.readBigInt64BE(2)), at: timestamp });
    }
  }
  return commits;
}

/** Keys of the versions 0 and 1 are of offsets; others of what else is known of groups. */
function placeIn(key: Buffer): { readonly groupId: string; readonly topic: string; readonly partition: number } | undefined {
  if (key.readInt16BE(0) > 1) return undefined;
  const groupEnd = 4 + key.readInt16BE(2);
  const topicEnd = groupEnd + 2 + key.readInt16BE(groupEnd);
  return {
    groupId: key.toString('utf8', 4, groupEnd),
    topic: key.toString('utf8', groupEnd + 2, topicEnd),
    partition: key.readInt32BE(topicEnd),
  };
}
