import type { KafkaError } from '../base/errors.js';
import type { GroupMember } from '../client/offset-store.js';
import { type ForPartition, placeText } from '../cluster/scatter.js';
import type { Reaction } from './group-errors.js';

/** In whose name a member commits offsets. */
export interface MemberStanding extends GroupMember {
  readonly groupId: string;
}

/**
 * What a membership tells the consumer. Calls never overlap: the next one waits for the promise of the one before. They do not reject: what goes
 * wrong is the reader's to know.
 */
export interface MembershipEvents {
  /** These are to be read from now on, beside those that are read already. */
  assigned(partitions: readonly ForPartition[]): Promise<void>;
  /** These go to others when the promise resolves: until then what is done can be committed. */
  revoked(partitions: readonly ForPartition[]): Promise<void>;
  /** Others may have these already: nothing can be committed for them any more. */
  lost(partitions: readonly ForPartition[], why: KafkaError): Promise<void>;
  /** It leaves by itself, and {@link lost} follows: until the promise resolves what is done can be committed. */
  leaving(partitions: readonly ForPartition[]): Promise<void>;
  /** The group does not take this member, and asking again would not help: it is tried again when the reader asks for more. */
  failed(error: KafkaError): void;
  /** The group could not be asked, which passes: it is asked again. */
  delayed(error: KafkaError): void;
  /** Something changed hands, or did not: the group is at rest. */
  settled(rebalance: Rebalance): void;
}

/** One division of a group's partitions, as this member saw it. */
export interface Rebalance {
  readonly groupId: string;
  readonly memberId: string;
  readonly generationId: number;
  /** Who divides: the members (`'classic'`), or the brokers (`'consumer'`). */
  readonly groupProtocol: 'classic' | 'consumer';
  /** What chose who reads what. */
  readonly assignor: string;
  /** Everything that this member reads now. */
  readonly partitions: readonly ForPartition[];
  /** From joining to having been given its partitions, in ms. */
  readonly durationMs: number;
}

/** The membership of one consumer in its group. */
export interface Membership {
  /** Becomes a member and stays one; after a failure, and after {@link leave}, joins again. Nothing while it is one. */
  start(): void;
  /** Undefined while it is no member. */
  readonly standing: MemberStanding | undefined;
  /** Resolves when the member is not just joining anew, which makes its standing old as soon as others have joined. Rejects with the signal's reason. */
  steady(signal: AbortSignal | undefined): Promise<void>;
  /**
   * A commit in this standing was refused: the group says something about the membership by that. Gives what: of a standing that is old by now
   * it says nothing but that, and the commit may be sent again in the present one.
   */
  refused(error: KafkaError, as: MemberStanding): Reaction;
  /** Other topics are wanted. */
  resubscribe(): void;
  /** Leaves the group, its partitions lost, until {@link start}. */
  leave(why: KafkaError): Promise<void>;
  /** Leaves the group for good, where its partitions are given up already. Never rejects. */
  close(timeoutMs: number): Promise<void>;
}

/** So many ms a member that the group does not take any more waits for the answer to its leaving, before the reader is told. */
export const leavingMs = 1000;

/** Those of `partitions` that are not among `others`. */
export function without(partitions: readonly ForPartition[], others: readonly ForPartition[]): readonly ForPartition[] {
  const places = new Set(others.map(placeText));
  return partitions.filter(each => !places.has(placeText(each)));
}

export const isSame = (some: readonly string[], others: readonly string[]): boolean =>
  some.length === others.length && some.every((each, i) => each === others[i]);
