import { brokerError, errorNumbers } from '../base/broker-errors.js';
import type { Clock } from '../base/clock.js';
import { asError, asKafkaError, InputError, KafkaError } from '../base/errors.js';
import { show } from '../base/options.js';
import { withPersistence } from '../base/persistence.js';
import type { TopicInfo } from '../cluster/metadata.js';
import type { Bytes, CheckedHeaders } from '../records/index.js';
import type { Batch } from './batch.js';
import { BatchMemory } from './batch-memory.js';
import type { Delivery } from './delivery.js';
import { Lane, type LaneSettings } from './lane.js';
import { bufferFull, Overflow, type Parked, type Together } from './overflow.js';
import type { PartitionedRecord, Partitioner } from './partitioners.js';
import type { CheckedRecord } from './record.js';
import { Room } from './room.js';

/** Who is told what happens to the lanes. */
export interface LaneEvents {
  opened(lane: Lane, batch: Batch): void;
  /** Records were put into a lane. */
  filled(lane: Lane): void;
  /** Records found no lane; `partition` is -1 when none was chosen. Their deliveries were told. */
  refused(topic: string, partition: number, error: KafkaError, count: number): void;
  /** The first record waits for room. */
  crowded(): void;
  /** None waits for room any more. */
  eased(): void;
}

export interface AccumulatorSettings extends LaneSettings {
  readonly bufferBytes: number;
}

/** What the records of one call have in common. */
export interface CallBounds {
  /** Longest time in ms that a record waits for its topic, and for room. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** All lanes of a producer, the way of a record into one of them, and the memory they share. Knows no brokers. */
export class Accumulator {
  readonly events: LaneEvents;
  readonly #settings: AccumulatorSettings;
  readonly #partitioner: Partitioner;
  readonly #choosing: 'call' | 'record';
  readonly #lanes = new Map<string, Lane[]>();
  readonly #memory: BatchMemory;
  readonly #room: Room;
  readonly #overflow: Overflow;

  /** @param choosing Whether the partitioner is asked once for each load, or for each record. */
  constructor(settings: AccumulatorSettings, clock: Clock, partitioner: Partitioner, choosing: 'call' | 'record', events: LaneEvents) {
    this.#settings = settings;
    this.#partitioner = partitioner;
    this.#choosing = choosing;
    this.events = events;
    this.#memory = new BatchMemory(settings.batchBytes);
    this.#room = new Room(settings.bufferBytes);
    this.#overflow = new Overflow(clock, parked => {
      if (this.#overflow.empty) this.events.eased();
      this.#refuse(parked, bufferFull(parked, settings.bufferBytes));
    });
  }

  /**
   * Takes a record to the lane it belongs to, and refuses it where there is none.
   * @param load The call's, where it may have more than this record.
   * @param wallTime The timestamp of a record that has none.
   * @param calledAt When it was given.
   */
  enter(
    topic: TopicInfo,
    record: CheckedRecord,
    load: { chosen: number | undefined } | undefined,
    delivery: Delivery,
    index: number,
    wallTime: number,
    calledAt: number,
    bounds: CallBounds,
  ): void {
    const lane = this.laneFor(topic, record, load);
    if (lane instanceof KafkaError) {
      delivery.fail(index, lane);
      this.events.refused(topic.name, record.partition ?? -1, lane, 1);
      return;
    }
    const { key, value, timestamp = wallTime, headers } = record;
    this.put(lane, delivery, index, key, value, timestamp, headers, calledAt, bounds);
    this.events.filled(lane);
  }

