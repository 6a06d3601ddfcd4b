import { errorNumbers } from '../../base/broker-errors.js';
import type { ClassicMember, ClassicProtocol } from './classic-member.js';
import { chosen, common } from './protocol-choice.js';

/** Who is in a classic group, the first of them as its leader. */
export class Roster {
  readonly #members = new Map<string, ClassicMember>();
  /** The ids of the static members by the names of their instances. */
  readonly #statics = new Map<string, string>();
  #leaderId = '';

  /** Empty when nobody is there. */
  get leaderId(): string {
    return this.#leaderId;
  }

  get size(): number {
    return this.#members.size;
  }

  /** In the order they joined. */
  all(): ClassicMember[] {
    return [...this.#members.values()];
  }

  get(id: string): ClassicMember | undefined {
    return this.#members.get(id);
  }

  /** The id of the member that is this instance now; undefined for none. */
  idOf(instanceId: string): string | undefined {
    return this.#statics.get(instanceId);
  }

  add(member: ClassicMember): void {
    this.#members.set(member.id, member);
    if (member.instanceId !== null) this.#statics.set(member.instanceId, member.id);
    if (this.#leaderId === '') this.#leaderId = member.id;
  }

  remove(id: string): void {
    const member = this.#members.get(id);
    this.#members.delete(id);
    if (member?.instanceId) this.#statics.delete(member.instanceId);
    if (this.#leaderId === id) this.#leaderId = this.all()[0]?.id ?? '';
  }

  /** Puts another in the place of a static member; the place of the leader too. */
  replace(old: ClassicMember, member: ClassicMember): void {
    const led = this.#leaderId === old.id;
    this.#members.delete(old.id);
    this.add(member);
    if (led) this.#leaderId = member.id;
  }

  /** Makes a leader that did not come back give way to one that did. False when nobody did. */
  electJoined(): boolean {
    const leader = this.#members.get(this.#leaderId);
    const next = leader?.isJoining ? leader : this.all().find(({ isJoining }) => isJoining);
    if (next !== undefined) this.#leaderId = next.id;
    return next !== undefined;
  }

  /** The error number when a request is not by a member; 0 when it is. */
  refuse(memberId: string, instanceId: string | null): number {
    if (instanceId !== null) {
      const present = this.#statics.get(instanceId);
      if (present === undefined) return errorNumbers.UNKNOWN_MEMBER_ID;
      if (present !== memberId) return errorNumbers.FENCED_INSTANCE_ID;
    }
    return this.#members.has(memberId) ? 0 : errorNumbers.UNKNOWN_MEMBER_ID;
  }

  /** Whether all members know one of these protocols. */
  knowOneOf(protocols: readonly ClassicProtocol[]): boolean {
    if (this.size === 0) return true;
    const known = common(this.#protocols());
    return protocols.some(({ name }) => known.has(name));
  }

  /** The protocol that the members choose. */
  chosenProtocol(): string {
    return chosen(this.#protocols());
  }

  /** The longest time that one of them wants for a rebalance. */
  get rebalanceTimeoutMs(): number {
    return Math.max(0, ...this.all().map(({ introduction }) => introduction.rebalanceTimeoutMs));
  }

  #protocols(): (readonly ClassicProtocol[])[] {
    return this.all().map(({ introduction }) => introduction.protocols);
  }
}
