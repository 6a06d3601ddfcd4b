import { InputError } from '../base/errors.js';
import { custom, show } from '../base/options.js';

/** What becomes of a commit that failed; see `onCommitFailure`. */
export type CommitFailureDecision = 'rollback' | 'retry' | 'keep';

/** Decides by the error, and by how many commits of this context have failed. */
export type OnCommitFailure =
  | CommitFailureDecision
  | ((error: Error, failures: number) => CommitFailureDecision | Promise<CommitFailureDecision>);

const decisions: readonly unknown[] = ['rollback', 'retry', 'keep'];

export const commitFailureRule = custom<OnCommitFailure, OnCommitFailure>(
  '"rollback", "retry", "keep", or a function that gives one of them',
  'rollback',
  given => (typeof given === 'function' || decisions.includes(given) ? (given as OnCommitFailure) : undefined),
);

/** @throws KafkaError `TIDE_OPTION` for what a function of the user's gave that is no decision. */
export function checkDecision(given: unknown): CommitFailureDecision {
  if (decisions.includes(given)) return given as CommitFailureDecision;
  throw new InputError(`onCommitFailure: expected "rollback", "retry" or "keep", got ${show(given)}`, { code: 'TIDE_OPTION' });
}
