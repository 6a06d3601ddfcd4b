import { errorNumbers } from '../../base/broker-errors.js';
import type { Clock, Timer } from '../../base/clock.js';
import { StateError } from '../../base/errors.js';
import { ClassicMember, type JoinAnswer, NOTHING, type SyncAnswer } from './classic-member.js';
import { type Errno, type JoinRequest, refusedJoin, refusedSync, type SyncRequest } from './classic-messages.js';
import { FirstWait } from './first-wait.js';
import { Generation, type StoredGroup } from './generation.js';
import type { Claim, Commit, Group, GroupMember, GroupState, Leaving } from './group.js';
import { Roster } from './roster.js';

type ClassicState = Exclude<GroupState, 'Assigning' | 'Reconciling'>;

const next: Readonly<Record<ClassicState, readonly ClassicState[]>> = {
  Empty: ['PreparingRebalance', 'Dead'],
  PreparingRebalance: ['CompletingRebalance', 'Empty', 'Dead'],
  CompletingRebalance: ['Stable', 'PreparingRebalance', 'Dead'],
  Stable: ['PreparingRebalance', 'Dead'],
  Dead: [],
};

/** How long the first JoinGroup of a member may wait, in ms: it cannot give a sign of life meanwhile. */
const FIRST_JOIN_MS = 300_000;

/** What classic groups need of the cluster. */
export interface ClassicSurroundings {
  readonly clock: Clock;
  readonly initialRebalanceDelayMs: number;
  readonly maxGroupSize: number;
  /**
   * Whether members are checked as before 3.0: one may name an instance that nobody is, and what a transaction stores need not be of any
   * generation.
   */
  readonly isBefore3: boolean;
  /** An id for a member, that nobody has. */
  freshId(prefix: string): string;
  /** Is called when a state or its members have changed. */
  changed(): void;
}

/**
 * A group of the classic protocol: members join, one of them assigns, all are told (KIP-62). What is assigned is not looked at.
 * @see KIP-345, static members; KIP-394, KIP-814
 */
export class ClassicGroup implements Group {
  readonly id: string;
  readonly kind = 'classic';
  readonly #around: ClassicSurroundings;
  readonly #roster = new Roster();
  readonly #generation = new Generation(this.#roster);
  /** Newcomers that were told their id and have not joined yet, each with the end of its patience. */
  readonly #pending = new Map<string, Timer>();
  /** Members that were told of this generation and have not asked for their assignment. */
  readonly #unsynced = new Set<string>();
  #state: ClassicState = 'Empty';
  /** Whether the rebalance that is being prepared is the first since nobody was there. */
  #isInitial = false;
  readonly #firstWait: FirstWait;
  #joinTimer: Timer | undefined;
  #syncTimer: Timer | undefined;

