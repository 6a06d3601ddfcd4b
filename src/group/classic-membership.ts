import { asKafkaError, type KafkaError } from '../base/errors.js';
import { Bell, orAborted } from '../base/wait.js';
import type { ClientCore } from '../client/client.js';
import type { Cluster } from '../cluster/cluster.js';
import type { ForPartition } from '../cluster/scatter.js';
import type { Assignor } from './assignors/assignor.js';
import { besideHeartbeats } from './beside-heartbeats.js';
import { ClassicRequests, type ClassicSettings, type Joined } from './classic-requests.js';
import { decodeAssignment, encodeSubscription } from './consumer-protocol.js';
import { type Reaction, reactionTo } from './group-errors.js';
import { Heartbeats } from './heartbeats.js';
import { type Division, Leading } from './leading.js';
import { MemberLoop } from './member-loop.js';
import { isSame, leavingMs, type MemberStanding, type Membership, type MembershipEvents, without } from './membership.js';
import { Patience } from './patience.js';
import { explained } from './refusals.js';
import type { SubscribedTopics } from './subscribed-topics.js';

export interface ClassicMembershipSettings extends ClassicSettings {
  readonly heartbeatMs: number;
  /** The ways of assigning that this member knows, the preferred one first. */
  readonly assignors: readonly Assignor[];
  readonly rackId: string | undefined;
}

/** What a member of the group joined with, and what was divided. */
interface Rest extends Division {
  readonly names: readonly string[];
  readonly joined: Joined;
}

/** Said by others while the member is busy, and looked at when it is at rest. */
type Notice = { readonly error: KafkaError } | { readonly reason: string };

/**
 * A member of a group of the classic protocol: joins, divides the partitions when it leads, holds what it is given, and gives it up in time.
 * One thing after the other, in one loop; only heartbeats go beside it.
 */
export class ClassicMembership implements Membership {
  readonly #core: ClientCore;
  readonly #cluster: Cluster;
  readonly #settings: ClassicMembershipSettings;
  readonly #topics: SubscribedTopics;
  readonly #events: MembershipEvents;
  readonly #requests: ClassicRequests;
  readonly #leading: Leading;
  readonly #heartbeats: Heartbeats;
  /** Partitions may stay with their members while the group is divided anew: all ways of assigning see to that. */
  readonly #isCooperative: boolean;
  #memberId = '';
  #generationId = -1;
  #owned: readonly ForPartition[] = [];
  /** What it was given last, also once that is given up: an assignor may want to give it the same again. */
  #given: readonly ForPartition[] = [];
  #isIn = false;
  /** Since it has asked to join until it was given partitions: from when all have joined the group knows a generation that this member does not. */
  #isJoining = false;
  /** It has given something up for others, who get it when this member has joined once more. */
  #owesJoin = false;
  readonly #joined = new Bell();
  #notice: Notice | undefined;
  readonly #noticed = new Bell();
  readonly #loop = new MemberLoop(signal => this.#run(signal));

