/**
 * In whose name the batches of one partition are numbered: a producer's id, and an epoch. Each partition of an idempotent producer has an
 * epoch of its own, raised when its numbers begin anew; with transactions the coordinator raises one for all.
 * @see KIP-98, KIP-360
 */
export interface Series {
  readonly producerId: number;
  readonly epoch: number;
}

/** The highest epoch that the protocol can carry. */
export const maxEpoch = 2 ** 15 - 1;

/** The number behind `count` numbers from `sequence` on: they start again at 0 after 2^31 - 1. */
export const sequenceAfter = (sequence: number, count: number): number => (sequence + count) % 2 ** 31;
