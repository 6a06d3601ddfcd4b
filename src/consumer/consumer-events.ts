import type { OutOfRange } from './placing.js';
import type { PassedOver } from './prefetched.js';

/** What a consumer tells its listeners. */
export interface ConsumerEvents {
  /** An automatic commit failed; the next trigger tries again. */
  commitFailed: { readonly error: Error };
  /** The offset to fetch was not in the log; the policy chose another. */
  outOfRange: OutOfRange;
  /** Damaged records were passed over (`onCorrupt: 'skip'`), or are handed out as one invalid message (`'return'`). */
  corruptRecords: PassedOver;
}

/** Tells the listeners of a consumer. */
export type Emitting = <K extends keyof ConsumerEvents>(event: K, detail: ConsumerEvents[K]) => void;
