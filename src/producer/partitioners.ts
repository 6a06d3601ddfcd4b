import { murmur2 } from '../bytes/murmur2.js';

/** What a partitioner sees of a record: all that the caller gave. */
export interface PartitionedRecord {
  readonly key?: Uint8Array | string | null | undefined;
  readonly value?: Uint8Array | string | null | undefined;
  readonly timestamp?: number | undefined;
}

/** A partition to choose from. */
export interface PartitionChoice {
  readonly partition: number;
  /** The broker that leads it; -1 while there is none: what is sent there waits. */
  readonly leader: number;
}

/**
 * Chooses the partition of a record. `partitions` are all of the topic's, by number, ascending, and at least one; the answer is the number
 * of one of them.
 */
export interface Partitioner {
  (record: PartitionedRecord, partitions: readonly PartitionChoice[], topic: string): number;
  /** True when it hashes keys: a record without a key is then an error at the call. */
  readonly needsKey?: boolean | undefined;
}

/** Same key, same partition, as Java's clients choose it: `(murmur2(key) & 0x7fffffff) % partitions`, whether they have a leader or not. */
export const murmur2Partitioner: Partitioner = Object.assign(
  ({ key }: PartitionedRecord, partitions: readonly PartitionChoice[]) =>
    numberAt(partitions, (murmur2(typeof key === 'string' ? Buffer.from(key) : (key ?? noKey)) & 0x7fffffff) % partitions.length),
  { needsKey: true },
);

/** One that goes through the partitions in turn, each topic by itself, and skips those without a leader while others have one. */
export function roundRobinPartitioner({ randomStart = false }: { readonly randomStart?: boolean | undefined } = {}): Partitioner {
  const turns = new Map<string, number>();
  return (_record, partitions, topic) => {
    const count = partitions.length;
    const turn = turns.get(topic) ?? (randomStart ? Math.floor(Math.random() * count) : 0);
    let index = turn % count;
    for (let step = 0; step < count; step++) {
      const candidate = (turn + step) % count;
      if ((partitions[candidate]?.leader ?? -1) < 0) continue;
      index = candidate;
      break;
    }
    turns.set(topic, index + 1);
    return numberAt(partitions, index);
  };
}

/** Any partition, among those with a leader while there are some. */
export const randomPartitioner: Partitioner = (_record, partitions) => {
  const led = partitions.filter(({ leader }) => leader >= 0);
  const choices = led.length > 0 ? led : partitions;
  return numberAt(choices, Math.floor(Math.random() * choices.length));
};

const noKey = new Uint8Array(0);

/** -1, which is no partition, where there is nothing to choose from. */
const numberAt = (partitions: readonly PartitionChoice[], index: number): number => partitions[index]?.partition ?? -1;
