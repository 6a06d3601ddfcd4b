import { StateError } from '../base/errors.js';
import type { Partition } from './partition.js';

/** Counts the fetches without records since a wait began, where there is a limit to them. */
export class EmptyAnswers {
  readonly #limit: number;
  readonly #partitions: () => readonly Partition[];
  readonly #before: ReadonlyMap<Partition, number>;

  /** @param limit So many may come for each partition, and one more ends the wait. */
  constructor(limit: number, partitions: () => readonly Partition[]) {
    this.#limit = limit;
    this.#partitions = partitions;
    this.#before = limit === Number.POSITIVE_INFINITY ? new Map() : new Map(partitions().map(each => [each, each.emptyAnswers]));
  }

  /** Whether every partition has answered once more than the limit allows, and had nothing. */
  get tooMany(): boolean {
    if (this.#limit === Number.POSITIVE_INFINITY) return false;
    const partitions = this.#partitions().filter(({ paused }) => !paused);
    return partitions.length > 0 && partitions.every(each => each.emptyAnswers - (this.#before.get(each) ?? 0) > this.#limit);
  }

  /** @throws KafkaError `TIDE_NO_DATA` when there were too many. */
  check(what: string): void {
    if (!this.tooMany) return;
    const fetches = this.#limit + 1;
    throw new StateError(
      'TIDE_NO_DATA',
      `${what}: nothing came in ${fetches} fetches (emptyRetryLimit ${this.#limit}); reading on is fine`,
      {
        retriable: true,
      },
    );
  }
}
