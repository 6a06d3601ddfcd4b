import { brokerError } from '../base/broker-errors.js';
import { ProtocolError } from '../base/errors.js';
import type { Bounds } from '../cluster/cluster.js';
import { type ForPartition, type Outcome, type Routed, scatter } from '../cluster/scatter.js';
import { ListOffsets } from '../protocol/index.js';
import type { ClientCore } from './client.js';
import { byTopic, inRounds } from './rounds.js';

/** A point in a log: an offset, or the first message at or after a time. */
export type OffsetSpec = 'earliest' | 'latest' | { readonly timestampMs: number };

export type Isolation = 'read_committed' | 'read_uncommitted';

/** How long a broker may look into tiered storage (version 10). */
const remoteTimeoutMs = 30_000;

/** ListOffsets' special timestamps. */
const special = { latest: -1, earliest: -2 } as const;

/** Which point is looked for in one partition. */
export interface OffsetQuestion extends ForPartition {
  readonly at: OffsetSpec;
}

/** A point that was found. */
export interface FoundOffset {
  readonly offset: number;
  /** Of the message there, in ms since 1970, where a time was asked for; else -1. */
  readonly timestamp: number;
}

/**
 * The offset at each point, in the order asked; undefined where no message is as young as the time asked for.
 * With `read_committed` the end of a log is where its first open transaction begins.
 * @throws KafkaError the first partition's error; nothing is partial here, as a position without an answer is no position. `TIDE_PROTOCOL` for a
 * log without a beginning or an end: nobody is sent to offset 0 for it.
 */
export async function listOffsets(
  core: ClientCore,
  questions: readonly OffsetQuestion[],
  isolation: Isolation,
  bounds: Bounds = {},
): Promise<readonly (number | undefined)[]> {
  const outcomes = await findOffsets(core, questions, isolation, bounds);
  return outcomes.map(outcome => {
    if (!outcome.ok) throw outcome.error;
    return outcome.value?.offset;
  });
}

/** As {@link listOffsets}, an outcome for each. */
export function findOffsets(
  core: ClientCore,
  questions: readonly OffsetQuestion[],
  isolation: Isolation,
  bounds: Bounds = {},
): Promise<readonly Outcome<FoundOffset | undefined>[]> {
  return inRounds(questions, 'together', items =>
    scatter<OffsetQuestion, FoundOffset | undefined>(core.cluster, {
      items,
      bounds,
      send: (brokerId, routed) => ask(core, brokerId, routed, isolation, bounds),
    }),
  );
}

async function ask(
  core: ClientCore,
  brokerId: number,
  routed: readonly Routed<OffsetQuestion>[],
  isolation: Isolation,
  bounds: Bounds,
): Promise<readonly Outcome<FoundOffset | undefined>[]> {
  const isolationLevel = isolation === 'read_committed' ? 1 : 0;
  const placed = routed.map(({ item, partition }) => ({ ...item, epoch: partition.leaderEpoch }));
  const topics = [...byTopic(placed)].map(([name, entries]) => ({
    name,
    partitions: entries.map(({ partition, epoch, at }) => ({
      partitionIndex: partition,
      currentLeaderEpoch: epoch,
      timestamp: typeof at === 'string' ? special[at] : at.timestampMs,
    })),
  }));
  const answer = await core.cluster.toBroker(
    brokerId,
    ListOffsets,
    // Before version 2 there were no transactions to look at.
    version => ({ replicaId: -1, isolationLevel: version >= 2 ? isolationLevel : 0, topics, timeoutMs: remoteTimeoutMs }),
    { signal: bounds.signal },
  );
  const found = new Map(
    answer.topics.flatMap(({ name, partitions }) => partitions.map(entry => [`${name}/${entry.partitionIndex}`, entry])),
  );
  return routed.map(({ item: { topic, partition, at } }): Outcome<FoundOffset | undefined> => {
    const entry = found.get(`${topic}/${partition}`);
    if (entry?.errorCode === 0) {
      const { offset, timestamp } = entry;
      if (offset >= 0) return { ok: true, value: { offset, timestamp } };
      if (typeof at !== 'string') return { ok: true, value: undefined };
      const what = `the leader of ${topic}/${partition} says that its log has no ${at} offset`;
      return { ok: false, error: new ProtocolError(what, { retriable: true, context: { topic, partition } }) };
    }
    const error = brokerError(entry?.errorCode ?? -1, `list the offsets of ${topic}/${partition}`, { context: { topic, partition } });
    return { ok: false, error };
  });
}
