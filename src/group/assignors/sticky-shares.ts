import { type Claim, keepersOf } from './claims.js';
import { Shares } from './shares.js';
import { stickyEven } from './sticky-even.js';
import { stickyUneven } from './sticky-uneven.js';
import { byId, wantedTopics } from './wanted.js';

/** As even as can be, and of all such assignments one that moves the fewest partitions away from where they were. */
export function stickyShares(claims: readonly Claim[], partitionsOf: ReadonlyMap<string, number>): Shares {
  const members = claims.map(({ member }) => member).sort(byId);
  const topics = wantedTopics(members, partitionsOf);
  if (topics.length === 0) return new Shares(members);
  const keepers = keepersOf(claims, topics);
  const allAlike = topics.every(topic => topic.members.length === members.length);
  return allAlike ? stickyEven(members, keepers) : stickyUneven(members, topics, keepers);
}
