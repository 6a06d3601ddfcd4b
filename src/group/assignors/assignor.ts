import type { ForPartition } from '../../cluster/scatter.js';
import type { MemberSubscription } from '../consumer-protocol.js';

/** A member of a group, as its leader sees it. */
export interface Member extends MemberSubscription {
  readonly memberId: string;
  /** The name that a static member keeps through restarts (KIP-345). */
  readonly groupInstanceId?: string | undefined;
}

/**
 * Says who of a group reads what. The broker makes one member the leader, and the leader's assignor decides for all; all members have to know an
 * assignor of that name.
 * An assignor has no state of its own: what it must know from the time before comes with the members.
 */
export interface Assignor {
  /** What members agree on. Those of Kafka: `range`, `roundrobin`, `sticky`, `cooperative-sticky`. */
  readonly name: string;
  /**
   * `'eager'`: every member gives up all it holds before it joins.
   * `'cooperative'` (KIP-429): members keep what they hold, and {@link assign} must not give to anyone what another still holds. A member that
   * finds something missing from what it holds gives that up and joins again; in that second round it can be given to another.
   */
  readonly protocol: 'eager' | 'cooperative';
  /**
   * What a member adds to its subscription; the leader finds it as `userData` of the member. Without it: nothing.
   * @param owned What the member was given last, also where it has given it up for joining.
   * @param generationId The generation that gave it; -1: it was given nothing yet.
   */
  userData?(owned: readonly ForPartition[], generationId: number): Uint8Array | undefined;
  /**
   * Gives each partition of the topics that members want to one of those who want it.
   * @param partitionsOf How many partitions each topic has; topics that do not exist are not in it.
   * @returns Something for every member, an empty list where there is nothing for it.
   */
  assign(members: readonly Member[], partitionsOf: ReadonlyMap<string, number>): Map<string, readonly ForPartition[]>;
}