  /** Puts a record into its lane, or behind those that wait for room there. */
  put(
    lane: Lane,
    delivery: Delivery,
    index: number,
    key: Bytes,
    value: Bytes,
    timestamp: number,
    headers: CheckedHeaders | undefined,
    calledAt: number,
    bounds: CallBounds,
  ): void {
    if (this.#admits(lane)) this.#append(lane, delivery, index, key, value, timestamp, headers, calledAt);
    else this.#park(lane, delivery, index, key, value, timestamp, headers, undefined, calledAt, bounds);
  }

  /**
   * Puts values of one call into their lane. Those that can be one batch are: they go in together, or wait together.
   * @param indexes The place of each value in its call; undefined where it is that of the value here.
   */
  putValues(
    lane: Lane,
    delivery: Delivery,
    indexes: readonly number[] | undefined,
    key: Bytes,
    values: readonly Bytes[],
    timestamp: number,
    calledAt: number,
    bounds: CallBounds,
  ): void {
    lane.makeWay(key, values);
    let together: Together | 'apart' | undefined; // measuring takes time, and where there is room for all it changes nothing
    for (let i = 0; i < values.length; i++) {
      const index = indexes?.[i] ?? i;
      const value = values[i] ?? null;
      if (!this.#admits(lane)) {
        together ??= lane.canJoin(key, values) ? { key, values } : 'apart';
        if (i === 0 || together === 'apart' || this.#overflow.holds(lane)) {
          const joined = together === 'apart' ? undefined : together;
          this.#park(lane, delivery, index, key, value, timestamp, undefined, joined, calledAt, bounds);
          continue;
        }
      }
      this.#append(lane, delivery, index, key, value, timestamp, undefined, calledAt);
    }
    this.events.filled(lane);
  }

  /** A batch is settled: what it held is free, and records that waited for that are let in. */
  release(lane: Lane, batch: Batch): void {
    this.#room.give(lane, batch.heldBytes);
    batch.heldBytes = 0;
    if (this.#overflow.empty) return;
    this.#overflow.release(
      waiting => this.#room.admits(waiting),
      (into, { key, values }) => into.makeWay(key, values),
      ({ lane: into, delivery, index, key, value, timestamp, headers, calledAt }) => {
        this.#append(into, delivery, index, key, value, timestamp, headers, calledAt);
        this.events.filled(into);
      },
    );
    if (this.#overflow.empty) this.events.eased();
  }

  /** Others hold what a batch held. */
  divide(lane: Lane, batch: Batch, parts: readonly Batch[]): void {
    this.#room.give(lane, batch.heldBytes);
    batch.heldBytes = 0;
    for (const part of parts) {
      part.heldBytes = part.plainBytes;
      this.#room.take(lane, part.heldBytes);
    }
  }

  /** The records that wait for room. */
  waiting(): readonly Parked[] {
    return [...this.#overflow.waiting()];
  }

  /** Every lane there is. */
  lanes(): readonly Lane[] {
    return [...this.#lanes.values()].flatMap(lanes => lanes.filter(lane => lane !== undefined));
  }

  /** Refuses all that wait for room. */
  close(error: KafkaError): void {
    if (this.#overflow.empty) return;
    const all = this.#overflow.takeAll();
    this.events.eased();
    for (const parked of all) this.#refuse(parked, error);
  }

  /** Whether a record may go in now: there is room, and nobody before it waits for some. */
  #admits(lane: Lane): boolean {
    return this.#room.admits(lane) && (this.#overflow.empty || !this.#overflow.holds(lane));
  }

  #park(
    lane: Lane,
    delivery: Delivery,
    index: number,
    key: Bytes,
    value: Bytes,
    timestamp: number,
    headers: CheckedHeaders | undefined,
    together: Together | undefined,
    calledAt: number,
    { timeoutMs, signal }: CallBounds,
  ): void {
    const expiresAt = calledAt + timeoutMs;
    const isFirst = this.#overflow.empty;
    this.#overflow.park({ lane, delivery, index, key, value, timestamp, headers, together, calledAt, expiresAt, timeoutMs, signal });
    if (isFirst) this.events.crowded();
  }

  #refuse({ delivery, index, lane }: Parked, error: KafkaError): void {
    delivery.fail(index, error);
    this.events.refused(lane.topic, lane.partition, error, 1);
  }

  #append(
    lane: Lane,
    delivery: Delivery,
    index: number,
    key: Bytes,
    value: Bytes,
    timestamp: number,
    headers: CheckedHeaders | undefined,
    calledAt: number,
  ): void {
    const before = lane.openBytes;
    let opened: Batch | undefined;
    try {
      opened = lane.append(delivery, index, key, value, timestamp, headers, calledAt);
    } catch (thrown) {
      const error = notEncoded(lane, thrown);
      delivery.fail(index, error);
      this.events.refused(lane.topic, lane.partition, error, 1);
      return;
    }
    const grown = opened === undefined ? lane.openBytes - before : lane.openBytes;
    if (lane.open !== undefined) lane.open.heldBytes += grown;
    this.#room.take(lane, grown);
    if (opened !== undefined) this.events.opened(lane, opened);
  }

  /** The lane of the partition that the record names, or that the partitioner chooses; or why there is none. */
  laneFor(
    topic: TopicInfo,
    record: PartitionedRecord & { readonly partition?: number | undefined },
    load: { chosen: number | undefined } | undefined,
  ): Lane | KafkaError {
    const named = record.partition;
    try {
      const partition = named ?? this.#choose(topic, record, load);
      let lanes = this.#lanes.get(topic.name);
      if (lanes === undefined) this.#lanes.set(topic.name, (lanes = []));
      // A partitioner's answer may be anything, and an array answers more than numbers.
      const lane = Number.isInteger(partition) ? lanes[partition] : undefined;
      if (lane !== undefined) return lane;
      if (!hasPartition(topic, partition)) throw noPartition(topic, partition, named !== undefined);
      return (lanes[partition] = new Lane(topic.name, partition, this.#settings, this.#memory));
    } catch (error) {
      return withPersistence(asKafkaError(error, 'no'), 'no');
    }
  }

  #choose(topic: TopicInfo, record: PartitionedRecord, load: { chosen: number | undefined } | undefined): number {
    if (this.#choosing === 'record' || load === undefined) return this.#ask(topic, record);
    return (load.chosen ??= this.#ask(topic, record));
  }

  #ask(topic: TopicInfo, record: PartitionedRecord): number {
    try {
      return this.#partitioner(record, topic.partitions, topic.name);
    } catch (thrown) {
      if (thrown instanceof KafkaError) throw thrown;
      const message = `produce ${topic.name}: the partitioner threw: ${asError(thrown).message}`;
      throw new InputError(message, { cause: thrown, context: { topic: topic.name } });
    }
  }
}

/** Looks at its place first: thousands of partitions, each looked for among all, would take their time. */
function hasPartition({ partitions }: TopicInfo, partition: number): boolean {
  const inPlace = partitions[partition];
  return (inPlace !== undefined && inPlace.partition === partition) || partitions.some(known => known.partition === partition);
}

/** Its bytes were checked before; since then they were given away, to another thread for one. The others of its call go on. */
function notEncoded({ topic, partition }: Lane, thrown: unknown): KafkaError {
  const message = `produce ${topic}/${partition}: the record cannot be encoded: ${asError(thrown).message}`;
  return new InputError(message, { cause: thrown, persistence: 'no', context: { topic, partition } });
}

/** Why a record cannot go to `partition`: the caller named one that is not there, or the partitioner did. */
function noPartition(topic: TopicInfo, partition: number, named: boolean): KafkaError {
  const count = topic.partitions.length;
  const range = `the topic has ${count}, 0 to ${count - 1}`;
  const context = { topic: topic.name, partition: Number(partition), partitionCount: count };
  if (!named) {
    Promise.resolve(partition).catch(() => {}); // of a promise, which is no answer, nobody else hears whether it rejects
    return new InputError(`produce ${topic.name}: the partitioner answered ${show(partition)}, but ${range}`, { context });
  }
  const message = `there is no such partition; ${range}`;
  return brokerError(errorNumbers.UNKNOWN_TOPIC_OR_PARTITION, `produce ${topic.name}/${partition}`, { message, context });
}
