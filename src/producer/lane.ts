import { asKafkaError } from '../base/errors.js';
import { BatchBuilder, type Bytes, type CheckedHeaders, recordBytes, type SealOptions, stampProducer } from '../records/index.js';
import { Batch } from './batch.js';
import { BatchMemory } from './batch-memory.js';
import type { Delivery } from './delivery.js';
import { Numbering } from './numbering.js';
import { unitsIn } from './record.js';
import type { Holder } from './room.js';
import type { Series } from './series.js';

export interface LaneSettings {
  /** A batch takes no more records when it would get larger; one record alone may be. */
  readonly batchBytes: number;
  /** A batch takes at most so many records. */
  readonly everyN: number;
  readonly deliveryTimeoutMs: number;
  readonly seal: SealOptions;
}

/**
 * Where a lane stands:
 * - `idle`: nothing to send, or nothing yet, or as much on its way as may be
 * - `ready`: something to send, and nothing in its way
 * - `draining`: a batch failed; what is on its way with it comes back before anything else is sent
 * - `paused`: sent again later
 */
export type LaneState = 'idle' | 'ready' | 'draining' | 'paused';

/** A record, encoded, takes at most so many bytes beside its key and value, when it has no headers. */
const roughFrameBytes = 64;
/** A broker knows the last five batches of a partition again (KIP-98): none that has no end yet may be further behind. */
const maxOrderedInFlight = 5;
/** By so much batches may grow again, each time one is stored, after one was too large. */
const regrowth = 1.01;
/** Records that join a batch share its deadline; one that is older than this part of the time to deliver takes no more. */
const oldestShare = 0.1;

/**
 * The records of one partition, in the order they were given: those being collected, those that wait, and the batches that are on their
 * way. Pure: knows neither brokers nor time.
 */
export class Lane implements Holder {
  readonly topic: string;
  readonly partition: number;
  state: LaneState = 'idle';
  heldBytes = 0;
  /** How often in a row metadata denied that the partition exists. */
  deniedCount = 0;
  readonly numbering = new Numbering();
  readonly #settings: LaneSettings;
  #limit: number;
  /** What collects {@link open}; none while nothing is collected. */
  #builder: BatchBuilder | undefined;
  #open: Batch | undefined;
  /** Sealed, the next first. */
  readonly #queue: Batch[] = [];
  /** On their way, in the order they were sent. */
  readonly #sent: Batch[] = [];
  /** Came back while others are still on their way. */
  readonly #back: Batch[] = [];
  #sentCount = 0;
  #unnumbered = false;

  readonly #memory: BatchMemory;

  /** @param memory Shared by the lanes of a producer. */
  constructor(topic: string, partition: number, settings: LaneSettings, memory = new BatchMemory(settings.batchBytes)) {
    this.topic = topic;
    this.partition = partition;
    this.#settings = settings;
    this.#limit = settings.batchBytes;
    this.#memory = memory;
  }

  /** Nothing is collected and nothing waits; batches may be on their way. */
  get empty(): boolean {
    return this.#open === undefined && this.#queue.length === 0;
  }

  /** How many batches are on their way. */
  get sendingCount(): number {
    return this.#sent.length;
  }

  /** Whether one more batch may be on its way: without numbers, and before they keep the order, one at a time. */
  get hasWindow(): boolean {
    const [first] = this.#sent;
    if (first === undefined) return true;
    const next = this.#queue[0]?.order ?? -1;
    return this.numbering.proven && !this.#unnumbered && (next < 0 ? this.#sentCount : next) - first.order < maxOrderedInFlight;
  }

  /** The batch that is being collected. */
  get open(): Batch | undefined {
    return this.#open;
  }

  /** The size in bytes of the batch that is being collected, before compression; 0 when none is. */
  get openBytes(): number {
    return this.#open === undefined ? 0 : this.#collectedBytes;
  }

  /** Whether a batch waits that takes no more records. */
  get hasSealed(): boolean {
    return this.#queue.length > 0 || (this.#open !== undefined && this.#open.count >= this.#settings.everyN);
  }

