import type { Clock } from '../base/clock.js';
import { KafkaError } from '../base/errors.js';
import { isThenable } from '../base/wait.js';
import type { Accumulator, CallBounds } from './accumulator.js';
import type { Delivery, ManyDelivery, SingleDelivery } from './delivery.js';
import type { Line } from './line.js';
import { type Load, RecordLoad, ValueLoad } from './load.js';
import type { CheckedRecord, ProducerRecord } from './record.js';
import { attempt, type RecordChecks, unsent } from './record-checks.js';
import { type Serializer, type Serializers, serialize } from './serializers.js';
import type { TopicGate, Waiting } from './topic-gate.js';

/** What records of a call go through before they are in a lane, and who is told when they do not get there. */
export interface IntakeParts {
  readonly clock: Clock;
  readonly checks: RecordChecks;
  readonly serializers: Serializers | undefined;
  readonly line: Line;
  readonly gate: TopicGate;
  readonly accumulator: Accumulator;
  readonly deliveryTimeoutMs: number;
  /** What refuses the records of a call, later, when the transaction they were given to is over by then. */
  membership(what: string): (() => KafkaError | undefined) | undefined;
  rejected(topic: string, partition: number, error: KafkaError, count: number): void;
}

/** Takes the records of each call into lanes, in the order of the calls: checked, serialised, and once their topic is known. */
export class Intake<K, V> {
  readonly #parts: IntakeParts;
  /** Those of a call that names none. */
  readonly noBounds: CallBounds;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
    this.noBounds = { timeoutMs: parts.deliveryTimeoutMs, signal: undefined };
  }

  /** @throws KafkaError for what cannot be sent. */
  one(record: ProducerRecord<K, V>, delivery: SingleDelivery, bounds: CallBounds): void {
    const { checks, serializers } = this.#parts;
    if (serializers === undefined) {
      this.#enterOne(checks.record(record as ProducerRecord, 'send'), delivery, bounds, this.#now());
      return;
    }
    const refusal = this.#parts.membership('send');
    this.#pass(checks.serialized(serializers, record, 'send'), [topicOf(record)], delivery, bounds.signal, (made, calledAt) => {
      const checked = refusal?.() ?? made;
      if (checked instanceof KafkaError) delivery.fail(0, checked);
      else this.#enterOne(checked, delivery, bounds, calledAt);
    });
  }

  many(records: readonly ProducerRecord<K, V>[], delivery: ManyDelivery, bounds: CallBounds): void {
    const { checks, serializers } = this.#parts;
    if (serializers === undefined) {
      this.#enterMany(checks.each(records as readonly ProducerRecord[], 'sendMany'), delivery, bounds, this.#now());
      return;
    }
    const refusal = this.#parts.membership('sendMany');
    const all = Array.from(records, (record, i) => checks.serialized(serializers, record, `sendMany, record ${i}`));
    const made = all.some(isThenable) ? Promise.all(all) : (all as (CheckedRecord | KafkaError)[]);
    this.#pass(made, Array.from(records, topicOf), delivery, bounds.signal, (checked, calledAt) => {
      const each = checked.map(one => refusal?.() ?? one);
      this.#enterMany(each, delivery, bounds, calledAt);
    });
  }

  /**
   * Values with one key, which go to one partition.
   * @throws KafkaError `TIDE_KEY_REQUIRED`.
   */
  values(topic: string, key: K | null, values: readonly (V | null)[], delivery: ManyDelivery): void {
    const { checks, serializers } = this.#parts;
    checks.someKey(key, 'sendMessages');
    if (serializers === undefined) {
      this.#enterValues(topic, key, values, delivery, this.#now());
      return;
    }
    const { keySerializer, valueSerializer } = serializers;
    const refusal = this.#parts.membership('sendMessages');
    const all = [
      serializing(keySerializer, key, topic, 'sendMessages: the key'),
      ...values.map((value, i) => serializing(valueSerializer, value, topic, `sendMessages, value ${i}: the value`)),
    ];
    const topics = values.map(() => topic);
    this.#pass(all.some(isThenable) ? Promise.all(all) : all, topics, delivery, undefined, ([madeKey, ...made], calledAt) => {
      this.#enterValues(topic, refusal?.() ?? madeKey, made, delivery, calledAt);
    });
  }

  /**
   * Gives `made` to `enter`: at once if it is there and nobody waits, else when it is there, unless the call has ended before.
   * @param topics That of each record.
   */
  #pass<T>(
    made: T | Promise<T>,
    topics: readonly string[],
    delivery: Delivery,
    signal: AbortSignal | undefined,
    enter: (made: T, calledAt: number) => void,
  ): void {
    const { line, deliveryTimeoutMs, rejected } = this.#parts;
    const calledAt = this.#now();
    if (!isThenable(made) && !line.busy) {
      enter(made, calledAt);
      return;
    }
    line.wait(made, {
      count: topics.length,
      expiresAt: calledAt + deliveryTimeoutMs,
      settled: delivery.promise,
      enter: value => {
        if (signal?.aborted) delivery.cancel(signal.reason);
        else enter(value, calledAt);
      },
      refuse: error => {
        for (let i = 0; i < topics.length; i++) delivery.fail(i, error);
        for (const [topic, count] of countsOf(topics)) rejected(topic, -1, error, count);
      },
    });
  }

  /** As {@link #enter}, without a load where the record need not wait: this is the way of most. */
  #enterOne(record: CheckedRecord, delivery: SingleDelivery, bounds: CallBounds, calledAt: number): void {
    const { gate, accumulator } = this.#parts;
    const topic = gate.pass(record.topic, calledAt);
    if (topic !== undefined && (record.partition ?? -1) < topic.partitions.length) {
      accumulator.enter(topic, record, undefined, delivery, 0, this.#wallTime(), calledAt, bounds);
      return;
    }
    this.#enter(new RecordLoad(record.topic, [record], onlyIndex, delivery, this.#wallTime(), bounds), calledAt);
  }

  #enterMany(records: readonly (CheckedRecord | KafkaError)[], delivery: ManyDelivery, bounds: CallBounds, calledAt: number): void {
    const byTopic = new Map<string, { topic: string; records: CheckedRecord[]; indexes: number[] }>();
    let group: { topic: string; records: CheckedRecord[]; indexes: number[] } | undefined;
    for (let i = 0; i < records.length; i++) {
      const record = records[i];
      if (record === undefined) continue;
      if (record instanceof KafkaError) {
        delivery.fail(i, record);
        continue;
      }
      if (group?.topic !== record.topic) group = byTopic.get(record.topic);
      if (group === undefined) byTopic.set(record.topic, (group = { topic: record.topic, records: [], indexes: [] }));
      group.records.push(record);
      group.indexes.push(i);
    }
    const wallTime = this.#wallTime();
    for (const { topic, records, indexes } of byTopic.values())
      this.#enter(new RecordLoad(topic, records, indexes, delivery, wallTime, bounds), calledAt);
  }

  /** What is wrong with the key is wrong with every value; what is wrong with a value, with that one alone. */
  #enterValues(topic: string, key: unknown, values: readonly unknown[], delivery: ManyDelivery, calledAt: number): void {
    const { checks } = this.#parts;
    const checkedKey = checks.key(key, 'sendMessages');
    if (checkedKey instanceof KafkaError) {
      for (let i = 0; i < values.length; i++) delivery.fail(i, checkedKey);
      return;
    }
    const checked = checks.values(checkedKey, values, 'sendMessages', (i, error) => delivery.fail(i, error));
    if (checked.values.length === 0) return;
    this.#enter(new ValueLoad(topic, checkedKey, checked.values, checked.indexes, delivery, this.#wallTime(), this.noBounds), calledAt);
  }

  /** Puts the records into lanes at once where the topic is known, as soon as it is where not. */
  #enter(load: Load, calledAt: number): void {
    const { gate, accumulator, rejected } = this.#parts;
    const topic = gate.pass(load.topic, calledAt);
    if (topic !== undefined && load.highest < topic.partitions.length) {
      load.place(topic, accumulator, calledAt);
      return;
    }
    const { signal, timeoutMs } = load.bounds;
    const waiting: Waiting = {
      topic: load.topic,
      count: load.count,
      timeoutMs,
      expiresAt: calledAt + timeoutMs,
      settled: load.delivery.promise,
      enter: info => {
        if (signal?.aborted) load.delivery.cancel(signal.reason);
        else load.place(info, accumulator, calledAt);
      },
      refuse: error => {
        load.refuse(error);
        rejected(load.topic, -1, error, load.count);
      },
    };
    // Partitions may have been added since: only what the cluster says now can refuse one.
    if (topic === undefined) gate.wait(waiting);
    else gate.waitAnew(topic, waiting);
  }

  #now(): number {
    return this.#parts.clock.now();
  }

  #wallTime(): number {
    return this.#parts.clock.wallTime();
  }
}

/** As {@link serialize}; what is wrong is given instead of thrown. */
function serializing(serializer: Serializer<never> | undefined, value: unknown, topic: string, what: string): unknown {
  const made = attempt(() => serialize(serializer, value, topic, what));
  return isThenable(made) ? made.then(undefined, unsent) : made;
}

/** The topic of what may be no record. */
const topicOf = (record: { readonly topic?: unknown } | null | undefined): string => {
  const topic = record?.topic;
  return typeof topic === 'string' ? topic : '';
};

/** How often each of them is there. */
function countsOf(topics: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const topic of topics) counts.set(topic, (counts.get(topic) ?? 0) + 1);
  return counts;
}

/** The places of the records of a call that has one. */
const onlyIndex: readonly number[] = [0];
