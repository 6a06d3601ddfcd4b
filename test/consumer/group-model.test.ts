import { test } from 'node:test';
import { seedOr } from '../support/model.js';
import { groupModel } from './group-model.js';

test('whatever the members of a group do, nothing is skipped, and no partition is in two hands', { timeout: 600_000 }, t =>
  groupModel(t, { seed: seedOr(20_263), runs: 40, leastSteps: 1000, leastTimes: 3 }),
);
