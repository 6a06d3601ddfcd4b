import { type Assignment, both, joined, NO_PARTITIONS, only, without } from './assignment.js';

/**
 * How far a member has come with what it is to read: `stable`, it has all of it; `revoking`, it must give something up first; `waiting`, others
 * must.
 */
export type Progress = 'stable' | 'revoking' | 'waiting';

/** What a member has, and as of when. */
export interface Holding {
  readonly epoch: number;
  readonly previousEpoch: number;
  readonly progress: Progress;
  readonly assigned: Assignment;
  /** What it was told to give up, and has not said that it did. */
  readonly revoking: Assignment;
}

/** What a member is to have in the end. */
export interface Target {
  readonly epoch: number;
  readonly assignment: Assignment;
}

/** Whether a partition is in anybody's hands. */
export type IsHeld = (topicId: string, partition: number) => boolean;

/**
 * The next step of a member towards its target: first it gives up what it shall not have, then it gets what others do not have any more.
 * Only with the first step of the second kind does it reach the target's epoch.
 * @param owned What the member says it has; undefined when it does not say.
 * @see KIP-848, "Reconciliation"
 */
export function reconcile(member: Holding, target: Target, owned: Assignment | undefined, isHeld: IsHeld): Holding {
  if (member.progress === 'stable' && member.epoch === target.epoch) return member;
  const owns = (some: Assignment): boolean => owned === undefined || both(owned, some).size > 0;
  if (member.progress === 'revoking' && owns(member.revoking)) return member;
  const epoch = member.progress === 'revoking' ? member.epoch + 1 : member.epoch;

  const kept = both(member.assigned, target.assignment);
  const revoking = without(member.assigned, kept);
  if (revoking.size > 0 && owns(revoking)) {
    return { epoch, previousEpoch: member.epoch, progress: 'revoking', assigned: kept, revoking };
  }
  const missing = without(target.assignment, kept);
  const free = only(missing, (topicId, partition) => !isHeld(topicId, partition));
  return {
    epoch: target.epoch,
    previousEpoch: member.epoch,
    progress: without(missing, free).size > 0 ? 'waiting' : 'stable',
    assigned: joined(kept, free),
    revoking: NO_PARTITIONS,
  };
}
