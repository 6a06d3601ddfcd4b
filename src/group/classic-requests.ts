import { brokerError } from '../base/broker-errors.js';
import type { ClientCore } from '../client/client.js';
import type { CoordinatorBounds } from '../cluster/coordinators.js';
import type { Purpose } from '../cluster/links.js';
import type { Body } from '../network/connection.js';
import { type Api, DescribeGroups, Heartbeat, JoinGroup, LeaveGroup, type ResponseOf, SyncGroup } from '../protocol/index.js';
import type { MemberStanding } from './membership.js';

/** The kind of group that consumers form. */
const protocolType = 'consumer';
/** How much longer than the group may take we wait for the answer. */
const answerMarginMs = 5000;
/** The first version of JoinGroup that tells a leader that comes again that it leads (KIP-814). */
const tellsLeaderFrom = 9;

export interface ClassicSettings {
  readonly groupId: string;
  readonly groupInstanceId: string | undefined;
  /** A member of which nothing is heard for so long is out. */
  readonly sessionTimeoutMs: number;
  /** So long the group waits for its members when it is divided anew. */
  readonly rebalanceTimeoutMs: number;
}

/** What a member offers for one way of assigning. */
export interface Offer {
  readonly name: string;
  readonly metadata: Uint8Array;
}

/** How joining went. */
export interface Joined {
  readonly memberId: string;
  readonly generationId: number;
  /** The way of assigning that all members know. */
  readonly assignor: string;
  readonly leader: string;
  /** For the leader: all members, of which it decides; undefined for the others, and where nothing is to be decided. */
  readonly members: ResponseOf<typeof JoinGroup>['members'] | undefined;
  /** It came again with its `group.instance.id`, the group stays as it is divided, and this member leads it, or may do so: old brokers do not tell. */
  readonly mayLeadOn: boolean;
}

/**
 * What a member asks of its group's coordinator, each time once, on a connection of its own: joining may take as long as the group waits
 * for its members, and nothing may wait behind it.
 */
export class ClassicRequests {
  readonly #core: ClientCore;
  readonly #settings: ClassicSettings;
  readonly #purpose: Purpose;

  constructor(core: ClientCore, settings: ClassicSettings) {
    this.#core = core;
    this.#settings = settings;
    this.#purpose = core.cluster.ownPurpose();
  }

  /**
   * Joins; resolves when every member has.
   * @param known The id that the group gave this member; empty for none.
   * @param named Told of the id as soon as the group has given one, with which it asks again.
   */
  async join(
    known: string,
    offers: readonly Offer[],
    reason: string,
    signal: AbortSignal,
    named: (memberId: string) => void,
  ): Promise<Joined> {
    const { groupId, groupInstanceId = null, sessionTimeoutMs, rebalanceTimeoutMs } = this.#settings;
    const protocols = offers.map(({ name, metadata }) => ({ name, metadata }));
    const body = { groupId, sessionTimeoutMs, rebalanceTimeoutMs, memberId: known, groupInstanceId, protocolType, protocols, reason };
    let isTold = true;
    return this.#ask(
      JoinGroup,
      version => {
        isTold = version >= tellsLeaderFrom;
        return body;
      },
      answer => {
        if (answer.memberId !== '') named(answer.memberId);
        this.#check(answer.errorCode, 'join');
        const { memberId, generationId, protocolName, leader, skipAssignment, members } = answer;
        return {
          memberId,
          generationId,
          assignor: protocolName ?? '',
          leader,
          members: leader === memberId && !skipAssignment ? members : undefined,
          mayLeadOn: isTold ? skipAssignment : groupInstanceId !== null && known === '' && leader !== memberId,
        };
      },
      { signal, timeoutMs: rebalanceTimeoutMs + answerMarginMs },
    );
  }

  /**
   * Tells the group who reads what, if this member has decided that, and gives what is for this one. The group answers when its leader has
   * decided, and never to a member that is taken out meanwhile: `signal` ends the wait.
   */
  async sync(
    { memberId, generationId, assignor }: Joined,
    assignments: ReadonlyMap<string, Uint8Array>,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const { groupId, groupInstanceId = null, rebalanceTimeoutMs } = this.#settings;
    return this.#ask(
      SyncGroup,
      {
        ...{ groupId, generationId, memberId, groupInstanceId, protocolType, protocolName: assignor },
        assignments: Array.from(assignments, ([id, assignment]) => ({ memberId: id, assignment })),
      },
      answer => {
        this.#check(answer.errorCode, 'be given partitions');
        return answer.assignment;
      },
      { signal, timeoutMs: rebalanceTimeoutMs + answerMarginMs },
    ).catch((error: unknown) => {
      if (signal.aborted) this.close(); // a broker takes nothing more from the connection before it has answered this
      throw error;
    });
  }

  /**
   * Says that the member is there.
   * @param timeoutMs Longest wait for the answer.
   * @param purpose Of the connection: another one while something else waits for its answer on this member's own.
   */
  async heartbeat(
    { memberId, generationId }: MemberStanding,
    signal: AbortSignal,
    timeoutMs: number,
    purpose: Purpose = this.#purpose,
  ): Promise<void> {
    const { groupId, groupInstanceId = null } = this.#settings;
    const body = { groupId, generationId, memberId, groupInstanceId };
    await this.#ask(Heartbeat, body, ({ errorCode }) => this.#check(errorCode, 'heartbeat'), { signal, timeoutMs, purpose });
  }

  /** The members of the group, with what they want and have; nobody while it is being divided. */
  describe(signal: AbortSignal, timeoutMs: number): Promise<ResponseOf<typeof DescribeGroups>['groups'][number]['members']> {
    return this.#ask(
      DescribeGroups,
      { groups: [this.#settings.groupId] },
      ({ groups: [group] }) => {
        this.#check(group?.errorCode ?? 0, 'describe members');
        return group?.groupState === 'Stable' ? group.members : [];
      },
      { signal, timeoutMs, purpose: 'shared' },
    );
  }

  /** Leaves the group. On the connection of other requests: joining may hold its own. */
  async leave(memberId: string, reason: string, timeoutMs: number): Promise<void> {
    const { groupId, groupInstanceId = null } = this.#settings;
    await this.#core.coordinators.request(
      'group',
      groupId,
      LeaveGroup,
      version => (version >= 3 ? { groupId, members: [{ memberId, groupInstanceId, reason }] } : { groupId, memberId }),
      ({ errorCode }) => this.#check(errorCode, 'leave'),
      { timeoutMs, policy: { ...this.#core.cluster.settings.retry, attempts: 2 }, deadline: this.#core.cluster.deadline(timeoutMs) },
    );
  }

  /** Closes its own connection; the next request opens another. */
  close(): void {
    this.#core.cluster.release(this.#purpose);
  }

  #ask<A extends Api, T>(api: A, body: Body<A>, read: (answer: ResponseOf<A>) => T, bounds: CoordinatorBounds): Promise<T> {
    const policy = { ...this.#core.cluster.settings.retry, attempts: 1 };
    return this.#core.coordinators.request('group', this.#settings.groupId, api, body, read, { purpose: this.#purpose, ...bounds, policy });
  }

  #check(code: number, what: string): void {
    const { groupId, groupInstanceId } = this.#settings;
    if (code === 0) return;
    throw brokerError(code, `${what} of group ${JSON.stringify(groupId)}`, {
      context: groupInstanceId === undefined ? { groupId } : { groupId, groupInstanceId },
    });
  }
}
