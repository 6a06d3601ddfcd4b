/** Where a group stands, in Kafka's own words. `Assigning` and `Reconciling` are states of the new protocol (KIP-848). */
export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Assigning' | 'Reconciling' | 'Stable' | 'Dead';

/** A member of a group, as `cluster.members(group)` shows it. */
export interface GroupMember {
  readonly memberId: string;
  /** Null unless it is a static member (KIP-345). */
  readonly instanceId: string | null;
  readonly clientId: string;
  /** The group's generation in the classic protocol, the member's own epoch in the new one. */
  readonly epoch: number;
  /** Whether it is the one that assigns; nobody is in the new protocol. */
  readonly isLeader: boolean;
  /** What it was told to read, as `topic/partition`. Empty where an assignment of the classic protocol is not one of consumers. */
  readonly partitions: readonly string[];
}

/** Who wants to store or see offsets of a group. */
export interface Claim {
  /** Empty or null: nobody in particular. */
  readonly memberId: string | null;
  readonly instanceId: string | null;
  /** The generation, or the member's epoch; -1: not a member. */
  readonly epoch: number;
}

/** How offsets are stored. */
export interface Commit extends Claim {
  /** Whether a transaction is to store them. */
  readonly isTransactional: boolean;
  /** The version of the request. */
  readonly version: number;
}

/** Who is to be taken out of a group: by id, or a static member by its instance alone. */
export interface Leaving {
  /** Empty where the instance says it. */
  readonly memberId: string;
  readonly instanceId: string | null;
}

/** What the two kinds of groups have in common. Errors are given as Kafka's numbers, 0 for none. */
export interface Group {
  readonly id: string;
  readonly kind: 'classic' | 'consumer';
  readonly state: GroupState;
  /** Empty for a group that only stores offsets. */
  readonly protocolType: string;
  members(): GroupMember[];
  /** The error of a commit. One that is in order is a sign of life. */
  refuseCommit(commit: Commit): number;
  refuseFetch(claim: Claim): number;
  refuseDeletingOffsets(): number;
  /** Whether a member reads the topic: then its offsets are not deleted. */
  isSubscribedTo(topic: string): boolean;
  /** Takes members out. Gives the error of each. */
  leave(leaving: readonly Leaving[]): number[];
  /** Has everybody share anew. False when there is nobody. */
  rebalance(): boolean;
  /** Takes a member out as its session time-out does. False when there is no such member. */
  expire(memberId: string): boolean;
  /** Ends it: nothing it waits for happens any more. */
  close(): void;
}
