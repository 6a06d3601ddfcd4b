import { errorNumbers } from '../base/broker-errors.js';
import { BrokerError, KafkaError } from '../base/errors.js';

/**
 * What an error of the coordinator's means for a membership:
 * - `rejoin`: the group is divided anew, and waits for this member
 * - `expelled`: the group has gone on without it: its partitions are others', and it joins as it did at first
 * - `outdated`: as `expelled`, but the group knows it still
 * - `failed`: the group does not take it, and will not
 * - `retry`: it passes
 */
export type Reaction = 'rejoin' | 'expelled' | 'outdated' | 'failed' | 'retry';

const reactions: ReadonlyMap<number | undefined, Reaction> = new Map([
  [errorNumbers.REBALANCE_IN_PROGRESS, 'rejoin'],
  [errorNumbers.MEMBER_ID_REQUIRED, 'rejoin'],
  [errorNumbers.UNKNOWN_MEMBER_ID, 'expelled'],
  [errorNumbers.ILLEGAL_GENERATION, 'outdated'],
  [errorNumbers.FENCED_MEMBER_EPOCH, 'outdated'],
  [errorNumbers.STALE_MEMBER_EPOCH, 'rejoin'],
]);

/** Whether what a commit was refused with is about the membership, and not about this commit alone. */
export const isOfMembership = (error: KafkaError): boolean =>
  error instanceof BrokerError && (reactions.has(error.errno) || error.errno === errorNumbers.FENCED_INSTANCE_ID);

export function reactionTo(error: unknown): Reaction {
  if (!(error instanceof KafkaError)) return 'failed';
  const listed = error instanceof BrokerError ? reactions.get(error.errno) : undefined;
  return listed ?? (error.retriable ? 'retry' : 'failed');
}

/**
 * Whether the coordinator does not have the brokers' protocol, or not for this group: that is not there, or has members of the classic one and
 * may not change.
 */
export const isRefusal = ({ code, errno }: KafkaError): boolean => code === 'TIDE_UNSUPPORTED' || errno === errorNumbers.GROUP_ID_NOT_FOUND;
