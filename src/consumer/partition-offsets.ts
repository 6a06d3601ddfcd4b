import { InputError } from '../base/errors.js';
import { show } from '../base/options.js';
import type { Partition } from './partition.js';
import type { PlaceToRead } from './subscription.js';

/** Where a partition that is read stands; undefined: not known yet. */
export interface PartitionOffsets {
  readonly topic: string;
  readonly partition: number;
  /** The next offset to hand out. */
  readonly position: number | undefined;
  /** The offset below which everything is done. */
  readonly done: number | undefined;
  /** What Kafka is known to have stored for the group. */
  readonly committed: number | undefined;
  /** The end of the log, as the last fetch told it. */
  readonly highWatermark: number | undefined;
  /** How many offsets lie between position and the end of the log. */
  readonly lag: number | undefined;
}

/** Which of these numbers, by the name it has there, or had in kafka-python. */
export type OffsetsName = 'position' | 'done' | 'committed' | 'highWatermark' | 'fetch' | 'task_done' | 'commit' | 'highwater';

const fields: Readonly<Record<OffsetsName, 'position' | 'done' | 'committed' | 'highWatermark'>> = {
  ...{ position: 'position', done: 'done', committed: 'committed', highWatermark: 'highWatermark' },
  ...{ fetch: 'position', task_done: 'done', commit: 'committed', highwater: 'highWatermark' },
};

/** Where these partitions stand. */
export const offsetsOf = (partitions: readonly Partition[]): readonly PartitionOffsets[] =>
  partitions.map(({ topic, partition, placed, position, done, committed, highWatermark }) => ({
    ...{ topic, partition, committed },
    position: placed ? position : undefined,
    done: placed ? done : undefined,
    highWatermark: highWatermark < 0 ? undefined : highWatermark,
    lag: placed && highWatermark >= 0 ? Math.max(0, highWatermark - position) : undefined,
  }));

/** One of the numbers of each partition. @throws KafkaError `TIDE_INPUT` for a name that is none. */
export function offsetsNamed(name: OffsetsName, partitions: readonly Partition[]): readonly PlaceToRead[] {
  if (!Object.hasOwn(fields, name))
    throw new InputError(`offsets(): expected one of ${Object.keys(fields).join(', ')}, or nothing, got ${show(name)}`);
  return offsetsOf(partitions).map(({ topic, partition, ...offsets }) => ({ topic, partition, offset: offsets[fields[name]] }));
}
