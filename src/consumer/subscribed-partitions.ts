import { asError, StateError } from '../base/errors.js';
import { orAborted } from '../base/wait.js';
import { checkPlace } from '../client/inputs.js';
import type { TopicInfo } from '../cluster/metadata.js';
import { type ForPartition, placeText } from '../cluster/scatter.js';
import type { CommitTarget } from './committer.js';
import { GroupPartitions } from './group-partitions.js';
import { HeldBackWatch } from './held-back-watch.js';
import type { GroupConsumerSettings } from './kafka-consumer-options.js';
import { givingUpWithin } from './last-commits.js';
import { ListedPartitions } from './listed-partitions.js';
import type { Misplacement } from './misplacement.js';
import type { Partition } from './partition.js';
import type { PartitionSource, SourceKit } from './partition-source.js';
import { Placement } from './placement.js';
import type { Place } from './session.js';
import type { Subscription } from './subscription.js';

/** The partitions of several topics: what a group gives, or what is listed. Which of them, may be changed at any time. */
export class SubscribedPartitions implements PartitionSource<ForPartition> {
  readonly #kit: SourceKit;
  readonly #options: GroupConsumerSettings;
  readonly #placement: Placement;
  /** Undefined where asking for more marks what came before. */
  readonly #heldBack: HeldBackWatch | undefined;
  #now: GroupPartitions | ListedPartitions | undefined;
  /** What was read before, as long as something of it is in hand: nothing else is read meanwhile. */
  #leaving: GroupPartitions | ListedPartitions | undefined;
  /** Giving that up. */
  #changing: Promise<void> = Promise.resolve();

  constructor(kit: SourceKit, options: GroupConsumerSettings) {
    this.#kit = kit;
    this.#options = options;
    this.#placement = new Placement(kit, options);
    this.#now = this.#made(options.topics ?? { kind: 'none' });
    const { client, core, emit } = kit;
    const waitingFor = () => (core.inContext ? [] : core.partitions); // a context's marks come all at once, or not at all
    if (options.marking === 'explicit')
      this.#heldBack = new HeldBackWatch(client.cluster.clock, options.maxPollIntervalMs, waitingFor, held => emit('heldBack', held));
  }

  get target(): CommitTarget | undefined {
    return (this.#leaving ?? this.#now)?.target;
  }

  async prepare(signal: AbortSignal): Promise<void> {
    await orAborted(this.#changing, signal);
    if (this.#now === undefined)
      throw new StateError('TIDE_STATE', 'KafkaConsumer: there is nothing to read; give it topics, or call setTopicPartitions()');
    this.#heldBack?.start();
    await this.#now.prepare(signal);
  }

  outOfRange(partition: Partition, what: Misplacement, signal: AbortSignal): Promise<void> {
    return this.#placement.outOfRange(partition, what, signal);
  }

  looked(topics: ReadonlyMap<string, TopicInfo>, signal: AbortSignal): Promise<void> | undefined {
    return this.#now instanceof ListedPartitions ? this.#now.looked(topics, signal) : undefined;
  }

  check(place: ForPartition, what: string): ForPartition {
    checkPlace(place, what);
    return place;
  }

  find(place: ForPartition, what: string): Partition {
    checkPlace(place, what);
    const { partitions } = this.#kit.core;
    const found = partitions.find(({ topic, partition }) => topic === place.topic && partition === place.partition);
    if (found !== undefined) return found;
    const gone = this.#kit.core.departures.whyGone(place);
    if (gone !== undefined) throw new StateError('TIDE_PARTITION_LOST', `${what}: ${placeText(place)}: ${gone}`);
    const read = partitions.map(placeText).join(', ');
    throw new StateError(
      'TIDE_NOT_OWNED',
      `${what}: ${placeText(place)} is not read by this consumer; it reads ${read === '' ? 'nothing now' : read}`,
    );
  }

  findFor({ topic, partition }: Place, what: string): Partition {
    const [only, ...others] = new Set(this.#kit.core.partitions.map(each => each.topic));
    return this.find({ topic: topic ?? (others.length === 0 && only !== undefined ? only : ''), partition }, what);
  }

  /** What is read from now on. What was read before is given up meanwhile: what is in hand is waited for, and what is done is committed. */
  replace(subscription: Subscription): void {
    const before = this.#now;
    const isOfGroup = subscription.kind === 'topics' || subscription.kind === 'pattern';
    if (before instanceof GroupPartitions && isOfGroup && before.canAsk(subscription)) return before.resubscribe(subscription);
    this.#now = this.#made(subscription);
    this.#leaving ??= before;
    this.#changing = this.#changing.then(() => this.#giveUp(before));
    this.#kit.core.unprepare();
  }

  async close(timeoutMs: number): Promise<void> {
    this.#heldBack?.stop();
    const deadline = this.#kit.client.cluster.deadline(timeoutMs);
    const failure =
      this.#leaving instanceof GroupPartitions ? await this.#leaving.close(timeoutMs).then(() => undefined, asError) : undefined;
    await this.#changing;
    if (this.#now instanceof GroupPartitions) await this.#now.close(deadline.remainingMs());
    else this.#now?.close();
    if (failure !== undefined) throw failure;
  }

  #made(subscription: Subscription): GroupPartitions | ListedPartitions | undefined {
    const { groupId } = this.#options;
    if (subscription.kind === 'none') return undefined;
    if (groupId === undefined || subscription.kind === 'partitions')
      return new ListedPartitions(this.#kit, this.#placement, groupId, subscription);
    return new GroupPartitions(this.#kit, this.#placement, this.#options, groupId, subscription);
  }

  /** Never rejects. */
  async #giveUp(before: GroupPartitions | ListedPartitions | undefined): Promise<void> {
    const { core, emit } = this.#kit;
    const { maxPollIntervalMs, revokeDrainMs } = this.#options;
    const partitions = before instanceof ListedPartitions ? before.close() : core.partitions;
    if (before === undefined) return;
    const { requestTimeoutMs } = this.#kit.client.cluster.settings;
    const failure = await core.departures.drain(partitions, givingUpWithin(revokeDrainMs, maxPollIntervalMs, requestTimeoutMs));
    if (failure !== undefined) emit('commitFailed', { error: failure });
    const replaced = 'setTopicPartitions() has replaced what this consumer reads';
    if (before instanceof GroupPartitions) await before.close(requestTimeoutMs, replaced).catch(() => {}); // what a callback threw the reader is told
    core.departures.remove(partitions, replaced);
    if (this.#leaving === before) this.#leaving = undefined;
  }
}
