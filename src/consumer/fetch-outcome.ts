import { brokerErrorRow, errorNumbers } from '../base/broker-errors.js';

/**
 * What a fetch answer's error code asks for:
 * - `advance`: there is none, take the records
 * - `wait`: the same broker, a little later
 * - `refresh`: another broker, once metadata names it
 * - `reset`: the offset is not in the log; the policy decides
 * - `fail`: the reader has to know
 */
export type FetchOutcome = 'advance' | 'wait' | 'refresh' | 'reset' | 'fail';

/** The outcome of one partition of a fetch answer. */
export function fetchOutcome(errorCode: number): FetchOutcome {
  if (errorCode === 0) return 'advance';
  if (errorCode === errorNumbers.CORRUPT_MESSAGE) return 'fail'; // the log itself is damaged: that does not pass by waiting
  const { remedy } = brokerErrorRow(errorCode);
  switch (remedy) {
    case 'reset-offset':
      return 'reset';
    case 'refresh-metadata':
      return 'refresh';
    case 'retry':
      return 'wait';
    case 'find-coordinator':
    case 'rejoin':
    case 'none':
    case 'fatal':
      return 'fail';
    default:
      return remedy satisfies never;
  }
}
