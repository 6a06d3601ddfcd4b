import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzz } from './fuzz.js';
import { planted, plants } from './plants.js';

for (const plant of plants) {
  test(`the fuzzer finds ${plant.what}`, async t => {
    const { code, remove } = planted(plant);
    t.after(remove);
    const found = await fuzz({ seed: 1, caseCount: 40_000, code });
    t.diagnostic(`${found?.index}: ${found?.complaint.slice(0, 100)}`);
    assert.match(found?.complaint ?? 'nothing', plant.complaint);
  });
}
