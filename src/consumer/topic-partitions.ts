import { brokerError, errorNumbers } from '../base/broker-errors.js';
import { sleep } from '../base/clock.js';
import { asKafkaError, StateError } from '../base/errors.js';
import type { ClientCore } from '../client/client.js';
import { checkPartition } from '../client/inputs.js';
import { missingTopic } from '../client/missing-topic.js';
import type { Bounds } from '../cluster/cluster.js';
import type { TopicInfo } from '../cluster/metadata.js';
import type { ForPartition } from '../cluster/scatter.js';
import type { CommitTarget } from './committer.js';
import type { ConsumerCore } from './core.js';
import type { Misplacement } from './misplacement.js';
import type { Partition } from './partition.js';
import type { PartitionSource, SourceKit } from './partition-source.js';
import { Placement } from './placement.js';
import type { Placing } from './placing.js';
import type { Place } from './session.js';
import type { simpleConsumerOptions } from './simple-consumer-options.js';
import { standaloneTarget } from './standalone-target.js';

export interface TopicPartitionsSettings extends SourceKit {
  readonly options: ReturnType<typeof simpleConsumerOptions>;
}

/** The partitions of one topic that are read, all or some: finds them, puts them where reading begins, and follows what becomes of the topic. */
export class TopicPartitions implements PartitionSource<number> {
  readonly target: CommitTarget | undefined;
  readonly #client: ClientCore;
  readonly #options: TopicPartitionsSettings['options'];
  readonly #core: ConsumerCore;
  readonly #placing: Placing;
  readonly #placement: Placement;
  #growing = false;

  constructor(settings: TopicPartitionsSettings) {
    const { client, options, core, placing } = settings;
    this.#client = client;
    this.#options = options;
    this.#core = core;
    this.#placing = placing;
    this.#placement = new Placement(settings, options);
    this.target = standaloneTarget(settings, options.groupId);
  }

