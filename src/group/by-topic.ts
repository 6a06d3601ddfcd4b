import { type ForPartition, placeText } from '../cluster/scatter.js';

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

/** The partitions one by one, each once, in the order in which they first stand. */
export function oneByOne(topics: readonly TopicPartitions[]): ForPartition[] {
  const places = new Map<string, ForPartition>();
  for (const { topic, partitions } of topics)
    for (const partition of partitions) {
      const place = { topic, partition };
      const text = placeText(place);
      if (!places.has(text)) places.set(text, place);
    }
  return [...places.values()];
}
