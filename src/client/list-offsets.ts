import { brokerError } from '../base/broker-errors.js';
import type { KafkaError } from '../base/errors.js';
import type { Bounds } from '../cluster/cluster.js';
import { type ForPartition, type Outcome, scatter } from '../cluster/scatter.js';
import { ListOffsets } from '../protocol/index.js';
import type { ClientCore } from './client.js';

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

/**
 * The offset at each point, in the order asked; undefined where no message is as young as the time asked for.
 * With `read_committed` the end of a log is where its first open transaction begins.
 * @throws KafkaError the first partition's error; nothing is partial here, as a position without an answer is no position.
 */
export async function listOffsets(
  core: ClientCore,
  questions: readonly OffsetQuestion[],
  isolation: Isolation,
  bounds: Bounds = {},
): Promise<readonly (number | undefined)[]> {
  const offsets = new Array<number | undefined>(questions.length);
  await Promise.all(
    oncePerPartition(questions).map(async part => {
      const asked = part.map(({ question }) => question);
      const found = await listOnce(core, asked, isolation, bounds);
      for (const [i, { place }] of part.entries()) offsets[place] = found[i];
    }),
  );
  return offsets;
}

interface Placed {
  readonly question: OffsetQuestion;
  readonly place: number;
}

/** The questions with their places, so divided that no part names a partition twice: brokers refuse requests that do. */
function oncePerPartition(questions: readonly OffsetQuestion[]): readonly (readonly Placed[])[] {
  const parts: Placed[][] = [];
  const asked = new Map<string, number>();
  for (const [place, question] of questions.entries()) {
    const where = `${question.topic}/${question.partition}`;
    const before = asked.get(where) ?? 0;
    asked.set(where, before + 1);
    const part = parts[before];
    if (part === undefined) parts.push([{ question, place }]);
    else part.push({ question, place });
  }
  return parts;
}

async function listOnce(
  core: ClientCore,
  questions: readonly OffsetQuestion[],
  isolation: Isolation,
  bounds: Bounds,
): Promise<readonly (number | undefined)[]> {
  const isolationLevel = isolation === 'read_committed' ? 1 : 0;
  const outcomes = await scatter<OffsetQuestion, number | undefined>(core.cluster, {
    items: questions,
    bounds,
    send: async (brokerId, routed) => {
      const byTopic = new Map<string, { partitionIndex: number; currentLeaderEpoch: number; timestamp: number }[]>();
      for (const { item, partition } of routed) {
        const timestamp = typeof item.at === 'string' ? special[item.at] : item.at.timestampMs;
        const entry = { partitionIndex: item.partition, currentLeaderEpoch: partition.leaderEpoch, timestamp };
        byTopic.set(item.topic, [...(byTopic.get(item.topic) ?? []), entry]);
      }
      const topics = [...byTopic].map(([name, partitions]) => ({ name, partitions }));
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
      return routed.map(({ item }): Outcome<number | undefined> => {
        const where = `${item.topic}/${item.partition}`;
        const entry = found.get(where);
        if (entry?.errorCode === 0) return { ok: true, value: entry.offset < 0 ? undefined : entry.offset };
        return {
          ok: false,
          error: brokerError(entry?.errorCode ?? -1, `list the offsets of ${where}`, {
            context: { topic: item.topic, partition: item.partition },
          }),
        };
      });
    },
  });
  return outcomes.map(outcome => (outcome.ok ? outcome.value : fail(outcome.error)));
}

function fail(error: KafkaError): never {
  throw error;
}
