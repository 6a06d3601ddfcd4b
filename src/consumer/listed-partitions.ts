import { brokerError, errorNumbers } from '../base/broker-errors.js';
import { asKafkaError } from '../base/errors.js';
import { missingTopic } from '../client/missing-topic.js';
import type { TopicInfo } from '../cluster/metadata.js';
import { type ForPartition, placeText } from '../cluster/scatter.js';
import { SubscribedTopics } from '../group/index.js';
import type { CommitTarget } from './committer.js';
import type { Partition } from './partition.js';
import type { SourceKit } from './partition-source.js';
import type { Placement } from './placement.js';
import { standaloneTarget } from './standalone-target.js';
import { type PlaceToRead, type Subscription, wholeTopics } from './subscription.js';

/** So often in a row a topic may be unknown before that is an error: one just created elsewhere is known in a moment. */
const mostMisses = 4;

/** Partitions that are read without a group's say: those that are listed, or all of some topics, also those that appear later. */
export class ListedPartitions {
  readonly target: CommitTarget | undefined;
  readonly #kit: SourceKit;
  readonly #placement: Placement;
  readonly #places: readonly PlaceToRead[];
  readonly #topics: SubscribedTopics;
  readonly #isPattern: boolean;
  /** Read here, in the order they were found. */
  #partitions: readonly Partition[] = [];
  /** What there was at first is read: from now on there may be more. */
  #isPrepared = false;
  #growing = false;
  #closed = false;

  constructor(kit: SourceKit, placement: Placement, groupId: string | undefined, subscription: Subscription) {
    this.#kit = kit;
    this.#placement = placement;
    this.#places = subscription.kind === 'partitions' ? subscription.places : [];
    const filter = wholeTopics(subscription);
    this.#topics = new SubscribedTopics(kit.client.cluster, filter);
    this.#isPattern = filter instanceof RegExp;
    this.target = standaloneTarget(kit, groupId);
  }

  /** Finds the partitions, and where to start in each: at the offset given, else at the committed one, else where the policy says. */
  async prepare(signal: AbortSignal): Promise<void> {
    const { core, placing } = this.#kit;
    const found = await this.#find(signal);
    const partitions = found.map(({ topic, partition }) => this.#placement.newPartition(topic, partition));
    const unplaced = await this.#placement.atCommitted(partitions, { signal });
    for (const [i, { offset }] of found.entries()) if (offset !== undefined) partitions[i]?.place(offset);
    await core.storePlaces(
      await placing.place(
        unplaced.filter(({ placed }) => !placed),
        { signal },
      ),
    );
    if (this.#closed) return;
    this.#isPrepared = true;
    this.#partitions = partitions;
    core.assign([...core.partitions, ...partitions]);
  }

  /** Topics that are read whole may have grown, and others may match the pattern. Never rejects. */
  looked(topics: ReadonlyMap<string, TopicInfo>, signal: AbortSignal): Promise<void> | undefined {
    if (!this.#isPrepared || this.#growing || this.#closed) return;
    const known = new Set(this.#partitions.map(placeText));
    const read = new Set(this.#partitions.map(({ topic }) => topic));
    const listed = new Set(this.#places.map(({ topic }) => topic));
    const added = [...topics.values()]
      .filter(({ name, errorCode }) => errorCode === 0 && read.has(name) && !listed.has(name))
      .flatMap(({ name, partitions }) => partitions.map(({ partition }) => ({ topic: name, partition })))
      .filter(place => !known.has(placeText(place)));
    if (added.length === 0 && !this.#isPattern) return;
    this.#growing = true;
    return this.#grow(added, signal)
      .catch((error: unknown) => {
        if (!signal.aborted) this.#kit.client.cluster.passing(asKafkaError(error), 0); // tried again at the next look
      })
      .finally(() => {
        this.#growing = false;
      });
  }

  /** Nothing of it is read any more from now on; gives what was. */
  close(): readonly Partition[] {
    this.#closed = true;
    return this.#partitions;
  }

  async #find(signal: AbortSignal): Promise<readonly PlaceToRead[]> {
    const { cluster } = this.#kit.client;
    let misses = 0;
    return cluster.retrying(
      async () => {
        const names = await this.#topics.names(signal);
        const counts = await this.#topics.partitionCounts([...names, ...this.#places.map(({ topic }) => topic)], signal);
        const missing = this.#isPattern ? undefined : names.find(name => !counts.has(name));
        const unknown = this.#places.find(({ topic, partition }) => partition >= (counts.get(topic) ?? 0));
        if (missing !== undefined || unknown !== undefined) throw this.#missing(missing ?? unknown?.topic ?? '', unknown, counts, ++misses);
        return [...this.#places, ...names.flatMap(topic => partitionsOf(topic, counts.get(topic) ?? 0))];
      },
      { signal },
    );
  }

  #missing(topic: string, place: PlaceToRead | undefined, counts: ReadonlyMap<string, number>, misses: number): Error {
    const { cluster } = this.#kit.client;
    const seen = cluster.topic(topic);
    if (seen !== undefined) cluster.outdated(seen);
    const count = counts.get(topic);
    const message = count === undefined ? missingTopic(cluster.settings) : `the topic has ${count} partitions, 0 to ${count - 1}`;
    const where = place === undefined || count === undefined ? `topic ${topic}` : `${topic}/${place.partition}`;
    return brokerError(seen?.errorCode || errorNumbers.UNKNOWN_TOPIC_OR_PARTITION, where, {
      message: (seen?.errorCode ?? 0) === 0 || seen?.errorCode === errorNumbers.UNKNOWN_TOPIC_OR_PARTITION ? message : undefined,
      retriable: misses >= mostMisses ? false : undefined,
      context: { topic },
    });
  }

  async #grow(added: readonly ForPartition[], signal: AbortSignal): Promise<void> {
    const { core } = this.#kit;
    const known = new Set(this.#partitions.map(({ topic }) => topic));
    const fresh = this.#isPattern ? (await this.#topics.names(signal)).filter(name => !known.has(name)) : [];
    const counts = await this.#topics.partitionCounts(fresh, signal);
    const places = [...added, ...fresh.flatMap(topic => partitionsOf(topic, counts.get(topic) ?? 0))];
    if (places.length === 0) return;
    const partitions = places.map(({ topic, partition }) => this.#placement.newPartition(topic, partition));
    await this.#placement.atCommittedOrStart(partitions, { signal });
    if (this.#closed) return;
    this.#partitions = [...this.#partitions, ...partitions];
    core.assign([...core.partitions, ...partitions]);
  }
}

const partitionsOf = (topic: string, count: number): readonly ForPartition[] =>
  Array.from({ length: count }, (_, partition) => ({ topic, partition }));
