import pRetry, { AbortError } from 'p-retry';
import { type Clock, type Deadline, sleep, systemClock } from './clock.js';
import { asError, KafkaError } from './errors.js';
import { duration, integer, type Resolved } from './options.js';

export const retryRules = {
  /** How often something is tried, the first time included. Kafka: retries + 1. */
  attempts: integer(10, 1, 1_000_000),
  /** Wait in ms before the second attempt; it doubles with each further one. Kafka: retry.backoff.ms. */
  backoffMs: duration(100),
  /** Longest wait in ms between two attempts. Kafka: retry.backoff.max.ms. */
  maxBackoffMs: duration(1000),
};
/** How often, and how far apart. */
export type RetryPolicy = Resolved<typeof retryRules>;

/** Wait in ms before attempt `failed + 1`: doubling, with +-20 % of jitter that stays also at the maximum (KIP-580). */
export function backoffMs(policy: Pick<RetryPolicy, 'backoffMs' | 'maxBackoffMs'>, failed: number, random = Math.random): number {
  const full = Math.min(policy.maxBackoffMs, policy.backoffMs * 2 ** (failed - 1));
  return full * (0.8 + 0.4 * random());
}

export interface RetryBounds {
  readonly signal?: AbortSignal | undefined;
  /** No attempt starts after it, and no wait goes past it. */
  readonly deadline?: Deadline | undefined;
  readonly clock?: Clock | undefined;
  /** Told of each error that is followed by another attempt, `pauseMs` later. */
  readonly onRetry?: ((error: KafkaError, pauseMs: number) => void) | undefined;
}

/**
 * Runs `attempt` until it succeeds, fails for good, or `policy` or the deadline is used up. Only errors marked retriable are retried.
 * The last error comes out as it was thrown. A result that arrived is given even if `signal` was aborted meanwhile.
 */
export async function retrying<T>(attempt: (n: number) => Promise<T>, policy: RetryPolicy, bounds: RetryBounds = {}): Promise<T> {
  const { signal, deadline, clock = systemClock, onRetry } = bounds;
  let thrown: unknown;
  const run = async (n: number): Promise<T> => {
    try {
      signal?.throwIfAborted();
      return await attempt(n);
    } catch (error) {
      thrown = error;
    }
    const pauseMs = backoffMs(policy, n);
    const again =
      thrown instanceof KafkaError && thrown.retriable && n < policy.attempts && !(deadline && deadline.remainingMs() <= pauseMs);
    if (!again) throw new AbortError(asError(thrown));
    if (thrown instanceof KafkaError && !signal?.aborted) onRetry?.(thrown, pauseMs);
    try {
      await sleep(clock, pauseMs, signal);
    } catch (aborted) {
      thrown = aborted;
      throw new AbortError(asError(aborted));
    }
    throw thrown;
  };
  try {
    return await pRetry(run, { retries: policy.attempts - 1, minTimeout: 0, maxTimeout: 0 });
  } catch {
    throw thrown; // as it was thrown: p-retry would wrap what is no Error
  }
}
