import { asKafkaError, type KafkaError } from '../base/errors.js';
import { Bell, orAborted, settledWithin } from '../base/wait.js';
import type { ClientCore } from '../client/client.js';
import type { ForPartition } from '../cluster/scatter.js';
import { byTopic, oneByOne } from './by-topic.js';
import { type Answer, ConsumerRequests, explained, joining, type Said } from './consumer-requests.js';
import { isRefusal, type Reaction, reactionTo } from './group-errors.js';
import { MemberLoop } from './member-loop.js';
import { isSame, leavingMs, type MemberStanding, type Membership, type MembershipEvents, without } from './membership.js';
import { Patience } from './patience.js';
import type { SubscribedTopics } from './subscribed-topics.js';

export interface ConsumerMembershipSettings {
  readonly groupId: string;
  readonly groupInstanceId: string | undefined;
  /** So long the group waits until a member has given up what goes to another. */
  readonly rebalanceTimeoutMs: number;
  /** The broker's assignor; undefined: the group's own choice. */
  readonly serverAssignor: string | undefined;
  readonly rackId: string | undefined;
}

/** A pattern that the brokers match against topics, in the language of RE2. */
export interface ServerPattern {
  readonly re2: string;
}

/** No coordinator has good reasons to hear of a member more often. */
const shortestIntervalMs = 20;

/**
 * A member of a group of the new protocol: the coordinator divides the partitions, and says in its answers to heartbeats who is to read what.
 * Heartbeats go one after the other; beside them what is given is taken, and what is taken away is given up, one thing at a time.
 * @see KIP-848
 */
export class ConsumerMembership implements Membership {
  readonly #core: ClientCore;
  readonly #settings: ConsumerMembershipSettings;
  readonly #topics: SubscribedTopics;
  readonly #pattern: () => ServerPattern | undefined;
  readonly #events: MembershipEvents;
  readonly #memberId = crypto.randomUUID();
  readonly #requests: ConsumerRequests;
  #epoch = joining;
  #isIn = false;
  #owned: readonly ForPartition[] = [];
  #target: readonly ForPartition[] = [];
  /** By which ids the topics were given: metadata may have forgotten one that was deleted, as long as it is held. */
  readonly #ids = new Map<string, string>();
  #changing: Promise<void> | undefined;
  /** The topics it has told that it wants. */
  #names: readonly string[] = [];
  #looking: Promise<void> | undefined;
  /** The coordinator is to hear what this member holds, or wants, with the next heartbeat, which is due. */
  #news = true;
  /** It may not know all of what it is to read, which the coordinator says but once, and again to who says everything. */
  #mayLack = false;
  #notice: KafkaError | undefined;
  readonly #noticed = new Bell();
  readonly #loop = new MemberLoop(signal => this.#run(signal));
  #hasSettled = false;
  /** The coordinator has it in an epoch that is not the one it is in. */
  #isKnown = false;
  /** It may be a member, also when it was never told so. */
  #hasAsked = false;

  /** @param pattern What the brokers are to match, in place of what `topics` gives. */
  constructor(
    core: ClientCore,
    settings: ConsumerMembershipSettings,
    topics: SubscribedTopics,
    pattern: () => ServerPattern | undefined,
    events: MembershipEvents,
  ) {
    this.#core = core;
    this.#settings = settings;
    this.#topics = topics;
    this.#pattern = pattern;
    this.#events = events;
    this.#requests = new ConsumerRequests(core, settings, this.#memberId);
  }

