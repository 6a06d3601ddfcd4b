import { errorNumbers } from '../../base/broker-errors.js';

/**
 * The error number as a version of an API says it: before there was PRODUCER_FENCED, that was an old epoch.
 * @param knows Whether the version may answer PRODUCER_FENCED.
 * @see KIP-588
 */
export function fencedAs(error: number, knows: boolean): number {
  return error === errorNumbers.PRODUCER_FENCED && !knows ? errorNumbers.INVALID_PRODUCER_EPOCH : error;
}
