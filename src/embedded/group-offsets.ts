/** What a group stored for a partition. */
export interface CommittedOffset {
  readonly offset: number;
  /** The text stored with it; Kafka makes an empty one of none. */
  readonly metadata: string;
  /** The epoch of the last record that was read, -1 when the client did not say. */
  readonly leaderEpoch: number;
}

/** The offsets that groups have stored. */
export class GroupOffsets {
  readonly #groups = new Map<string, Map<string, Map<number, CommittedOffset>>>();

  commit(group: string, topic: string, partition: number, committed: CommittedOffset): void {
    const topics = entry(this.#groups, group, () => new Map<string, Map<number, CommittedOffset>>());
    entry(topics, topic, () => new Map<number, CommittedOffset>()).set(partition, committed);
  }

  /** Undefined when the group has stored nothing there. */
  fetch(group: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#groups.get(group)?.get(topic)?.get(partition);
  }

  /** Everything a group has stored, by topic and partition. */
  all(group: string): ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>> {
    return this.#groups.get(group) ?? new Map();
  }

  /** Forgets what every group stored for a topic. */
  forgetTopic(topic: string): void {
    for (const topics of this.#groups.values()) topics.delete(topic);
  }

  clear(): void {
    this.#groups.clear();
  }
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
