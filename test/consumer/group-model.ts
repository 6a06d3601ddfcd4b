import { holdsFor, type ModelTest, type Step, stepsOf } from '../support/model.js';
import { GroupRun, type Kind, kinds } from './group-model-run.js';
import type { Counting } from './group-model-stage.js';
import { type GroupVariant, variants } from './group-model-variants.js';

/** What a run has to come to, and how often it did. */
const whatMatters = [
  ...['assigned', 'revoked', 'lost', 'handed out', 'commits sent', 'commits stored', 'context committed', 'context failed', 'seek', 'left'],
  ...['subscribed', 'at rest', 'mark: TIDE_STALE', 'mark: TIDE_PARTITION_LOST', 'OFFSET_METADATA_TOO_LARGE'],
];

/** Runs the model, and tells what was seen. Throws as {@link holdsFor}. */
export function groupModel(
  t: Parameters<typeof holdsFor>[0],
  bounds: Pick<ModelTest<GroupVariant, Step<Kind>>, 'seed' | 'runs' | 'leastSteps' | 'leastTimes'>,
): Promise<void> {
  const happened: Record<string, number> = Object.fromEntries(whatMatters.map(what => [what, 0]));
  const count: Counting = what => {
    if (happened[what] !== undefined) happened[what] += 1;
  };
  return holdsFor(t, {
    variants,
    step: stepsOf(kinds),
    maxSteps: 150,
    start: variant => GroupRun.start(variant, count),
    happened,
    ...bounds,
  });
}