  constructor(core: ClientCore, settings: ClassicMembershipSettings, topics: SubscribedTopics, events: MembershipEvents) {
    this.#core = core;
    this.#cluster = core.cluster;
    this.#settings = settings;
    this.#topics = topics;
    this.#events = events;
    this.#requests = new ClassicRequests(core, settings);
    this.#leading = new Leading(settings.assignors, topics, this.#requests, error => core.cluster.passing(error, 0));
    this.#isCooperative = settings.assignors.every(({ protocol }) => protocol === 'cooperative');
    this.#heartbeats = new Heartbeats(core.cluster, {
      heartbeatMs: settings.heartbeatMs,
      beat: async (signal, timeoutMs) => {
        if (this.standing !== undefined) await this.#requests.heartbeat(this.standing, signal, timeoutMs);
      },
      told: error => this.#note(asKafkaError(error)),
    });
  }

  get standing(): MemberStanding | undefined {
    if (!this.#isIn) return undefined;
    const { groupId, groupInstanceId } = this.#settings;
    return { groupId, groupInstanceId, memberId: this.#memberId, generationId: this.#generationId };
  }

  start(): void {
    this.#loop.start();
  }

  async steady(signal: AbortSignal | undefined): Promise<void> {
    while (this.#isJoining) await orAborted(this.#joined.wait(), signal);
  }

  refused(error: KafkaError, { memberId, generationId }: MemberStanding): Reaction {
    const reaction = reactionTo(error);
    const isOld = this.#isJoining || generationId !== this.#generationId || memberId !== this.#memberId;
    if (isOld && reaction !== 'failed') return 'rejoin'; // whether it is still one of them, it learns when it joins
    this.#note(error);
    return reaction;
  }

  resubscribe(): void {
    this.#notice ??= { reason: 'the subscription changed' };
    this.#noticed.ring();
  }

  leave(why: KafkaError): Promise<void> {
    return this.#loop.leave(why, () => this.#left(why, this.#cluster.settings.requestTimeoutMs));
  }

  async close(timeoutMs: number): Promise<void> {
    this.#heartbeats.stop();
    await this.#loop.close(this.#cluster.clock, this.#settings.groupId, timeoutMs, why => this.#left(why, timeoutMs));
    this.#requests.close();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const patience = new Patience(this.#cluster.clock, this.#cluster.settings.retry);
    let reason = 'a consumer starts';
    while (!signal.aborted) {
      try {
        const rest = await this.#join(reason, signal);
        patience.succeeded();
        reason = rest === undefined ? 'partitions were given up' : await this.#rest(rest, signal);
      } catch (thrown) {
        if (signal.aborted) break;
        const error = asKafkaError(thrown);
        reason = error.message;
        const reaction = reactionTo(error);
        if (reaction === 'expelled') this.#memberId = '';
        if (reaction === 'expelled' || reaction === 'outdated' || reaction === 'failed') await this.#lose(error);
        if (reaction === 'failed') {
          const names = this.#settings.assignors.map(({ name }) => name);
          await this.#tellItLeaves(error, leavingMs);
          this.#events.failed(await explained(this.#core, this.#settings, names, error));
          break;
        }
        if (reaction === 'retry') this.#events.delayed(error);
        const pauseMs = patience.pauseAfter(reaction);
        if (pauseMs > 0) await this.#cluster.waitOut(error, pauseMs, signal);
      }
    }
    this.#heartbeats.stop();
  }

  /** Joins and takes what it is given. Undefined: something went to others, who wait for that, and so the group is to be joined once more. */
  async #join(reason: string, signal: AbortSignal): Promise<Rest | undefined> {
    const startedAt = this.#cluster.clock.now();
    if (!this.#isCooperative) await this.#giveUp(this.#owned);
    this.#notice = undefined;
    const names = await this.#topics.allowedNames(signal);
    this.#heartbeats.stop();
    this.#isJoining = true;
    const { joined, given, division } = await this.#ask(names, reason, signal).finally(() => {
      this.#isJoining = false;
      this.#joined.ring();
    });
    this.#isIn = true;
    this.#heartbeats.start();
    const gone = without(this.#owned, given);
    const added = without(given, this.#owned);
    this.#owesJoin = gone.length > 0;
    await this.#giveUp(gone);
    this.#assertIn();
    this.#owned = given;
    this.#given = given;
    if (added.length > 0) await this.#events.assigned(added);
    if (gone.length > 0) {
      // Who is late to hear what it is given, and is told to join again by then, gives up only after that: it would take one generation more.
      if (division.isHalf) await this.#noticed.waitFor(this.#cluster.clock, this.#cluster.settings.retry.backoffMs, signal);
      return undefined;
    }
    this.#events.settled({
      ...{ groupId: this.#settings.groupId, memberId: joined.memberId, generationId: joined.generationId, assignor: joined.assignor },
      groupProtocol: 'classic',
      partitions: given,
      durationMs: this.#cluster.clock.now() - startedAt,
    });
    return { names, joined, ...division };
  }

  /** Joins, divides where that is this member's to do, and learns what it is given. */
  async #ask(names: readonly string[], reason: string, signal: AbortSignal) {
    const joined = await this.#requests.join(this.#memberId, this.#offers(names), reason, signal, memberId => {
      this.#memberId = memberId;
    });
    this.#generationId = joined.generationId;
    const { groupId, groupInstanceId, heartbeatMs } = this.#settings;
    const standing = { groupId, groupInstanceId, memberId: joined.memberId, generationId: joined.generationId };
    const beat = (stop: AbortSignal, timeoutMs: number) => this.#requests.heartbeat(standing, stop, timeoutMs, 'shared');
    return besideHeartbeats(this.#cluster, { heartbeatMs, beat }, signal, async stop => {
      const { assignments, division } = await this.#leading.divide(joined, stop);
      const given = decodeAssignment(await this.#requests.sync(joined, assignments, stop)).partitions;
      return { joined, given, division };
    });
  }

  #offers(names: readonly string[]) {
    const { assignors, rackId } = this.#settings;
    const generationId = this.#isIn ? this.#generationId : -1;
    return assignors.map(assignor => ({
      name: assignor.name,
      metadata: encodeSubscription({
        topics: names,
        userData: assignor.userData?.(this.#given, generationId),
        ownedPartitions: this.#owned,
        generationId,
        rackId,
      }),
    }));
  }

  /** Waits until there is a reason to join again, and gives it. @throws KafkaError what the group has said. */
  async #rest({ names, joined, ...division }: Rest, signal: AbortSignal): Promise<string> {
    const { clock } = this.#cluster;
    const { sessionTimeoutMs, heartbeatMs } = this.#settings;
    let { wanted } = division;
    let isOpen = joined.mayLeadOn; // what there is to look after
    // Who is to give something up may have ended before it joined once more; if it came again in time with its `group.instance.id`, nobody else asks.
    let halfUntil = division.isHalf || isOpen ? clock.now() + sessionTimeoutMs : Number.POSITIVE_INFINITY;
    while (!signal.aborted) {
      const notice = this.#notice;
      this.#notice = undefined;
      if (notice !== undefined && 'error' in notice) throw notice.error;
      if (notice !== undefined) return notice.reason;
      if ((await this.#noticed.waitFor(clock, heartbeatMs, signal)) !== 'late') continue;
      if (clock.now() >= halfUntil) return 'what a member was to give up may be with nobody';
      try {
        if (!isSame(names, await this.#topics.names(signal))) return 'other topics match the subscription';
        const found = isOpen ? await this.#leading.takeOver(joined, signal, heartbeatMs) : undefined;
        if (found?.isWhole === false) return 'a partition is with nobody';
        if (found !== undefined) {
          isOpen = false;
          wanted = found.wanted;
          halfUntil = Number.POSITIVE_INFINITY;
        }
        if (wanted === undefined) continue;
        const counts = await this.#topics.partitionCounts(wanted.topics, signal);
        if (!isSame(entriesOf(wanted.counts), entriesOf(counts))) return 'a topic has other partitions';
      } catch (error) {
        if (!signal.aborted) this.#cluster.passing(asKafkaError(error), heartbeatMs);
      }
    }
    return 'it leaves';
  }

  /** @throws KafkaError that the group has gone on without it while it gave something up: what it was given may be with others by now. */
  #assertIn(): void {
    const notice = this.#notice;
    if (notice !== undefined && 'error' in notice && reactionTo(notice.error) !== 'rejoin') throw notice.error;
  }

  #note(error: KafkaError): void {
    const isNews = this.#notice === undefined || !('error' in this.#notice) || reactionTo(this.#notice.error) === 'rejoin';
    if (isNews) this.#notice = { error };
    this.#noticed.ring();
  }

  async #giveUp(partitions: readonly ForPartition[]): Promise<void> {
    if (partitions.length === 0) return;
    this.#owned = without(this.#owned, partitions);
    await this.#events.revoked(partitions);
  }

  async #lose(why: KafkaError): Promise<void> {
    const lost = this.#owned;
    this.#owned = [];
    this.#given = [];
    this.#isIn = false;
    this.#heartbeats.stop();
    if (lost.length > 0) await this.#events.lost(lost, why);
  }

  /** The loop has ended: what is held is lost, and the group is told. Never rejects. */
  async #left(why: KafkaError, timeoutMs: number): Promise<void> {
    if (this.#owned.length > 0) await this.#events.leaving(this.#owned);
    await this.#lose(why);
    await this.#tellItLeaves(why, timeoutMs);
  }

  /** Who is told so gives its partitions to others at once. Never rejects. */
  async #tellItLeaves(why: KafkaError, timeoutMs: number): Promise<void> {
    const { groupInstanceId } = this.#settings;
    const memberId = this.#memberId;
    const isAwaited = groupInstanceId !== undefined && !this.#owesJoin; // a static member comes again before its session is over
    if (memberId === '' || isAwaited) return;
    this.#memberId = '';
    await this.#requests.leave(memberId, why.message, timeoutMs).catch(() => {}); // then its session runs out
  }
}

const entriesOf = (counts: ReadonlyMap<string, number>): readonly string[] => Array.from(counts, ([name, count]) => `${name} ${count}`);
