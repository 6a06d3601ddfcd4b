import { brokerError, errorNumbers } from '../base/broker-errors.js';
import { InputError, KafkaError } from '../base/errors.js';
import { show } from '../base/options.js';
import type { TopicInfo } from '../cluster/metadata.js';
import type { Bytes } from '../records/index.js';
import type { Batch } from './batch.js';
import type { Delivery } from './delivery.js';
import { Lane, type LaneSettings } from './lane.js';
import type { PartitionedRecord, Partitioner } from './partitioners.js';
import type { CheckedRecord } from './record.js';
import { asKafkaError } from './verdict.js';

/** Who is told what happens to the lanes. */
export interface LaneEvents {
  opened(lane: Lane, batch: Batch): void;
  /** Records were put into a lane. */
  filled(lane: Lane): void;
  /** Records found no lane; `partition` is -1 when none was chosen. Their deliveries were told. */
  refused(topic: string, partition: number, error: KafkaError, count: number): void;
}

/** All lanes of a producer, and the way of a record into one of them. Pure: neither brokers nor time. */
export class Accumulator {
  readonly events: LaneEvents;
  readonly #settings: LaneSettings;
  readonly #partitioner: Partitioner;
  readonly #choosing: 'call' | 'record';
  readonly #lanes = new Map<string, Lane[]>();

  /** @param choosing Whether the partitioner is asked once for each load, or for each record. */
  constructor(settings: LaneSettings, partitioner: Partitioner, choosing: 'call' | 'record', events: LaneEvents) {
    this.#settings = settings;
    this.#partitioner = partitioner;
    this.#choosing = choosing;
    this.events = events;
  }

  /** The lane of the partition that the record names, or that the partitioner chooses; or why there is none. */
  laneFor(
    topic: TopicInfo,
    record: PartitionedRecord & { readonly partition?: number | undefined },
    load: { chosen: number | undefined },
  ): Lane | KafkaError {
    const named = record.partition;
    try {
      const partition = named ?? this.#choose(topic, record, load);
      let lanes = this.#lanes.get(topic.name);
      if (lanes === undefined) this.#lanes.set(topic.name, (lanes = []));
      // A partitioner's answer may be anything, and an array answers more than numbers.
      const lane = Number.isInteger(partition) ? lanes[partition] : undefined;
      if (lane !== undefined) return lane;
      if (!topic.partitions.some(known => known.partition === partition)) throw noPartition(topic, partition, named !== undefined);
      return (lanes[partition] = new Lane(topic.name, partition, this.#settings));
    } catch (error) {
      return asKafkaError(error, 'no');
    }
  }

  #choose(topic: TopicInfo, record: PartitionedRecord, load: { chosen: number | undefined }): number {
    if (this.#choosing === 'record') return this.#partitioner(record, topic.partitions, topic.name);
    return (load.chosen ??= this.#partitioner(record, topic.partitions, topic.name));
  }
}

/** Records of one call for one topic, on their way into lanes. */
export interface Load {
  readonly topic: string;
  readonly count: number;
  readonly delivery: Delivery;
  /** The highest partition that a record names; -1 when none does. */
  readonly highest: number;
  /** Puts the records into lanes. Those for a partition that does not exist are refused. */
  place(topic: TopicInfo, into: Accumulator, now: number): void;
  refuse(error: KafkaError): void;
}

/** Values with one key, which all go to the same partition. */
export class ValueLoad implements Load {
  readonly topic: string;
  readonly delivery: Delivery;
  readonly highest = -1;
  chosen: number | undefined;
  readonly #key: Bytes;
  readonly #values: readonly Bytes[];
  readonly #wallTime: number;

  constructor(topic: string, key: Bytes, values: readonly Bytes[], delivery: Delivery, wallTime: number) {
    this.topic = topic;
    this.delivery = delivery;
    this.#key = key;
    this.#values = values;
    this.#wallTime = wallTime;
  }

  get count(): number {
    return this.#values.length;
  }

  place(topic: TopicInfo, into: Accumulator, now: number): void {
    const lane = into.laneFor(topic, { key: this.#key, value: this.#values[0] }, this);
    if (lane instanceof KafkaError) {
      this.refuse(lane);
      into.events.refused(topic.name, -1, lane, this.count);
      return;
    }
    for (let i = 0; i < this.#values.length; i++) {
      const opened = lane.append(this.delivery, i, this.#key, this.#values[i] ?? null, this.#wallTime, undefined, now);
      if (opened !== undefined) into.events.opened(lane, opened);
    }
    into.events.filled(lane);
  }

  refuse(error: KafkaError): void {
    for (let i = 0; i < this.#values.length; i++) this.delivery.fail(i, error);
  }
}

/** Records that may go to different partitions. */
export class RecordLoad implements Load {
  readonly topic: string;
  readonly delivery: Delivery;
  readonly highest: number;
  chosen: number | undefined;
  readonly #records: readonly CheckedRecord[];
  readonly #indexes: readonly number[];
  readonly #wallTime: number;

  /** @param indexes The place of each record in its call. */
  constructor(topic: string, records: readonly CheckedRecord[], indexes: readonly number[], delivery: Delivery, wallTime: number) {
    this.topic = topic;
    this.delivery = delivery;
    this.#records = records;
    this.#indexes = indexes;
    this.#wallTime = wallTime;
    let highest = -1;
    for (const { partition = -1 } of records) highest = Math.max(highest, partition);
    this.highest = highest;
  }

  get count(): number {
    return this.#records.length;
  }

  place(topic: TopicInfo, into: Accumulator, now: number): void {
    for (let i = 0; i < this.#records.length; i++) {
      const record = this.#records[i];
      const index = this.#indexes[i];
      if (record === undefined || index === undefined) continue;
      const lane = into.laneFor(topic, record, this);
      if (lane instanceof KafkaError) {
        this.delivery.fail(index, lane);
        into.events.refused(topic.name, record.partition ?? -1, lane, 1);
        continue;
      }
      const { key, value, timestamp = this.#wallTime, headers } = record;
      const opened = lane.append(this.delivery, index, key, value, timestamp, headers, now);
      if (opened !== undefined) into.events.opened(lane, opened);
      into.events.filled(lane);
    }
  }

  refuse(error: KafkaError): void {
    for (const index of this.#indexes) this.delivery.fail(index, error);
  }
}

/** Why a record cannot go to `partition`: the caller named one that is not there, or the partitioner did. */
function noPartition(topic: TopicInfo, partition: number, named: boolean): KafkaError {
  const count = topic.partitions.length;
  const range = `the topic has ${count}, 0 to ${count - 1}`;
  const context = { topic: topic.name, partition: Number(partition), partitionCount: count };
  if (!named) return new InputError(`produce ${topic.name}: the partitioner answered ${show(partition)}, but ${range}`, { context });
  const message = `there is no such partition; ${range}`;
  return brokerError(errorNumbers.UNKNOWN_TOPIC_OR_PARTITION, `produce ${topic.name}/${partition}`, { message, context });
}
