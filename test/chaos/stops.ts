/** How a run of a program ends: when it has come to a phase with so many records, and a little later. */
export interface Stop {
  readonly how: 'killed' | 'frozen';
  readonly phase: string;
  readonly at: number;
  readonly pauseMs: number;
  /** Whether a broker goes away in the run, and comes back after it. */
  readonly outage: boolean;
}

/** How many of what. */
export interface StopCounts {
  readonly killCount: number;
  readonly zombieCount: number;
  readonly outageCount: number;
}

/** A commit on its way is met anywhere within so many ms. */
const LONGEST_COMMIT_MS = 100;

/** `answered`: a commit is answered, and the answer is on its way. */
const phases = ['sent', 'commits', 'answered', 'committed'];
const zombies = ['hold', 'hold-send'];

/** Kills in each phase of a transaction and freezings, in an order of the seed's, so far apart that the input is not at its end before the last. */
export function plannedStops({ killCount, zombieCount, outageCount }: StopCounts, count: number, next: () => number): readonly Stop[] {
  const ends = [
    ...Array.from({ length: killCount }, (_, i) => ({ how: 'killed' as const, phase: phases[i % phases.length] ?? '' })),
    ...Array.from({ length: zombieCount }, (_, i) => ({ how: 'frozen' as const, phase: zombies[i % zombies.length] ?? '' })),
  ];
  const order = ends.map(end => ({ end, place: next() })).sort((a, b) => a.place - b.place);
  const apart = count / (ends.length + 1);
  return order.map(({ end }, i) => ({
    ...end,
    at: Math.round((0.3 + 0.8 * next()) * apart),
    pauseMs: end.phase === 'commits' ? Math.floor(next() * LONGEST_COMMIT_MS) : 0,
    outage: Math.floor(((i + 1) * outageCount) / ends.length) > Math.floor((i * outageCount) / ends.length),
  }));
}
