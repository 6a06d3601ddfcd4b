import type { Partition, RawShare } from '../consumer/partition.js';
import { toPlain } from './plain-error.js';
import type { GivenUp } from './poison.js';
import { ownMemory } from './pool.js';
import type { PlainRecord, ShareOrder } from './thread-messages.js';

/** A share of the partition, or one damaged piece of it. */
export interface Portion extends RawShare {
  /** In place of records: what stands for damaged ones. */
  readonly damage?: ShareOrder['damage'];
}

/** What came back of a share, to be worked on by the next thread that is free. */
interface Rest {
  readonly share: Portion;
  readonly records: ArrayBuffer;
}

/** What is to be done about one partition: what waits, what was tried, and what is known to be dangerous. */
export class PartitionWork {
  readonly partition: Partition;
  /** A thread has a share of it, or something about it is being decided. */
  busy = false;
  /** Nothing is begun before this time. */
  quietUntil = 0;
  #rest: Rest | undefined;
  /** How often messages were tried in vain. */
  readonly #failures = new Map<number, number>();
  /** Done, above those that are not. */
  readonly #finished = new Set<number>();
  /** Given up, and passed over. */
  readonly #passedOver = new Set<number>();
  /** Up to here messages are worked on alone: one of them ended its thread. */
  #aloneUpTo = -1;
  #aloneAttempt = 1;
  /** A message that is only to be looked at. */
  #show: { readonly offset: number; readonly given: GivenUp } | undefined;
  /** The records ahead are damaged, as a thread says. */
  isDamaged = false;
  /** What is to be written elsewhere, by the offset it stands for. */
  readonly #letters = new Map<number, Letter>();
  /** The epoch of the partition that all of this is about. */
  #epoch = -1;

  constructor(partition: Partition) {
    this.partition = partition;
  }

