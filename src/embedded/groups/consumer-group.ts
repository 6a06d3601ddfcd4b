import { errorNumbers } from '../../base/broker-errors.js';
import type { Clock, Timer } from '../../base/clock.js';
import type { Topic } from '../topic.js';
import { refuse } from '../transactional-id.js';
import { type Assignment, each, has, NO_PARTITIONS, same, without } from './assignment.js';
import { assignors, DEFAULT_ASSIGNOR, type Reader } from './assignors.js';
import type { Claim, Commit, Group, GroupMember, GroupState, Leaving } from './group.js';
import { type Holding, reconcile } from './reconcile.js';
import { type Subscription, sameSubscription, subscribed } from './subscription.js';

type ConsumerState = Exclude<GroupState, 'PreparingRebalance' | 'CompletingRebalance'>;

/** What groups of the new protocol need of the cluster. */
export interface ConsumerSurroundings {
  readonly clock: Clock;
  readonly maxGroupSize: number;
  readonly consumerSessionTimeoutMs: number;
  /** The topics there are, by name. */
  readonly topics: ReadonlyMap<string, Topic>;
  topicById(id: string): Topic | undefined;
  /** Is called when a member has. */
  changed(): void;
}

/** What a member says of itself. */
interface Description extends Subscription {
  readonly rackId: string | null;
  readonly clientId: string;
  readonly rebalanceTimeoutMs: number;
  /** Null: any. */
  readonly assignor: string | null;
}

export interface ConsumerMember extends Description, Holding {
  readonly id: string;
  readonly instanceId: string | null;
}

/** A heartbeat; what is undefined has not changed since the one before. */
export interface Beat {
  readonly memberId: string;
  readonly instanceId: string | null;
  /** {@link JOINS}, or the epoch the member knows. */
  readonly epoch: number;
  readonly owned: Assignment | undefined;
  readonly changes: { readonly [K in keyof Description]?: Description[K] | undefined };
  /** Whether it says everything there is to say: then it is told everything too. */
  readonly isFull: boolean;
}

export interface Heard {
  readonly epoch: number;
  /** Undefined: as before. */
  readonly assigned: Assignment | undefined;
}

type Refused = { readonly refuse: number };

/** The epochs that say what a member is about to do. */
export const JOINS = 0;
export const LEAVES = -1;
/** As a static member that will be back. */
export const LEAVES_FOR_A_WHILE = -2;

interface Timers {
  session: Timer | undefined;
  rebalance: Timer | undefined;
}

/**
 * A group of the new protocol: members say what they want to read and what they have, in heartbeats; the coordinator assigns.
 * @see KIP-848
 */
export class ConsumerGroup implements Group {
  readonly id: string;
  readonly kind = 'consumer';
  readonly protocolType = 'consumer';
  readonly #around: ConsumerSurroundings;
  readonly #members = new Map<string, ConsumerMember>();
  readonly #timers = new Map<string, Timers>();
  /** What each member is to have in the end. */
  #target: ReadonlyMap<string, Assignment> = new Map();
  #epoch = 0;
  #targetEpoch = 0;
  /** The topics that somebody wants, with their partitions, when that was last looked at. */
  #wanted = '';
  #isDead = false;

  constructor(id: string, around: ConsumerSurroundings) {
    this.id = id;
    this.#around = around;
  }

