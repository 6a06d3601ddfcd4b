import { type KafkaError, UnsupportedError } from '../base/errors.js';
import {
  AutoMembership,
  ClassicMembership,
  ConsumerMembership,
  type Membership,
  type MembershipEvents,
  SubscribedTopics,
} from '../group/index.js';
import type { CommitTarget } from './committer.js';
import { GroupReading } from './group-reading.js';
import type { GroupConsumerSettings } from './kafka-consumer-options.js';
import type { SourceKit } from './partition-source.js';
import type { Placement } from './placement.js';
import { type BrokerPattern, type Subscription, wholeTopics } from './subscription.js';

/** The partitions that a group gives to a member. */
export class GroupPartitions {
  readonly #kit: SourceKit;
  readonly #options: GroupConsumerSettings;
  readonly #groupId: string;
  readonly #topics: SubscribedTopics;
  readonly #reading: GroupReading;
  readonly #stop = new AbortController();
  #subscription: Subscription;
  /** With `'auto'`: the brokers do not divide this group. */
  #isClassic = false;

  constructor(kit: SourceKit, placement: Placement, options: GroupConsumerSettings, groupId: string, subscription: Subscription) {
    this.#kit = kit;
    this.#options = options;
    this.#groupId = groupId;
    this.#subscription = subscription;
    this.#topics = new SubscribedTopics(kit.client.cluster, wholeTopics(subscription));
    const { maxPollIntervalMs, revokeDrainMs } = options;
    const settings = { groupId, maxPollIntervalMs, revokeDrainMs };
    this.#reading = new GroupReading(kit, settings, placement, events => this.#join(groupId, events), this.#stop.signal);
  }

  get target(): CommitTarget | undefined {
    return this.#reading.target;
  }

  prepare(signal: AbortSignal): Promise<void> {
    const log = this.#kit.client.logFor(this.#options.logger);
    log?.say('Consumer', 'info', 'the group is joined, which waits for its other members', { groupId: this.#groupId });
    return this.#reading.prepare(signal);
  }

  /** Whether its membership can ask for that: a member of the classic protocol cannot have brokers match. */
  canAsk(subscription: Subscription): boolean {
    return !this.#isClassic || brokerPattern(subscription) === undefined;
  }

  /** Other topics are to be read: the group is told, and divides them. */
  resubscribe(subscription: Subscription): void {
    this.#subscription = subscription;
    this.#topics.filter = wholeTopics(subscription);
    this.#reading.membership.resubscribe();
  }

  /** See {@link GroupReading.close}. */
  async close(timeoutMs: number, replaced?: string): Promise<void> {
    await this.#reading.close(timeoutMs, replaced).finally(() => this.#stop.abort());
  }

  #join(groupId: string, events: MembershipEvents): Membership {
    const { groupInstanceId, groupProtocol, sessionTimeoutMs, heartbeatMs, maxPollIntervalMs, assignors, rackId } = this.#options;
    const { client } = this.#kit;
    const common = { groupId, groupInstanceId, rackId, rebalanceTimeoutMs: maxPollIntervalMs };
    const classic = (told: MembershipEvents) =>
      new ClassicMembership(client, { ...common, sessionTimeoutMs, heartbeatMs, assignors }, this.#topics, told);
    const pattern = () => brokerPattern(this.#subscription);
    const consumer = (told: MembershipEvents) =>
      new ConsumerMembership(client, { ...common, serverAssignor: undefined }, this.#topics, pattern, told);
    if (groupProtocol === 'classic') return classic(events);
    if (groupProtocol === 'consumer') return consumer(events);
    const needsConsumer = (why: KafkaError) =>
      pattern() === undefined
        ? undefined
        : new UnsupportedError(`{ re2 } is matched by the brokers, and they do not divide this group: ${why.message}`, { cause: why });
    const log = client.logFor(this.#options.logger);
    const instead = (told: MembershipEvents, { message: why }: KafkaError) => {
      this.#isClassic = true;
      log?.say('Consumer', 'info', 'the group is joined by the classic protocol', { groupId, why });
      return classic(told);
    };
    return new AutoMembership({ consumer, classic: instead, needsConsumer }, events);
  }
}

const brokerPattern = (wanted: Subscription): BrokerPattern | undefined =>
  wanted.kind === 'pattern' && 're2' in wanted.pattern ? wanted.pattern : undefined;
