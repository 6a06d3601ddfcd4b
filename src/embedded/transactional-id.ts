import { errorNumbers } from '../base/broker-errors.js';
import type { Timer } from '../base/clock.js';
import type { ProducerIdentity } from './producer-ids.js';
import type { Partition } from './topic.js';

/** Where a transactional id stands, in Kafka's own words. `Prepare`: it is decided, and not in every partition yet. */
export type TransactionState = 'Empty' | 'Ongoing' | 'PrepareCommit' | 'PrepareAbort' | 'CompleteCommit' | 'CompleteAbort';
export type Outcome = 'commit' | 'abort';

/** Every state, for those who ask for some of them: two more that nobody ever sees here. */
export const transactionStates: readonly string[] = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'Dead',
  'PrepareEpochFence',
];

/** The last epoch that a producer is given; behind it comes a new id. */
export const LAST_EPOCH = 2 ** 15 - 2;

/** What a coordinator knows of one transactional id. */
export class TransactionalId {
  readonly id: string;
  state: TransactionState = 'Empty';
  producerId: number;
  /** -1 before it was ever given. */
  producerEpoch = -1;
  /** The epoch before, whose owner may not have heard of the present one; -1 when somebody else took over. */
  lastEpoch = -1;
  /** The producer id before, when its epochs were used up; -1 for none. */
  previousProducerId = -1;
  timeoutMs: number;
  /** Ms since 1970; -1 before the first transaction. */
  startTime = -1;
  /** Where its records may be. */
  readonly partitions = new Set<Partition>();
  /** Whose offsets it may commit. */
  readonly groups = new Set<string>();
  /** Runs while a transaction is open. */
  timer: Timer | undefined;

  constructor(id: string, producerId: number, timeoutMs: number) {
    this.id = id;
    this.producerId = producerId;
    this.timeoutMs = timeoutMs;
  }

  get isSettling(): boolean {
    return this.state === 'PrepareCommit' || this.state === 'PrepareAbort';
  }

  get identity(): ProducerIdentity {
    return { producerId: this.producerId, producerEpoch: this.producerEpoch };
  }
}

/** What becomes of a request to end a transaction. */
export type EndVerdict = 'end' | 'ended already' | { readonly refuse: number };

const outcomes: Readonly<Partial<Record<TransactionState, Outcome>>> = {
  PrepareCommit: 'commit',
  CompleteCommit: 'commit',
  PrepareAbort: 'abort',
  CompleteAbort: 'abort',
};

/**
 * Judges a request to end a transaction, and changes nothing.
 * @param bumps Whether each transaction has an epoch of its own (KIP-890): then a repeated request is known by the epoch before, and one with
 * the present epoch is about a transaction in which nothing was done. That may be aborted.
 */
export function judgeEnd(txn: TransactionalId, who: ProducerIdentity, outcome: Outcome, bumps: boolean): EndVerdict {
  const { state } = txn;
  const rotated = bumps && txn.previousProducerId === who.producerId && who.producerEpoch === LAST_EPOCH && txn.producerEpoch === 0;
  if (txn.producerId !== who.producerId && !rotated) return refuse('INVALID_PRODUCER_ID_MAPPING');
  const settled = outcomes[state];
  const repeated = bumps && settled !== undefined && (rotated || txn.producerEpoch === who.producerEpoch + 1);
  const isPresent = txn.producerEpoch === who.producerEpoch && !(bumps && txn.isSettling);
  if (!isPresent && !repeated) return refuse('PRODUCER_FENCED');
  if (state === 'Ongoing') return 'end';
  if (settled !== undefined && (!bumps || repeated)) {
    if (settled !== outcome) return refuse('INVALID_TXN_STATE');
    return txn.isSettling ? refuse('CONCURRENT_TRANSACTIONS') : 'ended already';
  }
  return bumps && outcome === 'abort' ? 'end' : refuse('INVALID_TXN_STATE');
}

/**
 * The identity that InitProducerId gives when no transaction is open or settling, or an error.
 * @param given The identity the producer has, when it wants to go on (KIP-360); undefined for a new one, which takes over.
 * @param freshId Gives a producer id that was never used.
 */
export function nextIdentity(
  txn: TransactionalId,
  given: ProducerIdentity | undefined,
  freshId: () => number,
): { readonly refuse: number } | undefined {
  const { producerEpoch: epoch } = txn;
  const goesOn = given === undefined || epoch === -1 || given.producerEpoch === epoch;
  if (epoch >= LAST_EPOCH && goesOn) {
    txn.previousProducerId = txn.producerId;
    txn.lastEpoch = given === undefined ? -1 : epoch;
    txn.producerId = freshId();
    txn.producerEpoch = 0;
    return undefined;
  }
  if (goesOn) {
    txn.lastEpoch = given === undefined ? -1 : epoch;
    txn.producerEpoch = epoch + 1;
    return undefined;
  }
  // One behind: it asks again, since it did not hear the answer.
  return given.producerEpoch === txn.lastEpoch ? undefined : refuse('PRODUCER_FENCED');
}

/** Whether a producer with this identity may be the one that has the transactional id. */
export function mayBe(txn: TransactionalId, given: ProducerIdentity): boolean {
  if (txn.producerEpoch === -1 || given.producerId === txn.producerId) return true;
  return given.producerId === txn.previousProducerId && given.producerEpoch >= LAST_EPOCH;
}

export const refuse = (error: keyof typeof errorNumbers): { readonly refuse: number } => ({ refuse: errorNumbers[error] });