  /** The size in bytes of what {@link take} would give, at most. */
  get nextBytes(): number {
    return this.#queue[0]?.bytes?.length ?? this.#collectedBytes;
  }

  isSending(batch: Batch): boolean {
    return this.#sent.includes(batch);
  }

  /** Whether no batch that was sent before this one is still without an end. */
  isFirst(batch: Batch): boolean {
    return this.#sent[0] === batch && this.#back.length === 0;
  }

  /**
   * Puts a record behind all others; gives the batch when it is a new one.
   * @param calledAt When it was given: its time to deliver counts from then. None before was given later.
   * @throws What keeps the record from being encoded. It is not part of anything then.
   */
  append(
    delivery: Delivery,
    index: number,
    key: Bytes,
    value: Bytes,
    timestamp: number,
    headers: CheckedHeaders | undefined,
    calledAt: number,
  ): Batch | undefined {
    if (this.#open !== undefined && !this.#takes(this.#open, key, value, headers, calledAt)) this.#seal();
    this.#builder ??= this.#memory.builder();
    this.#builder.append(key, value, timestamp, headers);
    let opened: Batch | undefined;
    if (this.#open === undefined) {
      this.#open = opened = new Batch(this.topic, this.partition, calledAt, calledAt + this.#settings.deliveryTimeoutMs);
    }
    this.#open.add(delivery, index, timestamp);
    return opened;
  }

  /** Values of one call share a batch when they fit: where the one that is being collected has no room for all, they begin the next. */
  makeWay(key: Bytes, values: readonly Bytes[]): void {
    const open = this.#open;
    const { everyN } = this.#settings;
    if (open === undefined || values.length > everyN) return;
    let units = 0;
    for (const value of values) units += unitsIn(value);
    const rough = 3 * units + values.length * (roughFrameBytes + 3 * unitsIn(key));
    if (open.count + values.length <= everyN && this.#collectedBytes + rough <= this.#limit) return;
    const size = sizeTogether(key, values);
    const fitsAlone = emptyBatchBytes + size <= this.#limit;
    if (fitsAlone && (open.count + values.length > everyN || this.#collectedBytes + size > this.#limit)) this.#seal();
  }

  /** Whether these values of one call can be one batch. */
  canJoin(key: Bytes, values: readonly Bytes[]): boolean {
    return values.length <= this.#settings.everyN && emptyBatchBytes + sizeTogether(key, values) <= this.#limit;
  }

  /** The next batch, sealed and numbered, which is on its way from now on; undefined when there is none. */
  take(series: Series | 'none'): Batch | undefined {
    if (this.#queue.length === 0) this.#seal();
    const batch = this.#queue.shift();
    if (batch === undefined) return undefined;
    if (batch.order < 0) batch.order = this.#sentCount++;
    if (this.#unnumbered) this.numbering.erase(batch);
    else if (series === 'none') {
      if (batch.bytes !== undefined && batch.attempts === 0 && this.#settings.seal.unstamped) stampProducer(batch.bytes, -1, -1, -1);
    } else {
      if (this.numbering.series === undefined) this.numbering.begin(series);
      this.numbering.stamp(batch);
    }
    this.#sent.push(batch);
    return batch;
  }

  /** A batch that was on its way is settled. */
  arrived(batch: Batch): void {
    remove(this.#sent, batch);
  }

  /** A batch is stored, and {@link arrived}. */
  stored(batch: Batch): void {
    this.numbering.stored(batch);
    this.#limit = Math.min(this.#settings.batchBytes, Math.ceil(this.#limit * regrowth));
    // What was sent more than once may still stand in line at another socket, whatever has become of it here.
    if (batch.bytes === undefined || batch.attempts > 1) return;
    this.#memory.giveBack(batch.bytes);
    batch.bytes = undefined;
  }

  /** A batch that was on its way is to be sent again, or others are in its place. */
  cameBack(batch: Batch, ...others: readonly Batch[]): void {
    if (!remove(this.#sent, batch)) return;
    const more = Math.max(0, others.length - 1);
    for (const behind of [...this.#sent, ...this.#back, ...this.#queue]) if (behind.order > batch.order) behind.order += more;
    this.#sentCount += more;
    for (const [i, other] of others.entries()) other.order = batch.order + i;
    this.#back.push(...others);
  }

  /** What came back comes next, in the order it was first sent in. Nothing may be on its way. */
  gather(): void {
    this.#queue.unshift(...this.#back.splice(0).sort((a, b) => a.order - b.order));
  }

  /**
   * Numbers begin anew where a batch is missing: at once where nothing that waits can be stored already; else what a broker says of it
   * decides. Nothing may be on its way.
   */
  mendGap(): void {
    if (this.numbering.hasGap(this.#queue) && !this.#queue.some(({ unsure }) => unsure)) this.numbering.restart();
  }

  /** A broker has said that it has none of what waits, and misses something before it. Nothing may be on its way. */
  restart(): void {
    for (const batch of this.#queue) batch.unsure = false;
    this.numbering.restart();
  }

  /** The partition keeps its records in a format without numbers: batches go without from now on. */
  goWithoutNumbers(): void {
    this.#unnumbered = true;
    this.numbering.begin(undefined);
  }

  /** Drops a batch that nobody waits for any more. One that is on its way stays until its answer comes. */
  drop(batch: Batch): void {
    if (batch === this.#open) {
      this.#open = undefined;
      this.#builder = undefined;
    }
    remove(this.#queue, batch);
    remove(this.#back, batch);
  }

  /** All that waits, and what is collected; the lane is empty afterwards but for what is on its way. */
  takeAll(): readonly Batch[] {
    this.#seal();
    return [...this.#back.splice(0), ...this.#queue.splice(0)];
  }

  /**
   * Later batches stay below half the size of this one, which the broker found too large: both before compression, as all limits here. Each one
   * that is stored lets the next be a little larger: what the topic allows may have changed.
   */
  shrink(batch: Batch): void {
    this.#limit = Math.min(this.#limit, Math.floor(batch.plainBytes / 2));
  }

  /** The size of what is collected, in a batch of its own. */
  get #collectedBytes(): number {
    return this.#builder?.byteLength ?? emptyBatchBytes;
  }

  #takes(open: Batch, key: Bytes, value: Bytes, headers: CheckedHeaders | undefined, calledAt: number): boolean {
    const { deliveryTimeoutMs, everyN } = this.#settings;
    if (open.count >= everyN || calledAt - open.openedAt > deliveryTimeoutMs * oldestShare) return false;
    // Measuring text costs as much as writing it: near the limit only.
    const rough = this.#collectedBytes + roughFrameBytes + 3 * (unitsIn(key) + unitsIn(value));
    return (headers === undefined && rough <= this.#limit) || (this.#builder?.sizeAfter(key, value, headers) ?? 0) <= this.#limit;
  }

  #seal(): void {
    const batch = this.#open;
    const builder = this.#builder;
    if (batch === undefined || builder === undefined) return;
    this.#open = undefined;
    this.#builder = undefined;
    this.#queue.push(batch);
    batch.plainBytes = builder.byteLength;
    try {
      batch.bytes = builder.seal(this.#settings.seal);
      this.#memory.spare(builder, batch.plainBytes);
    } catch (error) {
      batch.failure = asKafkaError(error, 'no');
    }
  }
}

const emptyBatchBytes = new BatchBuilder(0).byteLength;
/** A batch is measured by so many bytes too many. */
const sizeSlackBytes = 16;

/** What these records take together, without headers and with one timestamp, in a batch of their own but for its header. */
function sizeTogether(key: Bytes, values: readonly Bytes[]): number {
  let size = sizeSlackBytes;
  for (let i = 0; i < values.length; i++) size += recordBytes(i, key, values[i] ?? null);
  return size;
}

function remove(list: Batch[], batch: Batch): boolean {
  const at = list.indexOf(batch);
  if (at >= 0) list.splice(at, 1);
  return at >= 0;
}
