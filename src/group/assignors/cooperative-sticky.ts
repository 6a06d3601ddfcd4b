import type { ForPartition } from '../../cluster/scatter.js';
import type { Assignor, Member } from './assignor.js';
import { stickyShares } from './sticky-shares.js';

/**
 * As even as can be, partitions stay where they are as far as that allows, and only those that move stop being read (KIP-429).
 * A partition changes hands in two rounds: in the first it is given to nobody, and who holds it gives it up; in the second it is given to the other.
 * Understands members of Java's CooperativeStickyAssignor, and is understood by them; what is said of {@link stickyAssignor} holds for it too. It
 * is stricter in one thing: also what a member holds from an older generation, because it has missed a rebalance, is waited for.
 */
export const cooperativeStickyAssignor: Assignor = {
  name: 'cooperative-sticky',
  protocol: 'cooperative',
  /** The generation in 4 bytes, for leaders that do not look for it in the subscription (Kafka before 3.2). */
  userData(_owned, generationId) {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(generationId);
    return bytes;
  },
  assign(members, partitionsOf) {
    const claims = members.map(member => ({ member, owned: member.ownedPartitions, generationId: generationOf(member) }));
    return withoutHeldByOthers(stickyShares(claims, partitionsOf).done(), members);
  },
};

/** As its subscription says, or as its user data does: before v2 subscriptions had no generation. */
function generationOf({ generationId, userData }: Member): number {
  if (generationId >= 0) return generationId;
  if (userData === undefined || userData.length < 4) return -1;
  return Math.max(-1, new DataView(userData.buffer, userData.byteOffset).getInt32(0));
}

/** Takes out what a member does not hold and another does. */
function withoutHeldByOthers(
  shares: ReadonlyMap<string, readonly ForPartition[]>,
  members: readonly Member[],
): Map<string, readonly ForPartition[]> {
  const held = new Map<string, Map<number, Set<string>>>();
  for (const { memberId, ownedPartitions } of members) {
    for (const { topic, partition } of ownedPartitions) {
      const byPartition = held.get(topic) ?? new Map<number, Set<string>>();
      held.set(topic, byPartition);
      byPartition.set(partition, (byPartition.get(partition) ?? new Set()).add(memberId));
    }
  }
  return new Map(
    [...shares].map(([memberId, share]) => [
      memberId,
      share.filter(({ topic, partition }) => held.get(topic)?.get(partition)?.has(memberId) ?? true),
    ]),
  );
}