  constructor(id: string, around: ClassicSurroundings, stored?: StoredGroup) {
    this.id = id;
    this.#around = around;
    this.#firstWait = new FirstWait(around.initialRebalanceDelayMs, (ms, run) => {
      this.#joinTimer = this.#after(ms, run);
    });
    if (stored !== undefined) this.#load(stored);
  }

  get state(): ClassicState {
    return this.#state;
  }

  get protocolType(): string {
    return this.#generation.protocolType;
  }

  /** Empty when none is chosen. */
  get protocolName(): string {
    return this.#generation.protocolName;
  }

  get generationId(): number {
    return this.#generation.id;
  }

  /** Everybody who is there, in the order they joined; those that were only told their id are not. */
  all(): readonly ClassicMember[] {
    return this.#roster.all();
  }

  members(): GroupMember[] {
    return this.#generation.members();
  }

  /** Answered at once, or when all members have asked. */
  join(request: JoinRequest): JoinAnswer | Promise<JoinAnswer> {
    const { memberId } = request;
    if (!this.#hasRoomFor(memberId)) {
      this.#remove(memberId);
      return refusedJoin('GROUP_MAX_SIZE_REACHED', '');
    }
    const suits = this.#state === 'Empty' ? request.protocolType !== '' && request.protocols.length > 0 : this.#suits(request);
    if (!suits) return refusedJoin('INCONSISTENT_GROUP_PROTOCOL', memberId);
    if (memberId === '') return this.#joinNew(request);
    const pending = this.#pending.get(memberId);
    if (pending !== undefined) {
      pending.cancel();
      this.#pending.delete(memberId);
      return this.#add(memberId, request);
    }
    return this.#joinAgain(request);
  }

  #suits({ protocolType, protocols }: JoinRequest): boolean {
    return protocolType === this.#generation.protocolType && this.#roster.knowOneOf(protocols);
  }

  #hasRoomFor(memberId: string): boolean {
    const { maxGroupSize } = this.#around;
    if (this.#state === 'Empty') return true;
    const member = this.#roster.get(memberId);
    if (this.#state !== 'PreparingRebalance') return member !== undefined || this.#roster.size < maxGroupSize;
    return member?.isJoining || this.all().filter(({ isJoining }) => isJoining).length < maxGroupSize;
  }

  #joinNew(request: JoinRequest): JoinAnswer | Promise<JoinAnswer> {
    const { instanceId, clientId, sessionTimeoutMs, needsId } = request;
    const fresh = this.#around.freshId(instanceId ?? clientId);
    const present = instanceId === null ? undefined : this.#roster.get(this.#roster.idOf(instanceId) ?? '');
    if (present !== undefined) return this.#replace(present, fresh, request);
    if (instanceId !== null || !needsId) return this.#add(fresh, request);
    this.#pending.set(
      fresh,
      this.#after(sessionTimeoutMs, () => this.#forgetPending(fresh)),
    );
    return refusedJoin('MEMBER_ID_REQUIRED', fresh);
  }

  #joinAgain(request: JoinRequest): JoinAnswer | Promise<JoinAnswer> {
    const { memberId, instanceId, protocols } = request;
    const member = this.#roster.get(memberId);
    const wrong = this.#refuseMember(memberId, instanceId);
    if (wrong !== 0 || member === undefined) return { ...refusedJoin('UNKNOWN_MEMBER_ID', memberId), errorCode: wrong };
    const changes = this.#state === 'PreparingRebalance' || !member.says(protocols);
    const leads = this.#state === 'Stable' && memberId === this.#roster.leaderId;
    if (!changes && !leads) return this.#told(member); // it may not have heard the answer
    member.introduction = { ...request, instanceId: member.instanceId, clientId: member.introduction.clientId };
    const answer = member.waitToJoin();
    this.#rebalanceOrComplete();
    return answer;
  }

  #add(id: string, request: JoinRequest): Promise<JoinAnswer> {
    const member = new ClassicMember(id, request);
    if (this.#state === 'PreparingRebalance' && this.#isInitial) this.#firstWait.more();
    if (this.#roster.size === 0) this.#generation.protocolType = request.protocolType;
    this.#roster.add(member);
    const answer = member.waitToJoin();
    this.#watch(member, FIRST_JOIN_MS);
    this.#rebalanceOrComplete();
    return answer;
  }

  /** A static member that has lost its id, or somebody in its name: whoever was there before is fenced. */
  #replace(old: ClassicMember, id: string, request: JoinRequest): JoinAnswer | Promise<JoinAnswer> {
    const formerLeader = this.#roster.leaderId;
    const error = errorNumbers.FENCED_INSTANCE_ID;
    old.session?.cancel();
    old.answerJoin(refusedJoin('FENCED_INSTANCE_ID', old.id));
    old.answerSync(refusedSync(error));
    const member = new ClassicMember(id, { ...request, clientId: old.introduction.clientId });
    member.assignment = old.assignment;
    member.isNew = false;
    this.#roster.replace(old, member);
    this.#unsynced.delete(old.id);
    if (this.#state === 'Stable' && this.#roster.chosenProtocol() === this.#generation.protocolName) {
      this.#watch(member);
      this.#generation.store();
      const leads = id === this.#roster.leaderId;
      // Before it could be told to skip the assignment, a leader was let believe that it is none.
      if (!request.maySkip) return { ...this.#told(member), leader: formerLeader, members: [] };
      return { ...this.#told(member), skipAssignment: leads, members: leads ? this.#generation.introductions() : [] };
    }
    const answer = member.waitToJoin();
    this.#watch(member);
    if (this.#state === 'PreparingRebalance') this.#completeJoinIfAll();
    else this.#prepareRebalance(); // the leader may have the old id before it
    return answer;
  }

  /** Answered at once, or when the leader has assigned. */
  sync(request: SyncRequest): SyncAnswer | Promise<SyncAnswer> {
    const { memberId, instanceId, generationId, protocolType, protocolName, assignments } = request;
    const member = this.#roster.get(memberId);
    const wrong = this.#refuse(memberId, instanceId, generationId);
    if (wrong !== 0 || member === undefined) return refusedSync(wrong);
    if (this.#generation.differs(protocolType, protocolName)) return refusedSync(errorNumbers.INCONSISTENT_GROUP_PROTOCOL);
    if (this.#state === 'PreparingRebalance') return refusedSync(errorNumbers.REBALANCE_IN_PROGRESS);
    this.#unsynced.delete(memberId);
    if (this.#unsynced.size === 0) this.#syncTimer?.cancel();
    if (this.#state === 'Stable') return this.#generation.assigned(member);
    const answer = member.waitToSync();
    if (memberId === this.#roster.leaderId) this.#assign(assignments);
    return answer;
  }

  #assign(assignments: ReadonlyMap<string, Buffer>): void {
    for (const member of this.all()) member.assignment = assignments.get(member.id) ?? NOTHING;
    this.#become('Stable');
    this.#generation.store();
    for (const member of this.all()) if (member.answerSync(this.#generation.assigned(member))) this.#watch(member);
  }

  /** The error number of a member's sign of life. */
  heartbeat(memberId: string, instanceId: string | null, generationId: number): number {
    const wrong = this.#refuse(memberId, instanceId, generationId);
    if (wrong !== 0) return wrong;
    this.#isAlive(memberId);
    return this.#state === 'PreparingRebalance' ? errorNumbers.REBALANCE_IN_PROGRESS : 0;
  }

  leave(leaving: readonly Leaving[]): number[] {
    const errors = leaving.map(one => this.#leave(one));
    if (errors.includes(0)) {
      if (this.#state === 'PreparingRebalance') this.#completeJoinIfAll();
      else if (this.#state !== 'Empty') this.#prepareRebalance();
    }
    return errors;
  }

  #leave({ memberId, instanceId }: Leaving): number {
    if (memberId === '') {
      const named = instanceId === null ? undefined : this.#roster.idOf(instanceId);
      if (named === undefined) return errorNumbers.UNKNOWN_MEMBER_ID;
      this.#remove(named);
      return 0;
    }
    const wrong = this.#pending.has(memberId) ? 0 : this.#refuseMember(memberId, instanceId);
    if (wrong === 0) this.#remove(memberId);
    return wrong;
  }

  refuseCommit({ memberId, instanceId, epoch, isTransactional }: Commit): number {
    if (isTransactional && this.#around.isBefore3) {
      const wrong = memberId || instanceId !== null ? this.#refuseMember(memberId ?? '', instanceId) : 0;
      return wrong === 0 && epoch >= 0 && epoch !== this.#generation.id ? errorNumbers.ILLEGAL_GENERATION : wrong;
    }
    if (epoch < 0 && this.#state === 'Empty') return 0;
    if (epoch < 0 && !memberId && instanceId === null) return isTransactional ? 0 : errorNumbers.UNKNOWN_MEMBER_ID;
    const wrong = this.#refuse(memberId ?? '', instanceId, epoch);
    if (wrong !== 0 || isTransactional) return wrong;
    // A member that has not yet heard what it may read must not say how far it has read.
    if (this.#state === 'CompletingRebalance') return errorNumbers.REBALANCE_IN_PROGRESS;
    this.#isAlive(memberId ?? '');
    return 0;
  }

  refuseFetch(_: Claim): number {
    return 0;
  }

  refuseDeletingOffsets(): number {
    return this.#state === 'Empty' || this.#generation.isOfConsumers ? 0 : errorNumbers.NON_EMPTY_GROUP;
  }

  isSubscribedTo(topic: string): boolean {
    return this.#generation.isSubscribedTo(topic);
  }

  rebalance(): boolean {
    if (this.#roster.size === 0) return false;
    if (this.#state !== 'PreparingRebalance') this.#prepareRebalance();
    return true;
  }

  expire(memberId: string): boolean {
    if (this.#pending.has(memberId)) {
      this.#forgetPending(memberId);
      return true;
    }
    return this.leave([{ memberId, instanceId: null }]).includes(0);
  }

  close(): void {
    this.#end('UNKNOWN_MEMBER_ID');
  }

  /** Ends it here; gives what another coordinator goes on with. Who waits is sent there. */
  handOver(): StoredGroup | undefined {
    this.#end('NOT_COORDINATOR');
    return this.#generation.stored;
  }

  #end(error: Errno): void {
    if (this.#state !== 'Dead') this.#become('Dead');
    this.#joinTimer?.cancel();
    this.#syncTimer?.cancel();
    for (const timer of this.#pending.values()) timer.cancel();
    for (const member of this.all()) {
      member.session?.cancel();
      member.answerJoin(refusedJoin(error, member.id));
      member.answerSync(refusedSync(errorNumbers[error]));
    }
  }

  #load(stored: StoredGroup): void {
    this.#generation.load(stored);
    this.#state = stored.members.length > 0 ? 'Stable' : 'Empty';
    for (const { id, introduction, assignment } of stored.members) {
      const member = new ClassicMember(id, introduction);
      member.assignment = assignment;
      member.isNew = false;
      this.#roster.add(member);
      this.#watch(member);
    }
  }

  /** The error number when a request is not by a member of this generation. */
  #refuse(memberId: string, instanceId: string | null, generationId: number): number {
    const wrong = this.#refuseMember(memberId, instanceId);
    return wrong === 0 && generationId !== this.#generation.id ? errorNumbers.ILLEGAL_GENERATION : wrong;
  }

  #refuseMember(memberId: string, instanceId: string | null): number {
    const isNobody = instanceId !== null && this.#roster.idOf(instanceId) === undefined;
    return this.#roster.refuse(memberId, isNobody && this.#around.isBefore3 ? null : instanceId);
  }

  #rebalanceOrComplete(): void {
    if (this.#state === 'PreparingRebalance') this.#completeJoinIfAll();
    else this.#prepareRebalance();
  }

  /** Has everybody join again. */
  #prepareRebalance(): void {
    for (const member of this.all()) {
      if (this.#state === 'CompletingRebalance') member.assignment = NOTHING;
      if (member.answerSync(refusedSync(errorNumbers.REBALANCE_IN_PROGRESS))) this.#watch(member);
    }
    this.#unsynced.clear();
    this.#syncTimer?.cancel();
    this.#isInitial = this.#state === 'Empty';
    this.#become('PreparingRebalance');
    if (this.#isInitial) this.#firstWait.begin(this.#roster.rebalanceTimeoutMs, () => this.#completeJoin());
    else if (this.#haveAllJoined) this.#completeJoin();
    else this.#completeJoinLater();
  }

  get #haveAllJoined(): boolean {
    return this.#pending.size === 0 && this.all().every(({ isJoining }) => isJoining);
  }

  #completeJoinIfAll(): void {
    if (!this.#isInitial && this.#haveAllJoined) this.#completeJoin();
  }

  #completeJoinLater(): void {
    this.#joinTimer = this.#after(this.#roster.rebalanceTimeoutMs, () => this.#completeJoin());
  }

  /** Begins the next generation with those that have joined. Static members stay, joined or not. */
  #completeJoin(): void {
    this.#joinTimer?.cancel();
    for (const { id, isJoining, instanceId } of this.all()) if (!isJoining && instanceId === null) this.#remove(id);
    if (this.#roster.size > 0 && !this.#roster.electJoined()) {
      this.#completeJoinLater(); // only static members are left, and none is here: their sessions end some time
      return;
    }
    this.#generation.id++;
    this.#unsynced.clear();
    if (this.#roster.size === 0) {
      this.#generation.protocolName = '';
      this.#become('Empty');
      this.#generation.store();
      return;
    }
    this.#generation.protocolName = this.#roster.chosenProtocol();
    this.#become('CompletingRebalance');
    for (const member of this.all()) {
      member.isNew = false;
      member.answerJoin(this.#told(member));
      this.#watch(member);
      this.#unsynced.add(member.id);
    }
    this.#syncTimer = this.#after(this.#roster.rebalanceTimeoutMs, () => this.#removeUnsynced());
  }

  #removeUnsynced(): void {
    if (this.#unsynced.size === 0) return;
    for (const id of this.#unsynced) this.#remove(id);
    this.#prepareRebalance();
  }

  /** What a member hears of the present generation. */
  #told(member: ClassicMember): JoinAnswer {
    return this.#generation.told(member, this.#state === 'CompletingRebalance');
  }

  #isAlive(memberId: string): void {
    const member = this.#roster.get(memberId);
    if (member !== undefined) this.#watch(member);
  }

  /** Begins a member's session anew. */
  #watch(member: ClassicMember, ms = member.introduction.sessionTimeoutMs): void {
    member.session?.cancel();
    member.session = this.#after(ms, () => {
      // Who waits for the others shows that it is there, but for the first time.
      if (member.isNew || !(member.isJoining || member.isSyncing)) this.expire(member.id);
    });
  }

  #forgetPending(id: string): void {
    this.#remove(id);
    if (this.#state === 'PreparingRebalance') this.#completeJoinIfAll();
  }

  /** Takes somebody out, and nothing follows from it yet. */
  #remove(id: string): void {
    const member = this.#roster.get(id);
    this.#pending.get(id)?.cancel();
    this.#pending.delete(id);
    this.#unsynced.delete(id);
    this.#roster.remove(id);
    member?.session?.cancel();
    member?.answerJoin(refusedJoin('UNKNOWN_MEMBER_ID', ''));
  }

  #become(state: ClassicState): void {
    if (!next[this.#state].includes(state)) throw new StateError('TIDE_STATE', `group ${this.id}: ${this.#state} does not become ${state}`);
    this.#state = state;
    this.#around.changed();
  }

  #after(ms: number, run: () => void): Timer {
    return this.#around.clock.after(
      ms,
      () => {
        if (this.#state !== 'Dead') run();
      },
      true,
    );
  }
}
