import type { KafkaError } from '../base/errors.js';
import type { AbortedTransaction, AnyMessage, RecordBatch } from '../records/index.js';
import { DeserializedBatch, type Deserializing } from './deserialized-batch.js';
import { type Making, messageOf } from './deserializers.js';
import { EpochTrail } from './epoch-trail.js';
import { type Marker, MessageBatch, type Records } from './message-batch.js';
import { Outstanding } from './outstanding.js';
import { Prefetched, type PrefetchedSettings } from './prefetched.js';
import type { ReadReplica } from './read-replica.js';

/**
 * What a handed-out message refers back to: whose it is, and until when marks for it count. A partition gets a new one whenever what was
 * handed out is taken back.
 */
export interface Lease {
  readonly owner: Marker;
  readonly partition: Partition;
  readonly epoch: number;
}

/** Consecutive records of a partition as they were fetched, handed out as a whole. */
export interface RawShare {
  readonly partition: Partition;
  readonly lease: Lease;
  /** What is below is not part of it. */
  readonly from: number;
  /** Where the one after it begins. */
  readonly nextOffset: number;
  /** A view of the answer it came in. */
  readonly records: Buffer;
  /** Transactions that were aborted; null when reading uncommitted. */
  readonly aborted: readonly AbortedTransaction[] | null;
}

/**
 * One partition that is being read, and its two numbers: `position` is the next offset to hand out, `done` the offset below which
 * everything is done. Within an epoch both only grow, and committed <= done <= position. A seek begins a new epoch.
 */
export class Partition {
  readonly topic: string;
  readonly partition: number;
  readonly prefetched: Prefetched;
  readonly outstanding = new Outstanding();
  /** Of what was fetched. */
  readonly epochs = new EpochTrail();
  readonly #owner: Marker;
  #lease: Lease;
  #epoch = 0;
  #position = -1;
  #first = -1;
  /** The batch messages are being handed out of. */
  #current: RecordBatch | DeserializedBatch | undefined;
  readonly #deserializing: Deserializing | undefined;
  /** Something was passed over that could not be made: others have their turn before it goes on. */
  #rests = false;
  /** What Kafka is known to have stored; undefined: unknown or nothing. */
  committed: number | undefined;
  /** Kafka may hold another offset than `committed`: the next commit states what is true. */
  unsure = false;
  /** How often it became unsure. */
  doubts = 0;
  /**
   * A commit context began here, or where the partition was moved to since: what is read from this offset on is kept in memory, done or not,
   * and is not the consumer's to commit.
   */
  keepFrom = Number.POSITIVE_INFINITY;
  /** Why it is not read any more: nothing of it can be marked or committed. */
  gone: string | undefined;
  /** It goes to another reader as soon as nothing of it is in hand: nothing more is handed out. */
  leaving = false;
  /** Its place is looked for beside reading: why it has none is told once, and looked for again. */
  placedLater = false;
  paused = false;
  /** Nothing is handed out: where it stands has still to be stored. */
  held = false;
  /** Its position means nothing any more; the policy answers as soon as nothing of it is in hand. */
  stalled = false;
  /** Kafka's id of the topic as it was last fetched; undefined before, and after a move to where nothing is in memory. */
  topicId: string | undefined;
  /** When records last came for it, counted over all partitions of the consumer: who has waited longest is asked for first. */
  servedAt = 0;
  /** The end of the log as the last answer told it; -1 before. */
  highWatermark = -1;
  logStartOffset = -1;
  /** The epoch of the leader whose log is known to be the one that was read so far; -1: none. */
  validatedFor = -1;
  /** Who is asked instead of the leader. */
  readReplica: ReadReplica | undefined;
  /** No fetch before this time. */
  quietUntil = 0;
  /** Fetches that brought nothing. */
  emptyAnswers = 0;
  /** Failed fetches in a row. */
  failures = 0;
  /** Something the reader has to know; handed to it once. */
  failure: KafkaError | undefined;

  /** @param deserializing How keys and values are made; undefined: they are bytes. */
  constructor(owner: Marker, settings: PrefetchedSettings, deserializing?: Deserializing | undefined) {
    this.#deserializing = deserializing;
    this.#owner = owner;
    this.topic = settings.topic;
    this.partition = settings.partition;
    this.prefetched = new Prefetched(settings);
    this.#lease = this.#newLease();
  }

