import { brokerError, errorNumbers } from '../base/broker-errors.js';
import { asKafkaError, KafkaError } from '../base/errors.js';
import { backoffMs } from '../base/retry.js';
import { type Bounds, type Cluster, remedyOf } from './cluster.js';
import type { PartitionInfo, TopicInfo } from './metadata.js';

/** Something for one partition, to be sent to whoever leads it. */
export interface ForPartition {
  readonly topic: string;
  readonly partition: number;
}

/** How a partition is called, in messages and where one is looked up. */
export const placeText = ({ topic, partition }: ForPartition): string => `${topic}/${partition}`;

/** An item with the leader it goes to. */
export interface Routed<Item> {
  readonly item: Item;
  readonly topic: TopicInfo;
  readonly partition: PartitionInfo;
}

/** What became of one item of a list: its result, or why there is none. */
export type Outcome<Result> = { readonly ok: true; readonly value: Result } | { readonly ok: false; readonly error: KafkaError };

export interface Scatter<Item extends ForPartition, Result> {
  readonly items: readonly Item[];
  /** Sends the items of one leader in one request; one outcome each, in their order. A throw is the outcome of all of them. */
  send(brokerId: number, items: readonly Routed<Item>[]): Promise<readonly Outcome<Result>[]>;
  /** Whether a failed item may be sent again. Default: whatever is marked retriable. */
  mayRepeat?(error: KafkaError): boolean;
  readonly bounds?: Bounds | undefined;
}

/**
 * Sends each item to the leader of its partition, leaders in parallel, and gives the outcomes in the order of `items`. What failed because
 * the leader moved is sent again after a refresh; partitions do not wait for each other's brokers. Never rejects but for an abort or close.
 */
export async function scatter<Item extends ForPartition, Result>(
  cluster: Cluster,
  { items, send, mayRepeat = error => error.retriable, bounds = {} }: Scatter<Item, Result>,
): Promise<readonly Outcome<Result>[]> {
  const policy = bounds.policy ?? cluster.settings.retry;
  const outcomes = new Array<Outcome<Result>>(items.length);
  let left = items.map((item, index) => ({ item, index }));
  for (let attempt = 1; ; attempt++) {
    bounds.signal?.throwIfAborted();
    const round = await route(cluster, left, bounds.signal);
    for (const { index, error } of round.lost) outcomes[index] = { ok: false, error };
    await Promise.all(
      [...round.byLeader].map(async ([brokerId, routed]) => {
        const answers = await send(brokerId, routed).catch((error: unknown) => {
          if (!(error instanceof KafkaError) || error.code === 'TIDE_CLOSED') throw error;
          return routed.map((): Outcome<Result> => ({ ok: false, error }));
        });
        for (const [i, { index, topic }] of routed.entries()) {
          const outcome = answers[i] ?? { ok: false, error: missing(routed[i]?.item) };
          outcomes[index] = outcome;
          // A broker that cannot be reached may have lost its partitions to another.
          if (!outcome.ok && (remedyOf(outcome.error) === 'refresh-metadata' || outcome.error.code === 'TIDE_CONNECTION'))
            cluster.outdated(topic);
        }
      }),
    );
    left = left.filter(({ index }) => {
      const outcome = outcomes[index];
      return outcome !== undefined && !outcome.ok && mayRepeat(outcome.error);
    });
    const pauseMs = backoffMs(policy, attempt);
    if (left.length === 0 || attempt >= policy.attempts || (bounds.deadline !== undefined && bounds.deadline.remainingMs() <= pauseMs))
      return outcomes;
    bounds.signal?.throwIfAborted(); // with an error of ours, perhaps, that is none of a broker's
    for (const error of new Set(left.map(({ index }) => errorOf(outcomes[index]))))
      if (error !== undefined) cluster.passing(error, pauseMs);
    await cluster.pause(pauseMs, bounds.signal);
  }
}

const errorOf = (outcome: Outcome<unknown> | undefined): KafkaError | undefined =>
  outcome === undefined || outcome.ok ? undefined : outcome.error;

interface Indexed<Item> {
  readonly item: Item;
  readonly index: number;
}

async function route<Item extends ForPartition>(
  cluster: Cluster,
  items: readonly Indexed<Item>[],
  signal: AbortSignal | undefined,
): Promise<{ byLeader: Map<number, (Routed<Item> & Indexed<Item>)[]>; lost: { index: number; error: KafkaError }[] }> {
  const byLeader = new Map<number, (Routed<Item> & Indexed<Item>)[]>();
  const lost: { index: number; error: KafkaError }[] = [];
  let metadata: Awaited<ReturnType<Cluster['topics']>>;
  try {
    metadata = await cluster.topics(new Set(items.map(({ item }) => item.topic)), signal);
  } catch (error) {
    if (!(error instanceof KafkaError) || error.code === 'TIDE_CLOSED') throw error;
    return { byLeader, lost: items.map(({ index }) => ({ index, error })) };
  }
  for (const { item, index } of items) {
    try {
      const topic = metadata.topics.get(item.topic);
      const partition = leaderIn(topic, item);
      if (topic === undefined) continue;
      const routed = byLeader.get(partition.leader);
      const entry = { item, index, topic, partition };
      if (routed === undefined) byLeader.set(partition.leader, [entry]);
      else routed.push(entry);
    } catch (error) {
      const topic = metadata.topics.get(item.topic);
      if (topic !== undefined) cluster.outdated(topic);
      lost.push({
        index,
        error: asKafkaError(error),
      });
    }
  }
  return { byLeader, lost };
}

/**
 * The partition as it can be sent to now.
 * @throws KafkaError `UNKNOWN_TOPIC_OR_PARTITION` or `LEADER_NOT_AVAILABLE`, or the topic's own error; all of them may pass.
 */
export function leaderIn(topic: TopicInfo | undefined, { topic: name, partition: id }: ForPartition): PartitionInfo {
  if (topic === undefined) throw brokerError(errorNumbers.UNKNOWN_TOPIC_OR_PARTITION, `topic ${name}`);
  if (topic.errorCode !== 0) throw brokerError(topic.errorCode, `topic ${name}`);
  const partition = topic.partitions.find(found => found.partition === id);
  if (partition === undefined) {
    const count = topic.partitions.length;
    throw brokerError(errorNumbers.UNKNOWN_TOPIC_OR_PARTITION, `${name}/${id}`, {
      message: `the topic has ${count} partitions, 0 to ${count - 1}`,
      context: { topic: name, partition: id, partitionCount: count },
    });
  }
  if (partition.leader < 0) throw brokerError(errorNumbers.LEADER_NOT_AVAILABLE, `${name}/${id}`);
  return partition;
}

const missing = (item: ForPartition | undefined): KafkaError =>
  brokerError(-1, `${item?.topic}/${item?.partition}: the broker's answer leaves the partition out`);
