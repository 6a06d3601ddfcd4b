import { KafkaError, PartialError } from '../base/errors.js';
import type { Outcome } from '../cluster/scatter.js';

export type { Outcome as ItemOutcome } from '../cluster/scatter.js';

/**
 * The values, in their order.
 * @throws KafkaError a {@link PartialError} with the code of the first failure, and every outcome in its `results`.
 */
export function valuesOf<Result>(outcomes: readonly Outcome<Result>[]): readonly Result[] {
  const failed = outcomes.flatMap(outcome => (outcome.ok ? [] : [outcome.error]));
  const [first] = failed;
  if (first !== undefined) {
    const more = failed.length > 1 ? ` (and ${failed.length - 1} more)` : '';
    throw new PartialError(`${first.message}${more}`, first, outcomes);
  }
  return outcomes.flatMap(outcome => (outcome.ok ? [outcome.value] : []));
}

/** The value of the only outcome. @throws KafkaError its error. */
export function onlyValue<Result>([outcome]: readonly Outcome<Result>[]): Result {
  if (outcome?.ok) return outcome.value;
  throw outcome?.error ?? new KafkaError('TIDE_STATE', 'there is no outcome');
}
