import { errorNumbers } from '../base/broker-errors.js';
import type { Deadline } from '../base/clock.js';
import { KafkaError, TimeoutError } from '../base/errors.js';
import { backoffMs } from '../base/retry.js';
import { settledWithin } from '../base/wait.js';
import { type Cluster, remedyOf } from '../cluster/cluster.js';

export interface Rounds<Item, Result extends { readonly error: KafkaError | undefined }> {
  readonly items: readonly Item[];
  /** One request for `items`; one result each, in their order. */
  attempt(items: readonly Item[], round: number): Promise<readonly Result[]>;
  /** The result of an item whose attempt failed as a whole. */
  failed(item: Item, error: KafkaError): Result;
  /** Whether an item that failed so is asked for again. Default: whatever is marked retriable. */
  again?(error: KafkaError): boolean;
  readonly deadline: Deadline;
  readonly signal: AbortSignal | undefined;
}

/**
 * Whether a refusal of the controller's is its last word. Who leads and what there is, others learn from it: it will not know better soon, as
 * another broker may.
 */
export const forGood = (error: KafkaError): boolean =>
  !error.retriable || (remedyOf(error) === 'refresh-metadata' && error.errno !== errorNumbers.NOT_CONTROLLER);

/**
 * The results of all items, in their order. Items that failed for a passing reason are asked for again under the client's retry policy,
 * without those that are done. Rejects only for an abort, a close, or a bug.
 */
export async function inRounds<Item, Result extends { readonly error: KafkaError | undefined }>(
  cluster: Cluster,
  { items, attempt, failed, again = error => error.retriable, deadline, signal }: Rounds<Item, Result>,
): Promise<readonly Result[]> {
  const { retry } = cluster.settings;
  const results: Result[] = [];
  let left = items.map((item, index) => ({ item, index }));
  for (let round = 1; ; round++) {
    const asked = left.map(({ item }) => item);
    const answers = await inTime(cluster, deadline, attempt(asked, round)).catch((error: unknown) => {
      if (!(error instanceof KafkaError) || error.code === 'TIDE_CLOSED') throw error;
      return asked.map(item => failed(item, error));
    });
    for (const [i, { index }] of left.entries()) {
      const answer = answers[i];
      if (answer !== undefined) results[index] = answer;
    }
    left = left.filter(({ index }) => {
      const error = results[index]?.error;
      return error !== undefined && again(error);
    });
    const pauseMs = backoffMs(retry, round);
    if (left.length === 0 || round >= retry.attempts || deadline.remainingMs() <= pauseMs) return results;
    await cluster.pause(pauseMs, signal);
  }
}

/**
 * What `work` gives, if that is before the deadline: finding and connecting to a broker have time limits of their own, which may be longer.
 * @throws KafkaError `TIDE_TIMEOUT` at the deadline; `work` goes on by itself.
 */
export async function inTime<T>(cluster: Cluster, deadline: Deadline, work: Promise<T>): Promise<T> {
  if (await settledWithin(cluster.clock, work, deadline.remainingMs())) return work;
  throw new TimeoutError('no broker answered before the time of the call was over (timeoutMs)', { retriable: true, persistence: 'maybe' });
}
