import type { Member } from './assignor.js';

/** A topic that exists, with the members that want it. */
export interface WantedTopic {
  readonly topic: string;
  /** How many partitions it has. */
  readonly count: number;
  /** At least one, in the order given. */
  readonly members: readonly Member[];
}

/** All topics that exist and are wanted by at least one member, by name. */
export function wantedTopics(members: readonly Member[], partitionsOf: ReadonlyMap<string, number>): WantedTopic[] {
  const byTopic = new Map<string, Member[]>();
  for (const member of members) {
    for (const topic of new Set(member.topics)) {
      const others = byTopic.get(topic);
      if (others === undefined) byTopic.set(topic, [member]);
      else others.push(member);
    }
  }
  return [...byTopic.keys()].sort().flatMap(topic => {
    const count = partitionsOf.get(topic) ?? 0;
    return count > 0 ? [{ topic, count, members: byTopic.get(topic) ?? [] }] : [];
  });
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Static members first, by their names, so that a restart, which gives a new member id, changes nothing; then the others by id. */
export function byName(a: Member, b: Member): number {
  if (a.groupInstanceId !== undefined && b.groupInstanceId !== undefined) return compare(a.groupInstanceId, b.groupInstanceId);
  if (a.groupInstanceId !== undefined) return -1;
  if (b.groupInstanceId !== undefined) return 1;
  return byId(a, b);
}

export const byId = (a: Member, b: Member): number => compare(a.memberId, b.memberId);
