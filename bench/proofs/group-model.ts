import { groupModel } from '../../test/consumer/group-model.js';
import type { ProofContext } from '../prove.js';

export const about = 'groups of both protocols in 20,000 random steps with faults: nothing is skipped, no partition is in two hands';

/** As many runs as can be without taking the clients of hundreds of runs along in memory. */
const ROUNDS = 6;

export async function prove({ seed, say }: ProofContext): Promise<void> {
  const diagnostic = (line: string) => say(line);
  for (let round = 0; round < ROUNDS; round++)
    await groupModel({ diagnostic }, { seed: seed + round, runs: 70, leastSteps: 3400, leastTimes: 3 });
}
