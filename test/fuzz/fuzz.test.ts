import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzz } from './fuzz.js';

// Another seed, or more cases: `npm run prove -- fuzz`.
const [seed, caseCount] = [1, 40_000];

test(`decoders stand ${caseCount} hostile inputs and every one that once did harm (seed ${seed})`, { timeout: 300_000 }, async () => {
  const found = await fuzz({ seed, caseCount });
  assert.equal(found?.report, undefined);
});
