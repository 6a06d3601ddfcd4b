import { duration, integer, optional } from '../base/options.js';
import { type AutoCommit, autoCommitRule } from './auto-commit.js';

/** How often a `SimpleConsumer` and a `MultiProcessConsumer` commit by themselves. */
export const oftenCommitted: AutoCommit = { everyN: 100, everyMs: 5000 };

/** How they commit and wait, as kafka-python's. */
export const oftenRules = {
  /**
   * When offsets are committed by themselves: `true` every 100 messages or 5000 ms, whichever comes first; `{ everyN, everyMs }`, one of them
   * or both; `false` never. Default: true with a `groupId`, else false. Kafka: enable.auto.commit, auto.commit.interval.ms.
   */
  autoCommit: optional(autoCommitRule(oftenCommitted)),
  /** A loop ends quietly when no message came for so many ms. `null`: it goes on for ever. */
  iterTimeoutMs: duration(Number.POSITIVE_INFINITY, 0, true),
  /** A read fails with `TIDE_NO_DATA` when so many fetches of every partition brought nothing, and one more. Default: never. */
  emptyRetryLimit: optional(integer(0, 0, 1_000_000)),
};

/** What these say of waiting. */
export const oftenWaiting = ({ emptyRetryLimit }: { readonly emptyRetryLimit: number | undefined }) => ({
  idle: 'ends' as const,
  emptyRetryLimit: emptyRetryLimit ?? Number.POSITIVE_INFINITY,
});
