import type { ClassicProtocol } from './classic-member.js';

type Known = readonly ClassicProtocol[];

/** The names of the protocols that all members know. */
export function common(members: readonly Known[]): Set<string> {
  const [first = [], ...others] = members;
  return new Set(first.map(({ name }) => name).filter(name => others.every(known => known.some(protocol => protocol.name === name))));
}

/**
 * The protocol that most members like best among those that all of them know. Where votes are equal, the one that was voted for first.
 * Empty when there is none.
 */
export function chosen(members: readonly Known[]): string {
  const candidates = common(members);
  const votes = new Map<string, number>();
  for (const known of members) {
    const vote = known.find(({ name }) => candidates.has(name))?.name;
    if (vote !== undefined) votes.set(vote, (votes.get(vote) ?? 0) + 1);
  }
  let best = '';
  for (const [name, count] of votes) if (count > (votes.get(best) ?? 0)) best = name;
  return best;
}
