import { custom } from '../base/options.js';

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
