import assert from 'node:assert/strict';
import { fuzz } from '../../test/fuzz/fuzz.js';
import type { ProofContext } from '../prove.js';

export const about = 'decoders stand two million mutated frames and batches, of every API, version, record format and codec';

const ROUNDS = 20;
const CASES_PER_ROUND = 100_000;

export async function prove({ seed, say }: ProofContext): Promise<void> {
  const began = performance.now();
  for (let round = 0; round < ROUNDS; round++) {
    const found = await fuzz({ seed: seed + round, caseCount: CASES_PER_ROUND });
    assert.equal(found?.report, undefined);
  }
  const seconds = (performance.now() - began) / 1000;
  say(`${ROUNDS * CASES_PER_ROUND} cases in ${seconds.toFixed(0)} s, seeds ${seed} to ${seed + ROUNDS - 1}`);
}
