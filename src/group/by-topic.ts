import type { ForPartition } from '../cluster/scatter.js';

/** Partitions as the messages of groups list them. */
export interface TopicPartitions {
  readonly topic: string;
  readonly partitions: readonly number[];
}

/** The partitions topic by topic, each once, topics by name (compared as Java does), partitions by number. */
export function byTopic(list: readonly ForPartition[]): TopicPartitions[] {
  const topics = new Map<string, Set<number>>();
  for (const { topic, partition } of list) {
    const known = topics.get(topic);
    if (known === undefined) topics.set(topic, new Set([partition]));
    else known.add(partition);
  }
  return [...topics]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([topic, partitions]) => ({ topic, partitions: [...partitions].sort((a, b) => a - b) }));
}

/** The partitions one by one, in the order in which they stand. */
export const oneByOne = (topics: readonly TopicPartitions[]): ForPartition[] =>
  topics.flatMap(({ topic, partitions }) => partitions.map(partition => ({ topic, partition })));
