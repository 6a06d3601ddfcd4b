import { errorNumbers } from '../base/broker-errors.js';
import type { Clock } from '../base/clock.js';
import { encodeTransactionEnd, readBatches } from '../records/index.js';
import type { GroupOffsets } from './group-offsets.js';
import type { ProducerIdentity, ProducerIds } from './producer-ids.js';
import { NO_LEADER, type Partition } from './topic.js';
import { judgeEnd, LAST_EPOCH, mayBe, nextIdentity, type Outcome, TransactionalId } from './transactional-id.js';

/** What a coordinator needs of the cluster. */
export interface Surroundings {
  readonly clock: Clock;
  readonly producerIds: ProducerIds;
  readonly groups: GroupOffsets;
  /** Whether each transaction has an epoch of its own (KIP-890). */
  readonly bumpsEpochs: boolean;
  /** Whether the partition is still there. */
  has(partition: Partition): boolean;
}

/** An identity to go on with, or an error with none. */
export interface Identified extends ProducerIdentity {
  readonly errorCode: number;
}

/** What a transaction is extended to. */
export interface Extent {
  readonly partitions?: Iterable<Partition> | undefined;
  readonly group?: string | undefined;
}

/** Kafka's transaction.max.timeout.ms. */
const MAX_TIMEOUT_MS = 900_000;
/** All coordinators share one memory: there is never a second one that could be an older one's rival. */
const COORDINATOR_EPOCH = 0;

/**
 * The transaction coordinators of all brokers as one: which transactional id belongs to whom, and what its transaction is about.
 * An end is in every partition that has a leader before it is answered; the others get it with their next leader.
 * @see KIP-98, "Transaction Coordinator"; KIP-360; KIP-890
 */
export class Transactions {
  readonly #around: Surroundings;
  readonly #ids = new Map<string, TransactionalId>();

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** Undefined for an id that was never initialised. */
  of(id: string): TransactionalId | undefined {
    return this.#ids.get(id);
  }

  all(): readonly TransactionalId[] {
    return [...this.#ids.values()];
  }

  /**
   * Gives a transactional id to a producer. Where a transaction is open it is aborted, and the producer has to ask again.
   * @param given The identity it has already; undefined for a new producer, which fences the one before.
   */
  initialise(id: string, timeoutMs: number, given: ProducerIdentity | undefined): Identified {
    if (timeoutMs <= 0 || timeoutMs > MAX_TIMEOUT_MS) return refused(errorNumbers.INVALID_TRANSACTION_TIMEOUT);
    const { producerIds } = this.#around;
    const freshId = (): number => producerIds.fresh().producerId;
    const txn = this.#ids.get(id) ?? new TransactionalId(id, freshId(), timeoutMs);
    this.#ids.set(id, txn);
    if (given !== undefined && !mayBe(txn, given)) return refused(errorNumbers.PRODUCER_FENCED);
    if (txn.state === 'Ongoing') this.#fence(txn);
    else if (!txn.isSettling) {
      const wrong = nextIdentity(txn, given, freshId);
      if (wrong !== undefined) return refused(wrong.refuse);
      txn.state = 'Empty';
      txn.timeoutMs = timeoutMs;
      return { errorCode: 0, ...txn.identity };
    }
    return refused(errorNumbers.CONCURRENT_TRANSACTIONS);
  }

  /** Whether a producer may extend its transaction now; the error number, 0 for yes. */
  whyNot(id: string, who: ProducerIdentity): number {
    if (id === '') return errorNumbers.INVALID_REQUEST;
    const txn = this.#ids.get(id);
    if (txn === undefined || txn.producerId !== who.producerId) return errorNumbers.INVALID_PRODUCER_ID_MAPPING;
    if (txn.producerEpoch !== who.producerEpoch) return errorNumbers.PRODUCER_FENCED;
    return txn.isSettling ? errorNumbers.CONCURRENT_TRANSACTIONS : 0;
  }

  /** Takes partitions, or a group, into a transaction, which begins with the first. Gives the error number, 0 for none. */
  extend(id: string, who: ProducerIdentity, { partitions = [], group }: Extent): number {
    const wrong = this.whyNot(id, who);
    const txn = this.#ids.get(id);
    if (wrong !== 0 || txn === undefined) return wrong;
    for (const partition of partitions) txn.partitions.add(partition);
    if (group !== undefined) txn.groups.add(group);
    if (txn.state !== 'Ongoing') this.#open(txn);
    return 0;
  }

  /** The error number when a partition, or a group, is not in the producer's transaction; 0 when it is. */
  verify(id: string, who: ProducerIdentity, { partition, group }: { partition?: Partition; group?: string }): number {
    const wrong = this.whyNot(id, who);
    const txn = this.#ids.get(id);
    if (wrong !== 0 || txn === undefined) return wrong;
    const isIn = txn.state === 'Ongoing' && (partition === undefined || txn.partitions.has(partition));
    return isIn && (group === undefined || txn.groups.has(group)) ? 0 : errorNumbers.TRANSACTION_ABORTABLE;
  }

  /** @param bumps Whether the producer goes on with a new epoch, which it is given. */
  end(id: string, who: ProducerIdentity, outcome: Outcome, bumps: boolean): Identified {
    if (id === '') return refused(errorNumbers.INVALID_REQUEST);
    const txn = this.#ids.get(id);
    if (txn === undefined) return refused(errorNumbers.INVALID_PRODUCER_ID_MAPPING);
    const verdict = judgeEnd(txn, who, outcome, bumps);
    if (verdict === 'ended already') return { errorCode: 0, ...txn.identity };
    if (verdict !== 'end') return refused(verdict.refuse);
    const isLast = txn.producerEpoch >= LAST_EPOCH;
    if (bumps) {
      txn.lastEpoch = txn.producerEpoch;
      txn.producerEpoch++;
    }
    const next = bumps && isLast ? this.#around.producerIds.fresh() : undefined;
    this.#settle(txn, outcome, next);
    return { errorCode: 0, ...(next ?? txn.identity) };
  }

  /** Aborts the open transaction of an id, as its time limit does. Gives false when none is open. */
  expire(id: string): boolean {
    const txn = this.#ids.get(id);
    if (txn?.state !== 'Ongoing') return false;
    this.#fence(txn);
    return true;
  }

  /** Forgets every transactional id. */
  clear(): void {
    for (const txn of this.#ids.values()) {
      txn.timer?.cancel();
      txn.partitions.clear();
    }
    this.#ids.clear();
  }

  #open(txn: TransactionalId): void {
    const { clock } = this.#around;
    txn.state = 'Ongoing';
    txn.startTime = clock.wallTime();
    txn.timer = clock.after(txn.timeoutMs, () => this.expire(txn.id), true);
  }

