/** What a group stored for a partition. */
export interface CommittedOffset {
  readonly offset: number;
  /** The text stored with it; Kafka makes an empty one of none. */
  readonly metadata: string;
  /** The epoch of the last record that was read, -1 when the client did not say. */
  readonly leaderEpoch: number;
}

/** An offset with its place among all commits. */
interface Entry {
  readonly committed: CommittedOffset;
  readonly order: number;
}

/** Offsets by topic and partition. */
type Offsets = Map<string, Map<number, Entry>>;

interface Group {
  readonly stored: Offsets;
  /** What transactions that are open are to store, by producer id. */
  readonly pending: Map<number, Offsets>;
}

/** The offsets that groups have stored, and those that wait for the end of a transaction. */
export class GroupOffsets {
  readonly #groups = new Map<string, Group>();
  #commits = 0;

  /** Whether anybody has ever committed here: such a group is there, though it may have stored nothing yet. */
  knows(group: string): boolean {
    return this.#groups.has(group);
  }

  /** Every group that is known. */
  groups(): string[] {
    return [...this.#groups.keys()];
  }

  /** Makes a group known. */
  open(group: string): void {
    this.#open(group);
  }

  commit(group: string, topic: string, partition: number, committed: CommittedOffset): void {
    put(this.#open(group).stored, topic, partition, { committed, order: this.#commits++ });
  }

  /** Stores an offset once the producer's transaction is committed. */
  commitLater(group: string, producerId: number, topic: string, partition: number, committed: CommittedOffset): void {
    const offsets = entry(this.#open(group).pending, producerId, (): Offsets => new Map());
    put(offsets, topic, partition, { committed, order: this.#commits++ });
  }

  /** Whether a transaction that is open is to store an offset there. */
  isPending(group: string, topic: string, partition: number): boolean {
    for (const offsets of this.#groups.get(group)?.pending.values() ?? []) if (offsets.get(topic)?.has(partition)) return true;
    return false;
  }

  /** Ends a transaction. What was committed there since then without one stays. */
  end(group: string, producerId: number, outcome: 'commit' | 'abort'): void {
    const known = this.#groups.get(group);
    const offsets = known?.pending.get(producerId);
    known?.pending.delete(producerId);
    if (known === undefined || offsets === undefined || outcome === 'abort') return;
    for (const [topic, partitions] of offsets) {
      for (const [partition, later] of partitions) {
        const present = known.stored.get(topic)?.get(partition);
        if (present === undefined || present.order < later.order) put(known.stored, topic, partition, later);
      }
    }
  }

  /** Undefined when the group has stored nothing there. */
  fetch(group: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#groups.get(group)?.stored.get(topic)?.get(partition)?.committed;
  }

  /** Everything a group has stored, by topic and partition. */
  all(group: string): ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>> {
    const all = new Map<string, Map<number, CommittedOffset>>();
    for (const [topic, partitions] of this.#groups.get(group)?.stored ?? []) {
      all.set(topic, new Map([...partitions].map(([partition, { committed }]) => [partition, committed])));
    }
    return all;
  }

  /** Forgets what a group stored for a partition, and what a transaction is to store there. */
  forget(group: string, topic: string, partition: number): void {
    const known = this.#groups.get(group);
    for (const offsets of known ? [known.stored, ...known.pending.values()] : []) {
      const partitions = offsets.get(topic);
      partitions?.delete(partition);
      if (partitions?.size === 0) offsets.delete(topic);
    }
  }

  /** Forgets a group. */
  delete(group: string): void {
    this.#groups.delete(group);
  }

  /** Forgets what every group stored for a topic. */
  forgetTopic(topic: string): void {
    for (const { stored, pending } of this.#groups.values()) for (const offsets of [stored, ...pending.values()]) offsets.delete(topic);
  }

  clear(): void {
    this.#groups.clear();
  }

  #open(group: string): Group {
    return entry(this.#groups, group, (): Group => ({ stored: new Map(), pending: new Map() }));
  }
}

function put(offsets: Offsets, topic: string, partition: number, value: Entry): void {
  entry(offsets, topic, () => new Map<number, Entry>()).set(partition, value);
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
