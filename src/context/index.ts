export { type ContextOptions, OffsetCommitContext, withOffsets } from './commit-context.js';
export type { CommitFailureDecision, OnCommitFailure } from './commit-failure.js';