  /** Aborts an open transaction under a new epoch: who began it can do nothing any more. */
  #fence(txn: TransactionalId): void {
    txn.lastEpoch = this.#around.bumpsEpochs ? txn.producerEpoch : -1;
    txn.producerEpoch++;
    this.#settle(txn, 'abort', undefined);
  }

  /** @param next The identity behind this transaction, when it is a new id. */
  #settle(txn: TransactionalId, outcome: Outcome, next: ProducerIdentity | undefined): void {
    txn.timer?.cancel();
    txn.timer = undefined;
    txn.state = outcome === 'commit' ? 'PrepareCommit' : 'PrepareAbort';
    for (const group of txn.groups) this.#around.groups.end(group, txn.producerId, outcome);
    txn.groups.clear();
    this.#mark(txn, outcome, next);
  }

  /** Writes the markers that can be written; waits for a leader where there is none. */
  #mark(txn: TransactionalId, outcome: Outcome, next: ProducerIdentity | undefined): void {
    for (const partition of txn.partitions) {
      if (this.#around.has(partition)) {
        if (partition.leader === NO_LEADER) continue;
        this.#writeMarker(partition, txn.identity, outcome);
      }
      txn.partitions.delete(partition);
    }
    const [leaderless] = txn.partitions;
    if (leaderless !== undefined) {
      const again = (): void => {
        leaderless.unwatch(again);
        if (txn.partitions.size > 0) this.#mark(txn, outcome, next);
      };
      leaderless.watch(again);
      return;
    }
    txn.state = outcome === 'commit' ? 'CompleteCommit' : 'CompleteAbort';
    if (next === undefined) return;
    txn.previousProducerId = txn.producerId;
    txn.producerId = next.producerId;
    txn.producerEpoch = next.producerEpoch;
  }

  #writeMarker(partition: Partition, who: ProducerIdentity, type: Outcome): void {
    const timestamp = this.#around.clock.wallTime();
    const bytes = encodeTransactionEnd({ type, ...who, coordinatorEpoch: COORDINATOR_EPOCH, timestamp });
    const batch = readBatches(bytes, { topic: partition.topic, partition: partition.index }).next();
    if (batch === undefined) return; // it was made here: there is one
    partition.append(bytes, batch);
    partition.changed();
  }
}

const refused = (errorCode: number): Identified => ({ errorCode, producerId: -1, producerEpoch: -1 });
