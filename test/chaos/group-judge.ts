import assert from 'node:assert/strict';
import type { StoredCommit } from './commit-history.js';
import { endOf, type Ownership } from './group-notes.js';

/** What there is to say of a group that kept its promises. */
export interface GroupFindings {
  readonly ownershipCount: number;
  readonly commitCount: number;
  /** Messages that were worked on more than once, beyond the first time. */
  readonly repeatCount: number;
  /** Of how many ownerships they are the beginning. */
  readonly repeatingCount: number;
}

/** When a member stood still, and did not know what the group did. */
export interface Freeze {
  readonly member: string;
  readonly from: number;
  readonly to: number;
}

/** What is known of a course that is over. */
export interface GroupCourse {
  readonly ownerships: readonly Ownership[];
  readonly commits: readonly StoredCommit[];
  readonly freezes: readonly Freeze[];
  readonly ends: ReadonlyMap<number, number>;
}

/**
 * Holds what the members noted against every commit that the coordinator has stored.
 * @throws AssertionError unless each ownership begins at the last commit before it, nothing is left out, each commit is of the owner of its time
 * and of nothing that was not done then, no two members that were awake had one partition at a time, what was given up in order, with its last commit, is not repeated, and all was done.
 */
export function judgeGroup({ ownerships, commits, freezes, ends }: GroupCourse): GroupFindings {
  let [repeatCount, repeatingCount] = [0, 0];
  for (const [partition, end] of ends) {
    const owners = ownerships.filter(each => each.partition === partition).sort((a, b) => a.assignedAt - b.assignedAt);
    const stored = commits.filter(each => each.partition === partition);
    assertOneAtATime(owners, freezes);
    assertCommits(owners, stored);
    let [reached, before] = [0, undefined as Ownership | undefined];
    for (const owner of owners) {
      if (owner.first === undefined) continue;
      const name = nameOf(owner);
      assert.ok(owner.first <= reached, `${name} begins at ${owner.first}, and ${reached} is the first that was not done`);
      const places = [committedAt(stored, owner.assignedAt - 1), committedAt(stored, owner.assignedAt)];
      assert.ok(places.includes(owner.first), `${name} begins at ${owner.first}, where ${places[1]} was committed`);
      const isHandedOver = before?.end === 'revoked' && !before.hadFailure;
      if (before !== undefined && isHandedOver) assert.ok(owner.first >= endOf(before), `${name} repeats what ${nameOf(before)} gave up`);
      const again = Math.min(reached, endOf(owner)) - owner.first;
      if (again > 0) {
        repeatCount += again;
        repeatingCount += 1;
      }
      reached = Math.max(reached, endOf(owner));
      before = owner;
    }
    assert.equal(reached, end, `partition ${partition}: not all was done`);
    assert.equal(stored.at(-1)?.offset, end, `partition ${partition}: not all was committed`);
  }
  return { ownershipCount: ownerships.length, commitCount: commits.length, repeatCount, repeatingCount };
}

/** Each commit is of the owner of its time, and of what that has done by then; none goes back. Clocks of one machine tell it to a millisecond. */
function assertCommits(owners: readonly Ownership[], commits: readonly StoredCommit[]): void {
  let last = 0;
  for (const { partition, offset, at } of commits) {
    assert.ok(offset >= last, `partition ${partition}: ${offset} was committed after ${last}`);
    const [owner, earlier] = owners
      .filter(({ assignedAt }) => assignedAt <= at)
      .slice(-2)
      .reverse();
    const isTie = owner?.assignedAt === at;
    const ofOwner = owner !== undefined && isDone(owner, offset, at, last);
    const ofEarlier = isTie && earlier !== undefined && isDone(earlier, offset, at, last);
    assert.ok(ofOwner || ofEarlier, `partition ${partition}: ${offset} was committed at ${at}, in the time of ${owner && told(owner, at)}`);
    last = offset;
  }
}

/** What `owner` has done by then; one that has done nothing may store where it begins. */
function isDone({ first, times }: Ownership, offset: number, at: number, committed: number): boolean {
  const done = times.filter(time => time <= at).length;
  return first === undefined || done === 0 ? offset === committed : offset >= first && offset <= first + done;
}

/** Two that both gave it up in order never had it at the same time; who stood still, or was thrown out, could not know. */
function assertOneAtATime(owners: readonly Ownership[], freezes: readonly Freeze[]): void {
  const awake = owners.filter(
    ({ end, member, assignedAt, endedAt }) =>
      end === 'revoked' && !freezes.some(each => each.member === member && each.from < endedAt && each.to > assignedAt),
  );
  for (const [i, owner] of awake.entries()) {
    const next = awake[i + 1];
    if (next === undefined) continue;
    assert.ok(next.assignedAt >= owner.endedAt, `${nameOf(next)} begins while ${nameOf(owner)} lasts`);
  }
}

/** Where the group stood then. */
function committedAt(commits: readonly StoredCommit[], time: number): number {
  return commits.findLast(({ at }) => at <= time)?.offset ?? 0;
}

const nameOf = ({ member, partition, assignedAt }: Ownership): string => `partition ${partition} with ${member} from ${assignedAt} on`;

const told = (owner: Ownership, at: number): string =>
  `${nameOf(owner)}, who began at ${owner.first} and had done ${owner.times.filter(time => time <= at).length}`;
