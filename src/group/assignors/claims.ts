import type { ForPartition } from '../../cluster/scatter.js';
import type { Member } from './assignor.js';
import type { WantedTopic } from './wanted.js';

/** What a member says that it had, and since when. */
export interface Claim {
  readonly member: Member;
  readonly owned: readonly ForPartition[];
  /** -1: unknown, which is older than any. */
  readonly generationId: number;
}

/** Who keeps a partition if nothing speaks against it, by topic and partition; undefined: nobody had it. */
export type Keepers = ReadonlyMap<string, readonly (Member | undefined)[]>;

/**
 * Whose each partition was. Of several that claim it the one of the newest generation has it: the others have missed a rebalance. Two of one
 * generation cannot both be right, and neither has it. Nobody has what it does not want any more, or what does not exist.
 */
export function keepersOf(claims: readonly Claim[], topics: readonly WantedTopic[]): Keepers {
  const strongest = new Map(topics.map(({ topic, count }) => [topic, new Array<Claim | 'disputed' | undefined>(count).fill(undefined)]));
  const generations = new Map<string, number[]>(topics.map(({ topic, count }) => [topic, new Array<number>(count).fill(-2)]));
  for (const claim of claims) {
    for (const { topic, partition } of claim.owned) {
      const holders = strongest.get(topic);
      const since = generations.get(topic);
      const other = since?.[partition];
      if (holders === undefined || since === undefined || other === undefined) continue;
      if (claim.generationId < other || holders[partition] === claim) continue;
      holders[partition] = claim.generationId === other ? 'disputed' : claim;
      since[partition] = claim.generationId;
    }
  }
  return new Map(
    topics.map(({ topic, members }) => {
      const takers = new Set(members);
      const keepers = (strongest.get(topic) ?? []).map(claim =>
        claim === undefined || claim === 'disputed' || !takers.has(claim.member) ? undefined : claim.member,
      );
      return [topic, keepers];
    }),
  );
}