  check(id: number, what: string): ForPartition {
    checkPartition(id, what);
    return { topic: this.#options.topic, partition: id };
  }

  find(id: number, what: string): Partition {
    checkPartition(id, what);
    const { topic } = this.#options;
    const { partitions } = this.#core;
    const found = partitions.find(({ partition }) => partition === id);
    if (found !== undefined) return found;
    const gone = this.#core.departures.whyGone({ topic, partition: id });
    if (gone !== undefined) throw new StateError('TIDE_PARTITION_LOST', `${what}: ${topic}/${id}: ${gone}`);
    const read = partitions.map(({ partition }) => partition).join(', ');
    throw new StateError(
      'TIDE_NOT_OWNED',
      `${what}: ${topic}/${id} is not read by this consumer; it reads ${read === '' ? 'none yet' : read}`,
    );
  }

  findFor({ topic = this.#options.topic, partition }: Place, what: string): Partition {
    if (topic === this.#options.topic) return this.find(partition, what);
    throw new StateError(
      'TIDE_NOT_OWNED',
      `${what}: ${topic}/${partition} is not read by this consumer, which reads ${this.#options.topic}`,
    );
  }

  async close(): Promise<void> {}

  /** Finds the partitions, and where to start in each: at the committed offset, or where the policy says. */
  async prepare(signal: AbortSignal): Promise<void> {
    const bounds = { signal };
    const topic = await this.#findTopic(bounds);
    const ids = this.#options.partitions ?? topic.partitions.map(({ partition }) => partition);
    const partitions = ids.map(id => this.#placement.newPartition(topic.name, id));
    const unplaced = await this.#placement.atCommitted(partitions, bounds);
    if (this.#options.startOffset === undefined) await this.#core.storePlaces(await this.#placing.place(unplaced, bounds));
    else await this.#startAt(partitions, this.#options.startOffset, bounds);
    this.#core.assign(partitions);
  }

  async #startAt(partitions: readonly Partition[], start: number | 'earliest' | 'latest', bounds: Bounds): Promise<void> {
    const offsets = typeof start === 'number' ? undefined : await this.#placing.list(partitions, start, bounds);
    for (const [i, partition] of partitions.entries()) partition.place(offsets === undefined ? Number(start) : (offsets[i] ?? 0));
  }

  async #findTopic(bounds: Bounds): Promise<TopicInfo> {
    const { cluster } = this.#client;
    const { allowAutoTopicCreation, retry } = cluster.settings;
    // A topic that does not exist will not appear by waiting, unless we have just asked for it; one just created elsewhere is known in a moment.
    const mostMisses = allowAutoTopicCreation ? retry.attempts : 4;
    let misses = 0;
    return cluster.retrying(async () => {
      const topic = (await cluster.topics([this.#options.topic], bounds.signal)).topics.get(this.#options.topic);
      const code = topic?.errorCode ?? errorNumbers.UNKNOWN_TOPIC_OR_PARTITION;
      if (topic === undefined || code !== 0) {
        const isMissing = code === errorNumbers.UNKNOWN_TOPIC_OR_PARTITION;
        const retriable = isMissing && ++misses >= mostMisses ? false : undefined;
        const message = isMissing ? missingTopic(cluster.settings) : undefined;
        throw brokerError(code, `topic ${this.#options.topic}`, { message, retriable, context: { topic: this.#options.topic } });
      }
      if (topic.partitions.length === 0) {
        cluster.outdated(topic); // a broker that has just heard of it
        throw brokerError(errorNumbers.LEADER_NOT_AVAILABLE, `topic ${this.#options.topic}: it has no partitions yet`);
      }
      const known = new Set(topic.partitions.map(({ partition }) => partition));
      const missing = this.#options.partitions?.find(id => !known.has(id));
      if (missing === undefined) return topic;
      cluster.outdated(topic);
      throw brokerError(errorNumbers.UNKNOWN_TOPIC_OR_PARTITION, `${this.#options.topic}/${missing}`, {
        retriable: ++misses >= mostMisses ? false : undefined,
        message: `the topic has ${known.size} partitions, 0 to ${known.size - 1}`,
        context: { topic: this.#options.topic, partition: missing, partitionCount: known.size },
      });
    }, bounds);
  }

  outOfRange(partition: Partition, what: Misplacement, signal: AbortSignal): Promise<void> {
    return this.#placement.outOfRange(partition, what, signal);
  }

  /** A topic that is read whole may have grown. New partitions are read from where the group stands in them, else from their beginning. */
  looked(topics: ReadonlyMap<string, TopicInfo>, signal: AbortSignal): Promise<void> | undefined {
    const topic = topics.get(this.#options.topic);
    const bounds = { signal };
    this.#shrink(topic);
    const { partitions } = this.#core;
    if (this.#growing || this.#options.partitions !== undefined || topic === undefined || topic.partitions.length <= partitions.length)
      return;
    this.#growing = true;
    return this.#grow(topic, bounds)
      .catch((error: unknown) => this.#notGrown(error, bounds))
      .finally(() => {
        this.#growing = false;
      });
  }

  /** Waits until it may be tried again, at the next look. What does not pass by itself is left for the reader: else what is new is never read. */
  async #notGrown(thrown: unknown, { signal }: Bounds): Promise<void> {
    if (signal?.aborted) return;
    const { cluster } = this.#client;
    const pauseMs = cluster.settings.retry.maxBackoffMs;
    const error = asKafkaError(thrown);
    const { partitions } = this.#core;
    const teller = partitions.find(({ paused }) => !paused) ?? partitions[0];
    if (error.retriable) cluster.passing(error, pauseMs);
    else if (teller !== undefined) teller.failure ??= error;
    this.#core.moved();
    await sleep(cluster.clock, pauseMs, signal).catch(() => {});
  }

  /** A topic that was created again may have fewer partitions than it had: those that are gone are not read any more. */
  #shrink(topic: TopicInfo | undefined): void {
    if (this.#options.partitions !== undefined || topic === undefined || topic.errorCode !== 0) return;
    const there = new Set(topic.partitions.map(({ partition }) => partition));
    const { partitions } = this.#core;
    const gone = partitions.filter(({ partition, topicId }) => !there.has(partition) && topicId !== undefined && topicId !== topic.id);
    if (gone.length === 0) return;
    this.#core.departures.drop(gone, 'the topic was created again without this partition');
  }

  async #grow(topic: TopicInfo, bounds: Bounds): Promise<void> {
    const known = new Set(this.#core.partitions.map(({ partition }) => partition));
    const added = topic.partitions
      .filter(({ partition }) => !known.has(partition))
      .map(({ partition }) => this.#placement.newPartition(topic.name, partition));
    await this.#placement.atCommittedOrStart(added, bounds);
    this.#core.assign([...this.#core.partitions, ...added]);
  }
}
