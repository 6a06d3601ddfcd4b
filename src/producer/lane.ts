import { BatchBuilder, type Bytes, type CheckedHeaders, type SealOptions } from '../records/index.js';
import { Batch } from './batch.js';
import type { Delivery } from './delivery.js';
import { unitsIn } from './record.js';
import { asKafkaError } from './verdict.js';

export interface LaneSettings {
  /** A batch takes no more records when it would get larger; one record alone may be. */
  readonly batchBytes: number;
  readonly deliveryTimeoutMs: number;
  readonly seal: SealOptions;
}

/**
 * Where a lane stands:
 * - `idle`: nothing to send
 * - `ready`: something to send, and nothing in its way
 * - `sending`: a batch is on its way, and the next waits for it
 * - `paused`: a batch failed, and is sent again later
 */
export type LaneState = 'idle' | 'ready' | 'sending' | 'paused';

/** A record, encoded, takes at most so many bytes beside its key and value, when it has no headers. */
const roughFrameBytes = 64;
/** Memory that grew beyond so many batches is not kept for the next one. */
const keptBatches = 4;
/** Records that join a batch share its deadline; one that is older than this part of the time to deliver takes no more. */
const oldestShare = 0.1;

/**
 * The records of one partition, in the order they were given: those being collected, those that wait, and the batch that is on its way.
 * Pure: knows neither brokers nor time.
 */
export class Lane {
  readonly topic: string;
  readonly partition: number;
  state: LaneState = 'idle';
  /** How often in a row metadata denied that the partition exists. */
  deniedCount = 0;
  readonly #settings: LaneSettings;
  #limit: number;
  #builder: BatchBuilder;
  #open: Batch | undefined;
  /** Sealed, the next first. */
  readonly #queue: Batch[] = [];
  #sent: Batch | undefined;

  constructor(topic: string, partition: number, settings: LaneSettings) {
    this.topic = topic;
    this.partition = partition;
    this.#settings = settings;
    this.#limit = settings.batchBytes;
    this.#builder = new BatchBuilder();
  }

  /** Nothing is collected and nothing waits; a batch may be on its way. */
  get empty(): boolean {
    return this.#open === undefined && this.#queue.length === 0;
  }

  /** The batch that is on its way. */
  get sent(): Batch | undefined {
    return this.#sent;
  }

  /** The size in bytes of what {@link take} would give, at most. */
  get nextBytes(): number {
    return this.#queue[0]?.bytes?.length ?? this.#builder.byteLength;
  }

  /** Puts a record behind all others; gives the batch when it is a new one. */
  append(
    delivery: Delivery,
    index: number,
    key: Bytes,
    value: Bytes,
    timestamp: number,
    headers: CheckedHeaders | undefined,
    now: number,
  ): Batch | undefined {
    let opened: Batch | undefined;
    if (this.#open !== undefined && !this.#takes(this.#open, key, value, headers, now)) this.#seal();
    if (this.#open === undefined) {
      this.#open = opened = new Batch(this.topic, this.partition, now, now + this.#settings.deliveryTimeoutMs);
    }
    this.#builder.append(key, value, timestamp, headers);
    this.#open.add(delivery, index, timestamp);
    return opened;
  }

  /** The next batch, sealed, which is on its way from now on; undefined when there is none, or when one still is. */
  take(): Batch | undefined {
    if (this.#sent !== undefined) return undefined;
    if (this.#queue.length === 0) this.#seal();
    this.#sent = this.#queue.shift();
    return this.#sent;
  }

  /** The batch that was on its way is settled. */
  arrived(): void {
    this.#sent = undefined;
  }

  /** The batch that was on its way comes next again, or other batches in its place. */
  putBack(...batches: readonly Batch[]): void {
    this.#sent = undefined;
    this.#queue.unshift(...batches);
  }

  /** Drops a batch that nobody waits for any more. One that is on its way stays until its answer comes. */
  drop(batch: Batch): void {
    if (batch === this.#open) {
      this.#open = undefined;
      this.#builder = new BatchBuilder();
    }
    const at = this.#queue.indexOf(batch);
    if (at >= 0) this.#queue.splice(at, 1);
  }

  /** All that waits, and what is collected; the lane is empty afterwards but for what is on its way. */
  takeAll(): readonly Batch[] {
    this.#seal();
    return this.#queue.splice(0);
  }

  /** Later batches stay below half the size of this one, which the broker found too large: both before compression, as all limits here. */
  shrink(batch: Batch): void {
    this.#limit = Math.min(this.#limit, Math.floor(batch.plainBytes / 2));
  }

  #takes(open: Batch, key: Bytes, value: Bytes, headers: CheckedHeaders | undefined, now: number): boolean {
    if (now - open.openedAt > this.#settings.deliveryTimeoutMs * oldestShare) return false;
    // Measuring text costs as much as writing it: near the limit only.
    const rough = this.#builder.byteLength + roughFrameBytes + 3 * (unitsIn(key) + unitsIn(value));
    return (headers === undefined && rough <= this.#limit) || this.#builder.sizeAfter(key, value, headers) <= this.#limit;
  }

  #seal(): void {
    const batch = this.#open;
    if (batch === undefined) return;
    this.#open = undefined;
    this.#queue.push(batch);
    batch.plainBytes = this.#builder.byteLength;
    const large = batch.plainBytes > keptBatches * this.#settings.batchBytes;
    try {
      batch.bytes = this.#builder.seal(this.#settings.seal);
      if (large) this.#builder = new BatchBuilder();
    } catch (error) {
      batch.failure = asKafkaError(error, 'no');
      this.#builder = new BatchBuilder();
    }
  }
}