  /** Whether something is there that no thread has. */
  get waits(): boolean {
    return !this.busy && (this.#rest !== undefined || this.partition.prefetched.aheadBytes > 0);
  }

  /**
   * What is to be worked on next; undefined when nothing is there.
   * @throws KafkaError `TIDE_CORRUPT` for damaged records, where the reader is to be told.
   */
  next(): Portion | undefined {
    const { partition } = this;
    if (this.#epoch !== partition.epoch) {
      this.#epoch = partition.epoch;
      this.#forget();
    }
    if (this.#rest !== undefined && this.#rest.share.lease === partition.lease) return this.#rest.share;
    this.#rest = undefined;
    return this.isDamaged ? this.#inspected() : partition.takeShare();
  }

  /** Damaged records are dealt with as for every reader: passed over, told, or a message stands for them. */
  #inspected(): Portion | undefined {
    const { partition } = this;
    const batch = partition.takeBatch();
    if (batch === undefined) return undefined;
    const first = batch.at(0);
    this.isDamaged = false;
    if (first?.valid !== false) {
      partition.putBack(); // it is sound, or this is what comes behind: threads go on from here
      return partition.takeShare();
    }
    const { lease } = partition;
    const damage = { nextOffset: first.nextOffset, error: toPlain(first.error) };
    return { partition, lease, from: first.offset, nextOffset: first.nextOffset, records: nothing, aborted: null, damage };
  }

  /** The order for `share`, which {@link next} gave. Its memory is the thread's from then on. */
  order(share: Portion, slot: number): ShareOrder {
    const { topic, partition, highWatermark } = this.partition;
    const { records, aborted, nextOffset } = share;
    const from = Math.max(share.from, this.partition.done);
    const memory = this.#rest === undefined ? ownMemory(records) : this.#rest.records;
    this.#rest = undefined;
    const isWithin = (offset: number) => offset >= from && offset < nextOffset;
    const show = this.#show !== undefined && isWithin(this.#show.offset) ? this.#show.offset : undefined;
    return {
      kind: 'share',
      ...{ slot, topic, partition, from, nextOffset, highWatermark, aborted, show },
      records: memory,
      attempts: [...this.#failures].filter(([offset]) => isWithin(offset)).map(([offset, count]) => [offset, count + 1]),
      finished: [...this.#finished, ...this.#passedOver].filter(isWithin),
      ...{ aloneUpTo: this.#aloneUpTo, aloneAttempt: this.#aloneAttempt, damage: share.damage },
    };
  }

  /** Keeps what a thread gave back of `share`. */
  keep(share: Portion, records: ArrayBuffer): void {
    this.#rest = { share, records };
  }

  /** What was given back and no thread has. */
  get rest(): RawShare | undefined {
    return this.#rest?.share;
  }

  drop(): void {
    this.#rest = undefined;
  }

  /** One more attempt was in vain; gives how many there were. */
  failed(offset: number): number {
    const count = (this.#failures.get(offset) ?? (offset <= this.#aloneUpTo ? this.#aloneAttempt - 1 : 0)) + 1;
    this.#failures.set(offset, count);
    return count;
  }

  /** A message is to stand elsewhere, in this transaction or, if that is not committed, in the next. */
  write(given: GivenUp, message: PlainRecord): void {
    this.#letters.set(given.offset, { given, message, isWritten: false });
  }

  /** What is to be written before anything else is begun. */
  get letter(): Letter | undefined {
    return [...this.#letters.values()].find(({ isWritten }) => !isWritten);
  }

  /** Something came of a message that is done while one before it is not: committed like this, it would be seen again by who goes on from there. */
  get leavesHole(): boolean {
    const { done, epoch, gone } = this.partition;
    if (epoch !== this.#epoch || gone !== undefined) return false;
    const isAhead = ({ isWritten, given }: Letter) => isWritten && given.offset >= done;
    return [...this.#finished].some(offset => offset >= done) || [...this.#letters.values()].some(isAhead);
  }

  /** The transaction is rolled back: all is where it was, but for what was tried. */
  undone(): void {
    this.#epoch = this.partition.epoch;
    this.#rest = undefined;
    this.#finished.clear(); // what came of them is rolled back too
    for (const [offset, letter] of this.#letters) {
      letter.isWritten = false;
      this.#passedOver.delete(offset);
    }
  }

  finished(offset: number): void {
    this.#finished.add(offset);
    if (this.#show?.offset === offset) this.#show = undefined;
  }

  /** The message was given up: what comes behind it does not wait any longer. */
  passedOver(offset: number): void {
    this.#passedOver.add(offset);
    if (this.#show?.offset === offset) this.#show = undefined;
  }

  /** The message is wanted as it is, before anything else is begun that comes with it. */
  show(given: GivenUp): void {
    this.#show = { offset: given.offset, given };
  }

  /** What was wanted of the message at `offset`. */
  wanted(offset: number): GivenUp | undefined {
    return this.#show?.offset === offset ? this.#show.given : undefined;
  }

  /** Whether what comes next is to be worked on by a thread that has nothing else. */
  get isAlone(): boolean {
    return this.partition.done <= this.#aloneUpTo;
  }

  /** With one of the messages from `first` to `last` something is wrong: each is tried alone, its next attempt is number `attempt`. */
  suspect(first: number, last: number, attempt = 1): void {
    if (attempt > 1) for (const offset of this.#failures.keys()) if (offset >= first && offset <= last) this.#failures.delete(offset);
    this.#aloneUpTo = Math.max(this.#aloneUpTo, last);
    this.#aloneAttempt = attempt;
  }

  /** Everything below `offset` is done, and stays so. */
  reached(offset: number): void {
    for (const known of [this.#failures, this.#finished, this.#passedOver])
      for (const each of known.keys()) if (each < offset) known.delete(each);
  }

  /** The message stands elsewhere; `isKept`: nothing can bring it back. */
  written(letter: Letter, isKept: boolean): void {
    if (isKept) this.#letters.delete(letter.given.offset);
    else letter.isWritten = true;
  }

  /** What is done stays so: nothing brings back what is written elsewhere. */
  kept(): void {
    const { done } = this.partition;
    for (const each of this.#letters.keys()) if (each < done) this.#letters.delete(each);
    this.reached(done);
  }

  #forget(): void {
    this.#failures.clear();
    this.#finished.clear();
    this.#passedOver.clear();
    this.#letters.clear();
    this.#aloneUpTo = -1;
    this.#aloneAttempt = 1;
    this.#show = undefined;
    this.#rest = undefined;
    this.isDamaged = false;
  }
}

/** A record that is to stand for a message. */
export interface Letter {
  readonly given: GivenUp;
  readonly message: PlainRecord;
  isWritten: boolean;
}

const nothing = Buffer.alloc(0);