  get standing(): MemberStanding | undefined {
    if (!this.#isIn) return undefined;
    const { groupId, groupInstanceId } = this.#settings;
    return { groupId, groupInstanceId, memberId: this.#memberId, generationId: this.#epoch };
  }

  start(): void {
    this.#loop.start();
  }

  /** The old epoch of a member counts until it has heard of the new one. */
  steady(): Promise<void> {
    return Promise.resolve();
  }

  refused(error: KafkaError, { memberId, generationId }: MemberStanding): Reaction {
    const reaction = reactionTo(error);
    const isOld = generationId !== this.#epoch || memberId !== this.#memberId;
    if (!isOld && reaction !== 'rejoin') this.#notice ??= error;
    this.#noticed.ring(); // else a heartbeat tells the present epoch
    return isOld && reaction !== 'failed' ? 'rejoin' : reaction;
  }

  resubscribe(): void {
    this.#news = true;
    this.#noticed.ring();
  }

  leave(why: KafkaError): Promise<void> {
    return this.#loop.leave(why, () => this.#left(why, this.#core.cluster.settings.requestTimeoutMs));
  }

  async close(timeoutMs: number): Promise<void> {
    const { clock } = this.#core.cluster;
    await this.#loop.close(clock, this.#settings.groupId, timeoutMs, why => this.#left(why, timeoutMs));
    this.#requests.close();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { cluster } = this.#core;
    const patience = new Patience(cluster.clock, cluster.settings.retry);
    while (!signal.aborted) {
      try {
        if (this.#isKnown) await this.#beForgotten(signal);
        const answer = await this.#beat(signal);
        patience.succeeded();
        await this.#take(answer, signal);
        this.#look(signal);
        await this.#untilDue(answer.heartbeatIntervalMs, signal);
      } catch (thrown) {
        if (signal.aborted) break;
        const error = explained(asKafkaError(thrown));
        const reaction = reactionTo(error);
        if (reaction === 'failed') {
          if (isRefusal(error)) this.#hasAsked = false; // there is nothing to leave
          const wasIn = this.#isIn;
          await this.#lose(error);
          if (wasIn) await this.#tellItLeaves(leavingMs);
          this.#events.failed(error);
          break;
        }
        this.#isKnown ||= reaction === 'outdated' && this.#isIn;
        if (reaction === 'expelled' || reaction === 'outdated') await this.#lose(error);
        if (reaction === 'retry') this.#events.delayed(error);
        const pauseMs = patience.pauseAfter(reaction);
        if (pauseMs > 0) await cluster.waitOut(error, pauseMs, signal);
      }
    }
  }

  /** Topics that match a pattern may have come or gone, and the coordinator is to hear of that. The heartbeats do not wait for it. */
  #look(signal: AbortSignal): void {
    if (this.#pattern() !== undefined) return;
    this.#looking ??= this.#topics
      .names(signal)
      .then(
        names => {
          if (!isSame(names, this.#names)) this.resubscribe();
        },
        (error: unknown) => {
          if (!signal.aborted) this.#core.cluster.passing(asKafkaError(error), 0); // looked again after the next heartbeat
        },
      )
      .finally(() => {
        this.#looking = undefined;
      });
  }

  /** Leaves, to begin anew: before 4.3 a broker takes in nobody whom it has, and no static member in any version, until the session ends. */
  async #beForgotten(signal: AbortSignal): Promise<void> {
    this.#isKnown = await this.#requests.leave({ signal }, 1).then(
      () => false,
      error => reactionTo(error) === 'retry',
    );
  }

  /** One heartbeat, with what has changed since the last. */
  async #beat(signal: AbortSignal): Promise<Answer> {
    const saysAll = this.#news || this.#mayLack || this.#epoch === joining;
    this.#news = false;
    this.#hasAsked = true;
    this.#mayLack = true; // as long as there is no answer: the one that is lost may be the one that says what to read
    const answer = await this.#requests.heartbeat(this.#epoch, saysAll ? await this.#said(signal) : {}, signal);
    this.#mayLack = false;
    return answer;
  }

  async #said(signal: AbortSignal): Promise<Said> {
    const { rackId, rebalanceTimeoutMs, serverAssignor } = this.#settings;
    const pattern = this.#pattern();
    const subscribedTopicNames = pattern === undefined ? await this.#topics.allowedNames(signal) : [];
    this.#names = subscribedTopicNames;
    return {
      ...{ rebalanceTimeoutMs, subscribedTopicNames, rackId: rackId ?? null, serverAssignor: serverAssignor ?? null },
      subscribedTopicRegex: pattern?.re2 ?? (this.#epoch === joining ? null : ''),
      topicPartitions: byTopic(this.#owned).map(({ topic, partitions }) => ({ topicId: this.#ids.get(topic) ?? '', partitions })),
    };
  }

  /** Learns the epoch, and what to read from now on. */
  async #take({ memberEpoch, assignment }: Answer, signal: AbortSignal): Promise<void> {
    this.#epoch = memberEpoch;
    this.#isIn = true;
    if (assignment === null) return;
    this.#target = await this.#named(assignment.topicPartitions, signal);
    if (signal.aborted) return;
    this.#changing ??= this.#change(signal).finally(() => {
      this.#changing = undefined;
    });
  }

