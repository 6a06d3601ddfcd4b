import { KafkaError, PartialError } from '../base/errors.js';

/** What became of an item, at least. */
export interface Settled {
  readonly error: KafkaError | undefined;
}

/** The results, or an error that holds them when one of them is a failure. */
export function complete<R extends Settled>(results: readonly R[]): readonly R[] {
  const failed = results.flatMap(({ error }) => (error === undefined ? [] : [error]));
  if (failed[0] !== undefined) throw partial(failed[0], failed.length, results);
  return results;
}

/** What was found, or an error that holds it beside the errors of the rest when one of them is one. */
export function allFound<T extends object>(results: readonly (T | KafkaError)[]): readonly T[] {
  const failed: KafkaError[] = [];
  const found: T[] = [];
  for (const result of results) {
    if (result instanceof KafkaError) failed.push(result);
    else found.push(result);
  }
  if (failed[0] !== undefined) throw partial(failed[0], failed.length, results);
  return found;
}

function partial<T>(first: KafkaError, failed: number, results: readonly T[]): PartialError<T> {
  return new PartialError(`${first.message}${failed > 1 ? ` (and ${failed - 1} more)` : ''}`, first, results);
}
