import type { ClassicMember, Introduction, JoinAnswer, SyncAnswer } from './classic-member.js';
import { CONSUMER, partitionsOf, topicsOf } from './consumer-protocol.js';
import type { GroupMember } from './group.js';
import type { Roster } from './roster.js';

/** What another coordinator finds of a group: what its log had of the last assignment. */
export interface StoredGroup {
  readonly generationId: number;
  readonly protocolType: string;
  readonly protocolName: string;
  /** The leader first. */
  readonly members: readonly { readonly id: string; readonly introduction: Introduction; readonly assignment: Buffer }[];
}

/** What the members of a classic group have agreed on, how often they have, and how that is told. */
export class Generation {
  readonly #roster: Roster;
  id = 0;
  protocolType = '';
  /** Empty when none is chosen. */
  protocolName = '';
  #stored: StoredGroup | undefined;

  constructor(roster: Roster) {
    this.#roster = roster;
  }

  get isOfConsumers(): boolean {
    return this.protocolType === CONSUMER;
  }

  /** Whether a member believes in another protocol; null says nothing. */
  differs(protocolType: string | null, protocolName: string | null): boolean {
    return (protocolType ?? this.protocolType) !== this.protocolType || (protocolName ?? this.protocolName) !== this.protocolName;
  }

  /** What another coordinator goes on with; undefined before anything was assigned. */
  get stored(): StoredGroup | undefined {
    return this.#stored;
  }

  /** What is assigned now is what another coordinator goes on with. */
  store(): void {
    const { leaderId } = this.#roster;
    const leaderFirst = this.#roster.all().sort((a, b) => Number(b.id === leaderId) - Number(a.id === leaderId));
    this.#stored = {
      generationId: this.id,
      protocolType: this.protocolType,
      protocolName: this.protocolName,
      members: leaderFirst.map(({ id, introduction, assignment }) => ({ id, introduction, assignment })),
    };
  }

  load(stored: StoredGroup): void {
    this.#stored = stored;
    this.id = stored.generationId;
    this.protocolType = stored.protocolType;
    this.protocolName = stored.protocolName;
  }

  members(): GroupMember[] {
    return this.#roster.all().map(({ id, introduction, assignment }) => ({
      memberId: id,
      instanceId: introduction.instanceId,
      clientId: introduction.clientId,
      epoch: this.id,
      isLeader: id === this.#roster.leaderId,
      partitions: (this.isOfConsumers ? partitionsOf(assignment) : undefined) ?? [],
    }));
  }

  isSubscribedTo(topic: string): boolean {
    if (!this.isOfConsumers) return false;
    return this.#roster.all().some(member => topicsOf(member.metadataOf(this.protocolName))?.includes(topic) ?? true);
  }

  /** What a member hears when it has joined. @param isUndivided The leader is still to assign, and hears of all members. */
  told({ id }: ClassicMember, isUndivided: boolean): JoinAnswer {
    return {
      errorCode: 0,
      generationId: this.id,
      protocolType: this.protocolType,
      protocolName: this.protocolName,
      leader: this.#roster.leaderId,
      memberId: id,
      members: id === this.#roster.leaderId && isUndivided ? this.introductions() : [],
    };
  }

  introductions(): JoinAnswer['members'] {
    return this.#roster.all().map(member => ({
      memberId: member.id,
      groupInstanceId: member.instanceId,
      metadata: member.metadataOf(this.protocolName),
    }));
  }

  /** What a member hears when the leader has assigned. */
  assigned({ assignment }: ClassicMember): SyncAnswer {
    return { errorCode: 0, protocolType: this.protocolType, protocolName: this.protocolName, assignment };
  }
}
