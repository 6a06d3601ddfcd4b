import { StateError } from '../base/errors.js';

/**
 * Where a transactional producer stands:
 * - `idle`: between two transactions
 * - `beginning`, `committing`, `aborting`: on the way
 * - `open`: records and offsets can be sent
 * - `failed`: something of the transaction was not stored; it can only be aborted
 * - `uncommitted`, `unaborted`: nobody knows whether it was ended; the same call can be made again, and a next transaction ends it first
 * - `fenced`: it has no right to its transactional id any more, or is not allowed to write; it can only be closed
 */
export type TransactionState =
  | 'idle'
  | 'beginning'
  | 'open'
  | 'failed'
  | 'committing'
  | 'uncommitted'
  | 'aborting'
  | 'unaborted'
  | 'fenced';

const next: Readonly<Record<TransactionState, readonly TransactionState[]>> = {
  idle: ['beginning', 'fenced'],
  beginning: ['open', 'idle', 'uncommitted', 'unaborted', 'fenced'],
  open: ['committing', 'aborting', 'failed', 'fenced'],
  failed: ['aborting', 'fenced'],
  committing: ['idle', 'open', 'failed', 'uncommitted', 'fenced'],
  uncommitted: ['committing', 'beginning', 'fenced'],
  aborting: ['idle', 'failed', 'unaborted', 'fenced'],
  unaborted: ['aborting', 'beginning', 'fenced'],
  fenced: [],
};

/** What helps where a call does not fit the state. */
const advice: Readonly<Record<TransactionState, string>> = {
  idle: 'no transaction is open: call begin() first',
  beginning: 'the transaction is still beginning: await begin()',
  open: 'a transaction is open: commit() or abort() it first',
  failed: 'the transaction has failed: abort() it, then begin() another',
  committing: 'the transaction is being committed: await commit()',
  uncommitted: 'nobody knows whether the transaction is committed: call commit() again, or begin() another, which ends this one',
  aborting: 'the transaction is being aborted: await abort()',
  unaborted: 'nobody knows whether the transaction is aborted: call abort() again, or begin() another, which ends this one',
  fenced: 'the producer was fenced: close it',
};

/** @throws KafkaError `TIDE_STATE` saying what helps, unless this move is one of the table. */
export function checkMove(what: string, from: TransactionState, to: TransactionState, cause?: unknown): void {
  if (!next[from].includes(to)) throw wrongState(what, from, cause);
}

export function wrongState(what: string, state: TransactionState, cause?: unknown): StateError {
  const why = cause instanceof Error ? ` (${cause.message})` : '';
  return new StateError('TIDE_STATE', `${what}: ${advice[state]}${why}`, { cause, persistence: 'no' });
}