  get position(): number {
    return this.#position;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** The offset below which everything is done. */
  get done(): number {
    return this.outstanding.first ?? this.#position;
  }

  /** Where this epoch began. */
  get first(): number {
    return this.#first;
  }

  get lease(): Lease {
    return this.#lease;
  }

  /** False until a position is known. */
  get placed(): boolean {
    return this.#position >= 0;
  }

  /** A new epoch, by the user's choice: done and position stand at `offset`, and nothing is outstanding. */
  seek(offset: number): void {
    const known = this.placed;
    this.#begin(offset);
    if (known && this.prefetched.goTo(offset)) return; // from memory, which is of the topic as it was fetched
    this.topicId = undefined;
    this.epochs.restart(offset);
    if (!known) this.prefetched.restart(offset);
  }

  /**
   * As {@link seek}, where the log may not be the one that was read so far: what is in memory does not count any more.
   * @param leaderEpoch Of the record before it; -1 when unknown.
   */
  place(offset: number, leaderEpoch?: number): void {
    this.#begin(offset);
    this.topicId = undefined;
    this.epochs.restart(offset, leaderEpoch);
    this.prefetched.restart(offset);
  }

  /** As {@link seek}, to where it has stood before, in the log that was read: if that was replaced since, the policy decides. */
  returnTo(offset: number): void {
    this.#begin(offset);
    this.prefetched.goTo(offset);
  }

  /** A commit of it may have been stored, and it was put back: the next commit states what is true. */
  doubt(): void {
    this.unsure = true;
    this.doubts += 1;
  }

  /** Takes back what was handed out and is not done: the position stands at `done` again. */
  putBack(): void {
    if (this.outstanding.empty) return;
    this.#lease = this.#newLease();
    this.handBack(this.done);
  }

  /** Takes back what was handed out from `offset` on, which is not done: the position stands there. */
  standAt(offset: number): void {
    if (offset === this.#position && this.outstanding.empty) return; // nothing is: reading goes on where it is in its batch
    this.#lease = this.#newLease();
    this.handBack(offset);
  }

  /** Takes back what was handed out from `offset` on, which nobody has seen: the position stands there. */
  handBack(offset: number): void {
    this.outstanding.takeBack(offset);
    this.#position = offset;
    this.#current = undefined;
    this.prefetched.goTo(offset);
  }

  /** What was fetched and not handed out does not count: it is fetched anew. The position stands. */
  fetchAgain(): void {
    this.#current = undefined;
    this.epochs.truncate(this.#position);
    this.prefetched.restart(this.#position);
  }

  /** Gives memory back: what was read, and where nothing is handed out for now what was fetched ahead. It is fetched again when wanted. */
  shed(): void {
    if (this.paused) this.prefetched.restart(this.#position);
    else this.prefetched.shed();
  }

  /**
   * The next message, handed out; undefined when nothing is there, or it is being made.
   * @throws KafkaError as {@link Prefetched.next}, and `TIDE_DESERIALIZATION`; nothing is handed out then.
   */
  take(): AnyMessage | undefined {
    const message = this.takeCurrent() ?? (this.midBatch || this.#nextBatch() === undefined ? undefined : this.takeCurrent());
    return message === undefined && this.#current instanceof DeserializedBatch ? this.#takeFailed(this.#current) : message;
  }

  /** The next message of the current batch, handed out; undefined at its end. */
  takeCurrent(): AnyMessage | undefined {
    const message = this.#current?.next();
    if (message === undefined) return undefined;
    this.outstanding.addOne(message.offset);
    this.#position = message.offset + 1;
    return message;
  }

  /** True while messages of the current batch are left. */
  get midBatch(): boolean {
    return this.#current !== undefined && this.#current.remaining > 0;
  }

  /** Whether more comes without a fetch, of what deserialisers make. */
  get isMaking(): boolean {
    return this.#rests || (this.#current instanceof DeserializedBatch && this.midBatch);
  }

  /** What is left of the current batch, or the next one, handed out as a whole; undefined when nothing is there. Throws as {@link take}. */
  takeBatch(): MessageBatch | undefined {
    const records = this.#current !== undefined && this.#current.remaining > 0 ? this.#current : this.#nextBatch();
    if (records instanceof DeserializedBatch) return this.#takeRest(records);
    if (records === undefined) return undefined;
    this.#current = undefined;
    return this.#handOut(records);
  }

  #handOut(records: Records): MessageBatch {
    const batch = new MessageBatch(records, this.highWatermark, this.#owner);
    this.outstanding.add(batch.firstOffset, batch.lastOffset, batch.count, () => batch.offsets());
    this.#position = records.nextOffset;
    return batch;
  }

  /** The next message could not be made, or is being made: goes on as the policy says. */
  #takeFailed(current: DeserializedBatch): AnyMessage | undefined {
    const failed = current.takeFailed();
    if (failed === undefined) return undefined;
    const returned = this.#deserializing?.onDeserializationError === 'return' ? messageOf(failed) : undefined;
    const { offset } = failed.source;
    if (returned !== undefined) this.outstanding.addOne(offset);
    this.#position = offset + 1;
    if (!this.#tell([failed])) return undefined;
    if (returned === undefined) this.#rest();
    return returned;
  }

  #takeRest(current: DeserializedBatch): MessageBatch | undefined {
    const rest = current.takeRest();
    if (rest === undefined) return undefined;
    const { records, failures } = rest;
    this.#position = records.nextOffset;
    const batch = records.count === 0 ? undefined : this.#handOut(records);
    if (!this.#tell(failures)) return undefined;
    if (batch === undefined) this.#rest();
    return batch;
  }

  #rest(): void {
    this.#rests = true;
    void this.#deserializing?.turn().then(() => {
      this.#rests = false;
      this.#deserializing?.ready();
    });
  }

  /** Tells of what could not be made; false when a listener has put the position elsewhere. */
  #tell(failures: readonly Making[]): boolean {
    const lease = this.#lease;
    for (const { error } of failures) if (error !== undefined) this.#deserializing?.failed(error);
    return lease === this.#lease;
  }

  /** What was fetched first and not read, handed out as a whole; undefined when nothing is there. */
  takeShare(): RawShare | undefined {
    if (this.#current !== undefined) this.#position = Math.max(this.#position, this.#current.nextOffset);
    this.#current = undefined;
    for (let taken = this.prefetched.takeShare(this.#position); taken !== undefined; taken = this.prefetched.takeShare(this.#position)) {
      const { share, nextOffset } = taken;
      const from = this.#position;
      if (nextOffset <= from) continue;
      this.#position = nextOffset;
      if (share.records.length === 0) continue;
      // Which offsets there are shows when it is read: as far as marks go, all of them.
      this.outstanding.add(from, nextOffset - 1, nextOffset - from, () => []);
      return { partition: this, lease: this.#lease, from, nextOffset, ...share };
    }
    return undefined;
  }

  /** The next batch with something to hand out, its cursor there. Moves the position over what is not for users. */
  #nextBatch(): RecordBatch | DeserializedBatch | undefined {
    if (this.#current !== undefined) this.#position = Math.max(this.#position, this.#current.nextOffset);
    this.#current = undefined;
    const kept = Math.min(this.done, this.keepFrom);
    this.prefetched.forget(kept);
    this.epochs.forget(kept);
    const lease = this.#lease;
    const { batch, position } = this.prefetched.next(this.#position);
    if (lease !== this.#lease) return undefined; // a listener that was told of damage has put the position elsewhere
    this.#position = position;
    if (batch !== undefined) batch.origin = this.#lease;
    this.#current = batch === undefined || this.#deserializing === undefined ? batch : new DeserializedBatch(batch, this.#deserializing);
    return this.#current;
  }

  #begin(offset: number): void {
    this.outstanding.takeBack(0);
    this.#current = undefined;
    this.#epoch += 1;
    this.#lease = this.#newLease();
    this.#position = offset;
    this.#first = offset;
    if (this.keepFrom !== Number.POSITIVE_INFINITY) this.keepFrom = offset;
    this.validatedFor = -1;
    this.held = false;
    this.stalled = false;
    this.failure = undefined;
    this.failures = 0;
    this.quietUntil = 0;
  }

  #newLease(): Lease {
    return { owner: this.#owner, partition: this, epoch: this.#epoch };
  }
}
