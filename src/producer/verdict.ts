import { brokerErrorRow, errorNumbers } from '../base/broker-errors.js';
import { BrokerError, type KafkaError } from '../base/errors.js';

/** What an attempt says of a batch that it did not store for certain. */
export interface Attempt {
  readonly error: KafkaError;
  /** How many records the batch has. */
  readonly count: number;
  /** Places of the records that the broker blames, where it does. */
  readonly blamed: readonly number[];
  readonly onUnsure: 'retry' | 'reject';
  /** How the batch is numbered; undefined when it is not. */
  readonly numbered:
    | {
        /** All batches before it have come to an end. */
        readonly first: boolean;
        readonly mayRestart: boolean;
        /** It may go without numbers too. */
        readonly optional: boolean;
      }
    | undefined;
}

/**
 * What to do with the batch:
 * - `retry`: the same bytes to the same broker, after a pause
 * - `refresh`: the same bytes to whoever leads the partition now
 * - `split`: its halves, one after the other
 * - `sort-out`: refuse the records that are blamed, send the others
 * - `restart`: the broker misses batches before this one: the same records, numbered anew
 * - `unnumber`: the same records without numbers, which this partition cannot keep
 * - `stored`: the broker has it already
 * - `reject`: tell the callers
 */
export type Verdict = 'retry' | 'refresh' | 'split' | 'sort-out' | 'restart' | 'unnumber' | 'stored' | 'reject';

const tooLarge: readonly (number | undefined)[] = [errorNumbers.MESSAGE_TOO_LARGE, errorNumbers.RECORD_LIST_TOO_LARGE];

/** What a broker answers that does not know, or does not believe, what came before. */
const lostTrack: readonly (number | undefined)[] = [
  errorNumbers.OUT_OF_ORDER_SEQUENCE_NUMBER,
  errorNumbers.UNKNOWN_PRODUCER_ID,
  errorNumbers.INVALID_PRODUCER_EPOCH,
];

export function verdictOf({ error, count, blamed, onUnsure, numbered }: Attempt): Verdict {
  if (numbered !== undefined && error instanceof BrokerError) {
    if (error.errno === errorNumbers.DUPLICATE_SEQUENCE_NUMBER) return 'stored';
    if (error.errno === errorNumbers.UNSUPPORTED_FOR_MESSAGE_FORMAT && numbered.optional) return 'unnumber';
    // Behind a batch that has no end yet, this says nothing new: and that one may be stored, so its number is what a broker knows it by.
    if (error.errno === errorNumbers.OUT_OF_ORDER_SEQUENCE_NUMBER && !numbered.first) return 'retry';
    if (lostTrack.includes(error.errno) && numbered.mayRestart) return numbered.first ? 'restart' : 'retry';
  }
  if (error instanceof BrokerError && count > 1) {
    if (tooLarge.includes(error.errno)) return 'split';
    if (blamed.length > 0 && blamed.length < count && !error.retriable) return 'sort-out';
  }
  if (!error.retriable || (error.persistence === 'maybe' && onUnsure === 'reject')) return 'reject';
  if (error instanceof BrokerError) return brokerErrorRow(error.errno ?? 0).remedy === 'refresh-metadata' ? 'refresh' : 'retry';
  return 'refresh'; // a broker that cannot be reached may have lost its partitions to another
}
