/** How a run of a program ends: when it has come to a phase with so many records, and a little later. */
export interface Stop {
  readonly how: 'killed' | 'frozen';
  readonly phase: string;
  readonly at: number;
  readonly pauseMs: number;
  /** Whether a broker is killed in the run. */
  readonly broker: boolean;
}

/** How many of what. */
export interface StopCounts {
  readonly killCount: number;
  readonly zombieCount: number;
  readonly brokerKillCount: number;
}

/** A commit on its way is met anywhere within so many ms. */
const LONGEST_COMMIT_MS = 30;

/** Kills in each phase of a transaction and freezings, in an order of the seed's, so far apart that the input is not at its end before the last. */
export function plannedStops({ killCount, zombieCount, brokerKillCount }: StopCounts, count: number, next: () => number): readonly Stop[] {
  const phases = ['sent', 'commits', 'committed'];
  const zombies = ['hold', 'hold-send'];
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
    broker: Math.floor(((i + 1) * brokerKillCount) / ends.length) > Math.floor((i * brokerKillCount) / ends.length),
  }));
}
