import type { Member } from './assignor.js';
import type { Keepers } from './claims.js';
import { Shares } from './shares.js';

interface Place {
  readonly topic: string;
  readonly partition: number;
}

/**
 * The sticky assignment where all members want the same: loads differ by at most one, and no more partitions move than that needs.
 * Members of ids in ascending order give the very assignment that Java's sticky assignors give to them where they look at members in that order.
 * @param members At least one, by id.
 */
export function stickyEven(members: readonly Member[], keepers: Keepers): Shares {
  const shares = new Shares(members);
  const kept = new Map<Member, Place[]>(members.map(member => [member, []]));
  const free: Place[] = [];
  let total = 0;
  for (const [topic, byPartition] of keepers) {
    total += byPartition.length;
    for (const [partition, keeper] of byPartition.entries())
      (keeper === undefined ? free : (kept.get(keeper) ?? free)).push({ topic, partition });
  }

  const least = Math.floor(total / members.length);
  let withOneMore = total % members.length;
  /** Who has too few, and who has just enough and may get one more. */
  const below: string[] = [];
  const level: string[] = [];
  for (const [{ memberId }, places] of kept) {
    places.sort((a, b) => a.partition - b.partition || compare(a.topic, b.topic));
    const hasOneMore = places.length > least && withOneMore > 0;
    if (hasOneMore) withOneMore--;
    const room = least + (hasOneMore ? 1 : 0);
    for (const { topic, partition } of places.slice(0, room)) shares.give(memberId, topic, partition);
    free.push(...places.slice(room));
    if (places.length < least) below.push(memberId);
    else if (!hasOneMore) level.push(memberId);
  }

  free.sort((a, b) => compare(a.topic, b.topic) || a.partition - b.partition);
  for (const { topic, partition } of free) {
    const memberId = below.shift() ?? level.shift();
    if (memberId === undefined) break; // does not happen: the rooms add up to the total
    shares.give(memberId, topic, partition);
    if (shares.count(memberId) < least) below.push(memberId);
    else if (shares.count(memberId) === least) level.push(memberId);
  }
  return shares;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
