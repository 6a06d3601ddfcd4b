import { KafkaError } from '../base/errors.js';
import type { TopicInfo } from '../cluster/metadata.js';
import type { Bytes } from '../records/index.js';
import type { Accumulator, CallBounds } from './accumulator.js';
import type { Delivery } from './delivery.js';
import type { CheckedRecord } from './record.js';

/** Records of one call for one topic, on their way into lanes. */
export interface Load {
  readonly topic: string;
  readonly count: number;
  readonly delivery: Delivery;
  readonly bounds: CallBounds;
  /** The highest partition that a record names; -1 when none does. */
  readonly highest: number;
  /**
   * Puts the records into lanes. Those for a partition that does not exist are refused.
   * @param calledAt When they were given: their time to deliver counts from then.
   */
  place(topic: TopicInfo, into: Accumulator, calledAt: number): void;
  refuse(error: KafkaError): void;
}

/** Values with one key, which all go to the same partition. */
export class ValueLoad implements Load {
  readonly topic: string;
  readonly delivery: Delivery;
  readonly highest = -1;
  chosen: number | undefined;
  readonly bounds: CallBounds;
  readonly #key: Bytes;
  readonly #values: readonly Bytes[];
  /** The place of each value in its call; undefined where it is that of the value here. */
  readonly #indexes: readonly number[] | undefined;
  readonly #wallTime: number;

  constructor(
    topic: string,
    key: Bytes,
    values: readonly Bytes[],
    indexes: readonly number[] | undefined,
    delivery: Delivery,
    wallTime: number,
    bounds: CallBounds,
  ) {
    this.topic = topic;
    this.delivery = delivery;
    this.bounds = bounds;
    this.#key = key;
    this.#values = values;
    this.#indexes = indexes;
    this.#wallTime = wallTime;
  }

  get count(): number {
    return this.#values.length;
  }

  place(topic: TopicInfo, into: Accumulator, calledAt: number): void {
    const lane = into.laneFor(topic, { key: this.#key, value: this.#values[0] }, this);
    if (lane instanceof KafkaError) {
      this.refuse(lane);
      into.events.refused(topic.name, -1, lane, this.count);
      return;
    }
    into.putValues(lane, this.delivery, this.#indexes, this.#key, this.#values, this.#wallTime, calledAt, this.bounds);
  }

  refuse(error: KafkaError): void {
    for (let i = 0; i < this.#values.length; i++) this.delivery.fail(this.#indexes?.[i] ?? i, error);
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
  readonly bounds: CallBounds;

  /** @param indexes The place of each record in its call. */
  constructor(
    topic: string,
    records: readonly CheckedRecord[],
    indexes: readonly number[],
    delivery: Delivery,
    wallTime: number,
    bounds: CallBounds,
  ) {
    this.topic = topic;
    this.delivery = delivery;
    this.bounds = bounds;
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

  place(topic: TopicInfo, into: Accumulator, calledAt: number): void {
    for (let i = 0; i < this.#records.length; i++) {
      const record = this.#records[i];
      const index = this.#indexes[i];
      if (record === undefined || index === undefined) continue;
      into.enter(topic, record, this, this.delivery, index, this.#wallTime, calledAt, this.bounds);
    }
  }

  refuse(error: KafkaError): void {
    for (const index of this.#indexes) this.delivery.fail(index, error);
  }
}
