/**
 * Why an offset means nothing. `'outside'`: the log does not reach there. `'recreated'`: the log is that of another topic of the same name.
 * `'truncated'`: the log was cut, by an election of a leader that lacked its end, and may have grown again since.
 */
export type Misplaced = 'outside' | 'recreated' | 'truncated';

/** Where the log of a new leader and the log that was read part. */
export interface Diverging {
  /** All below is the same in both. */
  readonly offset: number;
  /** Of the leader that appended the record before that offset. */
  readonly epoch: number;
}

/** What is known of an offset that means nothing. */
export interface Misplacement {
  readonly why: Misplaced;
  readonly requestedOffset: number;
  /** The epoch that the record before it was said to have; -1 or undefined: none. */
  readonly epoch?: number | undefined;
  /** Undefined also where the leader knows nothing that old. */
  readonly diverging?: Diverging | undefined;
}
