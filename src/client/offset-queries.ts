import { integer, oneOf, resolve, signalRules } from '../base/options.js';
import type { ClientCore } from './client.js';
import { checkPartition, checkTime, checkTopic } from './inputs.js';
import { type Isolation, listOffsets, type OffsetSpec } from './list-offsets.js';

export const queryRules = {
  /** With `'read_committed'` a log ends where its first open transaction begins. Kafka: isolation.level. */
  isolation: oneOf<Isolation>('read_committed', ['read_committed', 'read_uncommitted']),
};

/** How offsets are looked for. */
export interface OffsetQueryOptions {
  /** With `'read_committed'`, the default, a log ends where its first open transaction begins. Kafka: isolation.level. */
  readonly isolation?: Isolation | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Where the logs of partitions begin and end, and where a time is in them. The leader of the partition is asked each time, and the next one
 * when it has moved. Each of these throws Kafka's own error for a partition that is not there, `TIDE_INPUT` for what can be none, and what
 * any request throws.
 */
export interface OffsetQueries {
  /** The first offset that is still in the log. */
  earliest(topic: string, partition: number, options?: OffsetQueryOptions): Promise<number>;
  /** The offset behind the last message: that of the next one to be written, or of the first transaction that is open. */
  latest(topic: string, partition: number, options?: OffsetQueryOptions): Promise<number>;
  /** The offset of the first message with this timestamp (ms since 1970) or a later one; undefined when there is none. */
  atTime(topic: string, partition: number, timestampMs: number, options?: OffsetQueryOptions): Promise<number | undefined>;
  /**
   * The last offset before the first message with this timestamp (ms since 1970) or a later one; undefined when the log holds nothing before it.
   * Kafka does not answer this any more, so it is computed: one less than {@link atTime}, or than {@link latest} where no message is so young.
   * Every message up to it is older. Older ones may follow too, where timestamps do not ascend, and the offset itself may be that of no
   * message: compaction and transactions leave gaps.
   */
  beforeTime(topic: string, partition: number, timestampMs: number, options?: OffsetQueryOptions): Promise<number | undefined>;
  /**
   * Offsets where reading can begin, the highest first: {@link latest}, then {@link earliest} unless it is the same. Where segments begin,
   * which Kafka told once, no broker from 4.0 on tells.
   * @param options.maxCount How many at most. Default 2.
   */
  list(
    topic: string,
    partition: number,
    options?: OffsetQueryOptions & { readonly maxCount?: number | undefined },
  ): Promise<readonly number[]>;
}

const askingRules = { ...queryRules, ...signalRules };
const listRules = {
  ...askingRules,
  /** How many offsets at most. */
  maxCount: integer(2, 1),
};

/** A log has a beginning and an end, whatever else it has. */
type Found<Points extends readonly OffsetSpec[]> = {
  readonly [I in keyof Points]: Points[I] extends string ? number : number | undefined;
};

/** The queries of one client. */
export function offsetQueries(core: ClientCore): OffsetQueries {
  const asking = (what: string, topic: string, partition: number, options: OffsetQueryOptions | undefined) => {
    checkTopic(topic, what);
    checkPartition(partition, what);
    const { isolation, signal } = resolve(what, askingRules, options);
    return <const Points extends readonly OffsetSpec[]>(...points: Points) => {
      const questions = points.map(at => ({ topic, partition, at }));
      return listOffsets(core, questions, isolation, { signal }) as Promise<Found<Points>>;
    };
  };
  return Object.freeze({
    async earliest(topic, partition, options) {
      const [earliest] = await asking('offsets.earliest', topic, partition, options)('earliest');
      return earliest;
    },
    async latest(topic, partition, options) {
      const [latest] = await asking('offsets.latest', topic, partition, options)('latest');
      return latest;
    },
    async atTime(topic, partition, timestampMs, options) {
      const ask = asking('offsets.atTime', topic, partition, options);
      checkTime(timestampMs, 'offsets.atTime');
      const [offset] = await ask({ timestampMs });
      return offset;
    },
    async beforeTime(topic, partition, timestampMs, options) {
      const ask = asking('offsets.beforeTime', topic, partition, options);
      checkTime(timestampMs, 'offsets.beforeTime');
      // The ends first: what is appended meanwhile may be as young as that, and must not count as older for lying below the end.
      const [latest, earliest] = await ask('latest', 'earliest');
      const [first = latest] = await ask({ timestampMs });
      const before = first - 1;
      return before < earliest ? undefined : before;
    },
    async list(topic, partition, options) {
      const { maxCount, ...rest } = resolve('offsets.list', listRules, options);
      const ends = await asking('offsets.list', topic, partition, rest)('latest', 'earliest');
      return [...new Set(ends)].slice(0, maxCount);
    },
  } satisfies OffsetQueries);
}