  get state(): ConsumerState {
    if (this.#isDead) return 'Dead';
    if (this.#members.size === 0) return 'Empty';
    if (this.#epoch > this.#targetEpoch) return 'Assigning';
    return this.all().every(member => this.#isSettled(member)) ? 'Stable' : 'Reconciling';
  }

  /** Counts the changes of what members want and of who they are. */
  get epoch(): number {
    return this.#epoch;
  }

  /** The {@link epoch} for which partitions were last assigned. */
  get targetEpoch(): number {
    return this.#targetEpoch;
  }

  /** In the order they joined. */
  all(): readonly ConsumerMember[] {
    return [...this.#members.values()];
  }

  targetOf(memberId: string): Assignment {
    return this.#target.get(memberId) ?? NO_PARTITIONS;
  }

  /** The assignor that most members ask for. */
  get assignor(): string {
    const votes = new Map<string, number>();
    for (const { assignor } of this.all()) if (assignor !== null) votes.set(assignor, (votes.get(assignor) ?? 0) + 1);
    const [best] = [...votes].sort(([, a], [, b]) => b - a);
    return best?.[0] ?? DEFAULT_ASSIGNOR;
  }

  members(): GroupMember[] {
    return this.all().map(({ id, instanceId, clientId, epoch, assigned }) => ({
      memberId: id,
      instanceId,
      clientId,
      epoch,
      isLeader: false,
      partitions: [...each(assigned)].flatMap(([topicId, partition]) => {
        const topic = this.#around.topicById(topicId); // none: it was deleted, and the member has yet to hear of it
        return topic === undefined ? [] : [`${topic.name}/${partition}`];
      }),
    }));
  }

  /** A member joins, or is still there; it is told what to read when that has changed. */
  heartbeat(beat: Beat): Heard | Refused {
    const { memberId, epoch } = beat;
    const isFull = this.#members.size >= this.#around.maxGroupSize && !this.#members.has(memberId);
    if (isFull) return refuse('GROUP_MAX_SIZE_REACHED');
    const found = this.#memberOf(beat);
    if ('refuse' in found) return found;
    const described: ConsumerMember = { ...found, ...given(beat.changes) };
    this.#members.set(memberId, described);
    const wanted = this.#whatIsWanted();
    if (this.#epoch === 0 || wanted !== this.#wanted || !sameSubscription(found, described)) this.#epoch++;
    this.#wanted = wanted;
    if (this.#epoch > this.#targetEpoch) this.#assign();
    const target = { epoch: this.#targetEpoch, assignment: this.targetOf(memberId) };
    const member = { ...described, ...reconcile(described, target, beat.owned, (topicId, partition) => this.#isHeld(topicId, partition)) };
    this.#members.set(memberId, member);
    this.#watch(described, member);
    this.#around.changed();
    const isTold = epoch === JOINS || beat.isFull || !same(found.assigned, member.assigned);
    return { epoch: member.epoch, assigned: isTold ? member.assigned : undefined };
  }

  #memberOf({ memberId, instanceId, epoch, owned, changes }: Beat): ConsumerMember | Refused {
    const known = instanceId === null ? this.#members.get(memberId) : this.#instance(instanceId);
    if (epoch === JOINS && instanceId !== null && known !== undefined) {
      if (known.epoch !== LEAVES_FOR_A_WHILE) return refuse('UNRELEASED_INSTANCE_ID');
      return this.#replace(known, memberId);
    }
    if (known === undefined) {
      if (epoch !== JOINS) return refuse('UNKNOWN_MEMBER_ID');
      return newMember(memberId, instanceId, changes.clientId ?? '');
    }
    if (known.id !== memberId) return refuse('FENCED_INSTANCE_ID');
    if (epoch === known.epoch) return known;
    // It may not have heard of its present epoch: then it has nothing that it should not have.
    const isBehind =
      epoch < known.epoch && epoch === known.previousEpoch && owned !== undefined && without(owned, known.assigned).size === 0;
    return isBehind ? known : refuse('FENCED_MEMBER_EPOCH');
  }

  /** Puts a static member that is back in its own place; it may have another id. */
  #replace(old: ConsumerMember, id: string): ConsumerMember {
    const member: ConsumerMember = { ...old, id, epoch: JOINS, previousEpoch: JOINS };
    const target = new Map(this.#target);
    target.delete(old.id);
    target.set(id, this.targetOf(old.id));
    this.#target = target;
    this.#forget(old.id);
    this.#members.set(id, member);
    return member;
  }

  /** A heartbeat by which a member leaves, for good or, if it is static, for a while. */
  lastHeartbeat(memberId: string, instanceId: string | null, epoch: number): Heard | Refused {
    const known = instanceId === null ? this.#members.get(memberId) : this.#instance(instanceId);
    if (epoch !== LEAVES_FOR_A_WHILE || known?.id !== memberId) {
      const [error = 0] = this.leave([{ memberId, instanceId }]);
      return error === 0 ? { epoch, assigned: undefined } : { refuse: error };
    }
    this.#members.set(memberId, { ...known, epoch, revoking: NO_PARTITIONS }); // its session goes on for a while
    this.#timersOf(memberId).rebalance?.cancel();
    return { epoch, assigned: undefined };
  }

  leave(leaving: readonly Leaving[]): number[] {
    const errors = leaving.map(({ memberId, instanceId }) => {
      const member = instanceId === null ? this.#members.get(memberId) : this.#instance(instanceId);
      if (member === undefined) return errorNumbers.UNKNOWN_MEMBER_ID;
      if (memberId !== '' && memberId !== member.id) return errorNumbers.FENCED_INSTANCE_ID;
      this.#remove(member.id);
      return 0;
    });
    if (errors.includes(0)) this.#bump();
    return errors;
  }

  refuseCommit({ memberId, instanceId, epoch, isTransactional, version }: Commit): number {
    if (epoch < 0 && this.#members.size === 0) return 0;
    if (isTransactional && epoch < 0 && !memberId && instanceId === null) return 0;
    const member = this.#members.get(memberId ?? '');
    if (member === undefined) return errorNumbers.UNKNOWN_MEMBER_ID;
    if (!isTransactional && version < 9) return errorNumbers.UNSUPPORTED_VERSION;
    if (epoch === member.epoch) return 0;
    return isTransactional ? errorNumbers.ILLEGAL_GENERATION : errorNumbers.STALE_MEMBER_EPOCH;
  }

  refuseFetch({ memberId, epoch }: Claim): number {
    if (memberId === null && epoch < 0) return 0;
    const member = this.#members.get(memberId ?? '');
    if (member === undefined) return errorNumbers.UNKNOWN_MEMBER_ID;
    return epoch === member.epoch ? 0 : errorNumbers.STALE_MEMBER_EPOCH;
  }

  refuseDeletingOffsets(): number {
    return 0;
  }

  isSubscribedTo(name: string): boolean {
    return this.all().some(member => subscribed(member, this.#around.topics).some(topic => topic.name === name));
  }

  rebalance(): boolean {
    if (this.#members.size === 0) return false;
    this.#epoch++;
    return true;
  }

  expire(memberId: string): boolean {
    return this.leave([{ memberId, instanceId: null }]).includes(0);
  }

  close(): void {
    this.#isDead = true;
    for (const id of this.#timers.keys()) this.#cancel(id);
  }

  /** Another coordinator goes on with it: everybody's session begins anew. */
  move(): void {
    for (const member of this.all()) this.#watch(member, member);
  }

  #instance(instanceId: string): ConsumerMember | undefined {
    return this.all().find(member => member.instanceId === instanceId);
  }

  #isSettled({ progress, epoch }: ConsumerMember): boolean {
    return progress === 'stable' && epoch === this.#targetEpoch;
  }

  #isHeld(topicId: string, partition: number): boolean {
    return this.all().some(({ assigned, revoking }) => has(assigned, topicId, partition) || has(revoking, topicId, partition));
  }

  #topicsOf(member: ConsumerMember): Topic[] {
    return subscribed(member, this.#around.topics);
  }

  #whatIsWanted(): string {
    const topics = new Set(this.all().flatMap(member => this.#topicsOf(member)));
    return Array.from(topics, ({ id, partitions }) => `${id} ${partitions.length}`)
      .sort()
      .join();
  }

  #assign(): void {
    const counts = new Map<string, number>();
    const readers = this.all().map((member): Reader => {
      const topics = this.#topicsOf(member);
      for (const { id, partitions } of topics) counts.set(id, partitions.length);
      const { id, instanceId } = member;
      return { id, instanceId, topicIds: new Set(topics.map(topic => topic.id)), before: this.targetOf(id) };
    });
    this.#target = assignors.get(this.assignor)?.(readers, counts) ?? new Map();
    this.#targetEpoch = this.#epoch;
  }

  #remove(memberId: string): void {
    this.#forget(memberId);
    const target = new Map(this.#target);
    target.delete(memberId);
    this.#target = target;
  }

  /** Somebody has gone: the next heartbeat shares anew. */
  #bump(): void {
    this.#wanted = this.#whatIsWanted();
    this.#epoch++;
    this.#around.changed();
  }

  #forget(memberId: string): void {
    this.#cancel(memberId);
    this.#timers.delete(memberId);
    this.#members.delete(memberId);
  }

  /** Sees to it that a member gives signs of life, and gives up what it has to. */
  #watch(before: ConsumerMember, member: ConsumerMember): void {
    const { clock, consumerSessionTimeoutMs } = this.#around;
    const timers = this.#timersOf(member.id);
    timers.session?.cancel();
    timers.session = clock.after(consumerSessionTimeoutMs, () => this.expire(member.id), true);
    if (member.progress !== 'revoking') timers.rebalance?.cancel();
    else if (before.progress !== 'revoking' || before.epoch !== member.epoch) {
      timers.rebalance?.cancel();
      timers.rebalance = clock.after(
        member.rebalanceTimeoutMs,
        () => {
          if (this.#members.get(member.id)?.epoch === member.epoch) this.expire(member.id);
        },
        true,
      );
    }
  }

  #timersOf(memberId: string): Timers {
    const timers = this.#timers.get(memberId) ?? { session: undefined, rebalance: undefined };
    this.#timers.set(memberId, timers);
    return timers;
  }

  #cancel(memberId: string): void {
    const timers = this.#timers.get(memberId);
    timers?.session?.cancel();
    timers?.rebalance?.cancel();
  }
}

const newMember = (id: string, instanceId: string | null, clientId: string): ConsumerMember => ({
  id,
  instanceId,
  clientId,
  rackId: null,
  rebalanceTimeoutMs: -1,
  assignor: null,
  topics: [],
  pattern: '',
  epoch: JOINS,
  previousEpoch: 0,
  progress: 'stable',
  assigned: NO_PARTITIONS,
  revoking: NO_PARTITIONS,
});

/** What is not undefined. */
function given<T extends object>(changes: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(changes).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