  /** Gives up what is not to be read any more, then takes what is, until nothing has changed meanwhile. Never rejects. */
  async #change(signal: AbortSignal): Promise<void> {
    const startedAt = this.#core.cluster.clock.now();
    let hasChanged = !this.#hasSettled;
    for (let target: readonly ForPartition[] | undefined; target !== this.#target; ) {
      target = this.#target;
      const gone = without(this.#owned, target);
      const added = without(target, this.#owned);
      if (gone.length > 0) await this.#events.revoked(gone);
      this.#owned = without(this.#owned, gone); // not before: a heartbeat that has other news meanwhile would give them away
      if (!this.#isIn || signal.aborted) return;
      this.#owned = target;
      if (added.length > 0) await this.#events.assigned(added);
      if (!this.#isIn || signal.aborted) return;
      if (gone.length + added.length === 0) continue;
      hasChanged = true;
      this.#news = true;
      this.#noticed.ring();
    }
    this.#hasSettled = true;
    if (!hasChanged) return;
    const { groupId, serverAssignor = 'server' } = this.#settings;
    this.#events.settled({
      ...{ groupId, memberId: this.#memberId, generationId: this.#epoch, assignor: serverAssignor, partitions: this.#owned },
      groupProtocol: 'consumer',
      durationMs: this.#core.cluster.clock.now() - startedAt,
    });
  }

  /** The names of topics that are given by their ids. One that is not known yet is left out, and asked for again soon. */
  async #named(
    given: readonly { readonly topicId: string; readonly partitions: readonly number[] }[],
    signal: AbortSignal,
  ): Promise<readonly ForPartition[]> {
    const { cluster } = this.#core;
    const names = () => new Map([...cluster.metadata.topics.values()].map(({ id, name }) => [id, name]));
    let known = names();
    if (given.some(({ topicId }) => !known.has(topicId))) {
      const told = cluster.refresh('all').catch((error: unknown) => {
        if (!signal.aborted) cluster.passing(asKafkaError(error), cluster.settings.retry.maxBackoffMs);
      });
      await settledWithin(cluster.clock, orAborted(told, signal), cluster.settings.retry.maxBackoffMs); // heartbeats do not wait for brokers that are away
      known = names();
    }
    this.#mayLack = given.some(({ topicId }) => !known.has(topicId));
    const named = given.flatMap(({ topicId, partitions }) => {
      const topic = known.get(topicId);
      if (topic !== undefined) this.#ids.set(topic, topicId);
      return topic === undefined ? [] : [{ topic, partitions }];
    });
    return oneByOne(named);
  }

  /** Waits until the next heartbeat is due. @throws KafkaError what was said of a commit. */
  async #untilDue(ms: number, signal: AbortSignal): Promise<void> {
    const { clock, settings } = this.#core.cluster;
    const dueMs = this.#mayLack ? Math.min(ms, settings.retry.maxBackoffMs) : ms;
    if (!this.#news) await this.#noticed.waitFor(clock, Math.max(shortestIntervalMs, dueMs), signal);
    const notice = this.#notice;
    this.#notice = undefined;
    if (notice !== undefined) throw notice;
  }

  async #lose(why: KafkaError): Promise<void> {
    this.#isIn = false;
    await this.#changing;
    const lost = this.#owned;
    this.#owned = [];
    this.#target = [];
    this.#epoch = joining;
    this.#notice = undefined; // of the member that it was
    this.#hasSettled = false;
    this.#news = true;
    if (lost.length > 0) await this.#events.lost(lost, why);
  }

  /** The loop has ended: what is held is lost, and the group is told. Never rejects. */
  async #left(why: KafkaError, timeoutMs: number): Promise<void> {
    const wasIn = this.#isIn;
    await this.#changing;
    if (wasIn && this.#owned.length > 0) await this.#events.leaving(this.#owned);
    await this.#lose(why);
    await this.#tellItLeaves(timeoutMs);
  }

  /** Who is told so gives its partitions to others at once. Never rejects. */
  async #tellItLeaves(timeoutMs: number): Promise<void> {
    if (!this.#hasAsked) return;
    this.#hasAsked = false;
    await this.#requests.leave({ timeoutMs }, 2).catch(() => {}); // then its session runs out
  }
}
