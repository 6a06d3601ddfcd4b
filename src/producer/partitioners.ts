import { InputError } from '../base/errors.js';
import { checkNames, show } from '../base/options.js';
import { fnv1a } from '../bytes/fnv1a.js';
import { murmur2 } from '../bytes/murmur2.js';
import { putUtf8 } from '../bytes/utf8.js';

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
    numberAt(partitions, (hashed(murmur2, key) & 0x7fffffff) % partitions.length),
  { needsKey: true },
);

/**
 * Same key, same partition, as the Go client `optiopay/kafka` chooses it: the absolute value of the hash as a signed integer, modulo all
 * partitions, but never a negative one. It is not where {@link murmur2Partitioner} sends a key: use one of them on a topic.
 */
export const fnv1aPartitioner: Partitioner = Object.assign(
  ({ key }: PartitionedRecord, partitions: readonly PartitionChoice[]) =>
    numberAt(partitions, Math.abs(hashed(fnv1a, key) | 0) % partitions.length),
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

/**
 * One that sends records without a key to one partition after the other, for as long as it takes to fill a batch, so that batches are fewer
 * and larger; it moves on, to any other with a leader, after `everyBytes` of values, and when the partition has lost its leader. Records
 * with a key go where {@link murmur2Partitioner} sends them. Each topic by itself.
 * @param options.everyBytes Default 65,536, as the producers' `batchBytes`.
 * @throws KafkaError `TIDE_OPTION`.
 * @see KIP-480, KIP-794
 */
export function stickyPartitioner(options: { readonly everyBytes?: number | undefined } = {}): Partitioner {
  checkNames('stickyPartitioner', ['everyBytes'], options);
  const { everyBytes = 65_536 } = options;
  if (!(Number.isSafeInteger(everyBytes) && everyBytes >= 1))
    throw new InputError(`stickyPartitioner: "everyBytes" must be an integer from 1, got ${show(everyBytes)}`, { code: 'TIDE_OPTION' });
  const stuck = new Map<string, { partition: number; bytes: number }>();
  return (record, partitions, topic) => {
    const { key = null, value = null } = record;
    if (key !== null) return murmur2Partitioner(record, partitions, topic);
    let at = stuck.get(topic);
    const led = partitions.some(({ partition, leader }) => partition === at?.partition && leader >= 0);
    if (at === undefined || at.bytes >= everyBytes || !led) {
      const others = partitions.filter(({ partition }) => partition !== at?.partition);
      at = { partition: randomPartitioner(record, others.length > 0 ? others : partitions, topic), bytes: 0 };
      stuck.set(topic, at);
    }
    at.bytes += typeof value === 'string' ? Buffer.byteLength(value) : (value?.length ?? 0);
    return at.partition;
  };
}

/** Where keys are encoded to be hashed. */
const scratch = Buffer.allocUnsafeSlow(384);
const noKey = new Uint8Array(0);

function hashed(hash: (bytes: Uint8Array, length: number) => number, key: Uint8Array | string | null | undefined): number {
  if (typeof key === 'string' && key.length * 3 <= scratch.length) return hash(scratch, putUtf8(scratch, 0, key));
  const bytes = typeof key === 'string' ? Buffer.from(key) : (key ?? noKey);
  return hash(bytes, bytes.length);
}

/** -1, which is no partition, where there is nothing to choose from. */
const numberAt = (partitions: readonly PartitionChoice[], index: number): number => partitions[index]?.partition ?? -1;
