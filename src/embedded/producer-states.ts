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

/** What a partition knows of one producer. */
export interface ProducerState {
  readonly epoch: number;
  /** The last first; those of this epoch only. */
  readonly appended: readonly Appended[];
  /** The epoch of the coordinator that ended its last transaction, which always is 0; -1 for none. */
  readonly coordinatorEpoch: number;
  /** -1 for none. */
  readonly lastTimestamp: number;
  /** The last offset it wrote, markers not counted. */
  readonly lastDataOffset: number;
}

/** What becomes of a batch: it is appended, it is in the log already, or it is refused with an error number. */
export type Verdict =
  | { readonly kind: 'append' }
  | { readonly kind: 'duplicate'; readonly stored: Stored }
  | { readonly kind: 'refuse'; readonly error: number };

const APPEND: Verdict = { kind: 'append' };
const NOTHING: ProducerState = { epoch: -1, appended: [], coordinatorEpoch: -1, lastTimestamp: -1, lastDataOffset: -1 };

/**
 * What the idempotent producers have written to one partition: recognises a batch sent again and a gap between batches.
 * @see KIP-98, "Idempotent producer"; KIP-360
 */
export class ProducerStates {
  readonly #states = new Map<number, ProducerState>();

  /** The state of a producer; undefined when nothing is known of it. */
  of(producerId: number): ProducerState | undefined {
    return this.#states.get(producerId);
  }

  all(): Iterable<[producerId: number, state: ProducerState]> {
    return this.#states;
  }

  /**
   * Judges a batch before it is appended. Changes nothing.
   * @param unknown The error for a producer of whom nothing is known and who does not begin at sequence 0; 0 when any sequence may follow.
   */
  judge({ producerId, producerEpoch, baseSequence, recordCount }: RecordBatch, unknown = 0): Verdict {
    if (producerId < 0) return APPEND;
    const state = this.#states.get(producerId);
    if (state === undefined) return unknown === 0 || baseSequence === 0 ? APPEND : refuse(unknown);
    if (producerEpoch < state.epoch) return refuse(errorNumbers.INVALID_PRODUCER_EPOCH);
    if (producerEpoch > state.epoch) return baseSequence === 0 ? APPEND : refuse(errorNumbers.OUT_OF_ORDER_SEQUENCE_NUMBER);
    const last = lastSequence(baseSequence, recordCount);
    const twin = state.appended.find(each => each.baseSequence === baseSequence && each.lastSequence === last);
    if (twin !== undefined) return { kind: 'duplicate', stored: twin.stored };
    const expected = ((state.appended[0]?.lastSequence ?? -1) + 1) % SEQUENCES;
    return baseSequence === expected ? APPEND : refuse(errorNumbers.OUT_OF_ORDER_SEQUENCE_NUMBER);
  }

  /** Remembers a batch that was appended. */
  remember({ producerId, producerEpoch, baseSequence, recordCount }: RecordBatch, { baseOffset, maxTimestamp }: Stored): void {
    if (producerId < 0) return;
    const state = this.#states.get(producerId) ?? NOTHING;
    const earlier = state.epoch === producerEpoch ? state.appended.slice(0, REMEMBERED - 1) : [];
    const batch = { baseSequence, lastSequence: lastSequence(baseSequence, recordCount), stored: { baseOffset, maxTimestamp } };
    this.#states.set(producerId, {
      ...state,
      epoch: producerEpoch,
      appended: [batch, ...earlier],
      lastTimestamp: maxTimestamp,
      lastDataOffset: baseOffset + recordCount - 1,
    });
  }

  /** Remembers the marker that ended a transaction. One of a new epoch begins the sequences anew. */
  ended({ producerId, producerEpoch, maxTimestamp }: RecordBatch): void {
    const state = this.#states.get(producerId) ?? NOTHING;
    const appended = state.epoch === producerEpoch ? state.appended : [];
    this.#states.set(producerId, { ...state, epoch: producerEpoch, appended, coordinatorEpoch: 0, lastTimestamp: maxTimestamp });
  }

  /** Forgets producers of whom nothing is left behind `offset`, as Kafka did before 2.5. */
  forgetBelow(offset: number): void {
    for (const [producerId, { lastDataOffset }] of this.#states) if (lastDataOffset < offset) this.#states.delete(producerId);
  }

  /** Forgets the batches from `endOffset` on, and producers of whom nothing is left. */
  truncate(endOffset: number): void {
    for (const [producerId, state] of this.#states) {
      if (state.lastDataOffset < endOffset) continue;
      const appended = state.appended.filter(({ stored }) => stored.baseOffset < endOffset);
      if (appended.length === 0) this.#states.delete(producerId);
      else this.#states.set(producerId, { ...state, appended, lastDataOffset: endOffset - 1 });
    }
  }

  clear(): void {
    this.#states.clear();
  }
}

const refuse = (error: number): Verdict => ({ kind: 'refuse', error });
const lastSequence = (baseSequence: number, count: number): number => (baseSequence + count - 1) % SEQUENCES;
