import { StateError } from '../base/errors.js';
import { checkPlace } from '../client/inputs.js';
import type { TopicInfo } from '../cluster/metadata.js';
import type { ForPartition } from '../cluster/scatter.js';
import { ClassicMembership, ConsumerMembership, type Membership, type MembershipEvents, SubscribedTopics } from '../group/index.js';
import type { CommitTarget } from './committer.js';
import type { Misplaced } from './fetcher.js';
import { GroupReading } from './group-reading.js';
import type { kafkaConsumerOptions } from './kafka-consumer-options.js';
import type { Partition } from './partition.js';
import type { PartitionSource, SourceKit } from './partition-source.js';
import { Placement } from './placement.js';
import type { Place } from './session.js';
import type { Subscription } from './subscription.js';

type Options = ReturnType<typeof kafkaConsumerOptions>;

/** The partitions that a group gives to a member. */
export class SubscribedPartitions implements PartitionSource<Required<Place>> {
  readonly #kit: SourceKit;
  readonly #options: Options;
  readonly #placement: Placement;
  readonly #topics: SubscribedTopics;
  readonly #reading: GroupReading;
  readonly #stop = new AbortController();
  #subscription: Subscription;

  constructor(kit: SourceKit, options: Options, groupId: string, subscription: Subscription) {
    this.#kit = kit;
    this.#options = options;
    this.#subscription = subscription;
    this.#placement = new Placement(kit, options);
    this.#topics = new SubscribedTopics(kit.client.cluster, filterOf(subscription));
    const { maxPollIntervalMs, revokeDrainMs, onAssign, onRevoke, onLost } = options;
    const settings = { groupId, maxPollIntervalMs, revokeDrainMs, callbacks: { onAssign, onRevoke, onLost } };
    this.#reading = new GroupReading(kit, settings, this.#placement, events => this.#join(groupId, events), this.#stop.signal);
  }

  get target(): CommitTarget | undefined {
    return this.#reading.target;
  }

  prepare(signal: AbortSignal): Promise<void> {
    return this.#reading.prepare(signal);
  }

  outOfRange(partition: Partition, requestedOffset: number, why: Misplaced, signal: AbortSignal): Promise<void> {
    return this.#placement.outOfRange(partition, requestedOffset, why, signal);
  }

  looked(_topics: ReadonlyMap<string, TopicInfo>): undefined {}

  check(place: Required<Place>, what: string): ForPartition {
    checkPlace(place, what);
    return { topic: place.topic ?? '', partition: place.partition };
  }

  find(place: Required<Place>, what: string): Partition {
    const { topic, partition: id } = this.check(place, what);
    const { partitions } = this.#kit.core;
    const found = partitions.find(({ topic: name, partition }) => name === topic && partition === id);
    if (found !== undefined) return found;
    const read = partitions.map(({ topic: name, partition }) => `${name}/${partition}`).join(', ');
    throw new StateError(
      'TIDE_NOT_OWNED',
      `${what}: ${topic}/${id} is not read by this member of the group; it reads ${read === '' ? 'nothing now' : read}`,
    );
  }

  findFor({ topic, partition }: Place, what: string): Partition {
    const topics = new Set(this.#kit.core.partitions.map(each => each.topic));
    const [only] = topics;
    return this.find({ topic: topic ?? (topics.size === 1 ? only : undefined), partition }, what);
  }

  async close(timeoutMs: number): Promise<void> {
    await this.#reading.close(timeoutMs);
    this.#stop.abort();
  }

  /** Other topics are to be read. */
  resubscribe(subscription: Subscription): void {
    this.#subscription = subscription;
    this.#topics.filter = filterOf(subscription);
    this.#reading.membership.resubscribe();
  }

  #join(groupId: string, events: MembershipEvents): Membership {
    const { groupInstanceId, groupProtocol, sessionTimeoutMs, heartbeatMs, maxPollIntervalMs, assignors, rackId } = this.#options;
    const { client } = this.#kit;
    const common = { groupId, groupInstanceId, rackId, rebalanceTimeoutMs: maxPollIntervalMs };
    if (groupProtocol === 'classic')
      return new ClassicMembership(client, { ...common, sessionTimeoutMs, heartbeatMs, assignors }, this.#topics, events);
    const pattern = () => {
      const { kind, pattern: given } = { pattern: undefined, ...this.#subscription };
      return kind === 'pattern' && given !== undefined && 're2' in given ? given : undefined;
    };
    return new ConsumerMembership(client, { ...common, serverAssignor: undefined }, this.#topics, pattern, events);
  }
}

const filterOf = (subscription: Subscription): readonly string[] | RegExp =>
  subscription.kind === 'topics'
    ? subscription.names
    : subscription.kind === 'pattern' && subscription.pattern instanceof RegExp
      ? subscription.pattern
      : [];
