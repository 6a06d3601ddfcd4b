import { errorNumbers } from '../base/broker-errors.js';
import type { RecordBatch } from '../records/index.js';
import type { StoredBatch } from './log.js';

/** Kafka remembers as many batches per producer, so that as many may be in flight. */
const REMEMBERED = 5;
const SEQUENCES = 2 ** 31;

/** What is answered again when a batch is sent again. */
type Stored = Pick<StoredBatch, 'baseOffset' | 'maxTimestamp'>;

/** A batch of a producer that is in the log. */
interface Appended {
  readonly baseSequence: number;
  readonly lastSequence: number;
  readonly stored: Stored;
}

interface ProducerState {
  readonly epoch: number;
  /** The last first. */
  readonly appended: readonly Appended[];
}

/** What becomes of a batch: it is appended, it is in the log already, or it is refused with an error number. */
export type Verdict =
  | { readonly kind: 'append' }
  | { readonly kind: 'duplicate'; readonly stored: Stored }
  | { readonly kind: 'refuse'; readonly error: number };

const APPEND: Verdict = { kind: 'append' };

/**
 * What the idempotent producers have written to one partition: recognises a batch sent again and a gap between batches.
 * @see KIP-98, "Idempotent producer"; KIP-360
 */
export class ProducerSequences {
  readonly #states = new Map<number, ProducerState>();

  /** Judges a batch before it is appended. Changes nothing. */
  judge({ producerId, producerEpoch, baseSequence, recordCount }: RecordBatch): Verdict {
    if (producerId < 0) return APPEND;
    const state = this.#states.get(producerId);
    if (state === undefined) return APPEND; // nothing known of it any more: any sequence may follow
    if (producerEpoch < state.epoch) return { kind: 'refuse', error: errorNumbers.INVALID_PRODUCER_EPOCH };
    if (producerEpoch > state.epoch)
      return baseSequence === 0 ? APPEND : { kind: 'refuse', error: errorNumbers.OUT_OF_ORDER_SEQUENCE_NUMBER };
    const last = lastSequence(baseSequence, recordCount);
    const twin = state.appended.find(each => each.baseSequence === baseSequence && each.lastSequence === last);
    if (twin !== undefined) return { kind: 'duplicate', stored: twin.stored };
    const expected = ((state.appended[0]?.lastSequence ?? -1) + 1) % SEQUENCES;
    return baseSequence === expected ? APPEND : { kind: 'refuse', error: errorNumbers.OUT_OF_ORDER_SEQUENCE_NUMBER };
  }

  /** Remembers a batch that was appended. */
  remember({ producerId, producerEpoch, baseSequence, recordCount }: RecordBatch, { baseOffset, maxTimestamp }: Stored): void {
    if (producerId < 0) return;
    const state = this.#states.get(producerId);
    const earlier = state?.epoch === producerEpoch ? state.appended.slice(0, REMEMBERED - 1) : [];
    const batch = { baseSequence, lastSequence: lastSequence(baseSequence, recordCount), stored: { baseOffset, maxTimestamp } };
    this.#states.set(producerId, { epoch: producerEpoch, appended: [batch, ...earlier] });
  }

  clear(): void {
    this.#states.clear();
  }
}

const lastSequence = (baseSequence: number, count: number): number => (baseSequence + count - 1) % SEQUENCES;
