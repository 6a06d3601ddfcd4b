import { InputError, type KafkaError, StateError, TimeoutError } from '../base/errors.js';
import { TypedEvents } from '../base/events.js';
import type { Log } from '../base/log.js';
import { resolve, show } from '../base/options.js';
import type { RetryPolicy } from '../base/retry.js';
import { orAborted, settledWithin } from '../base/wait.js';
import { type ClientCore, coreOf, type KafkaClient } from '../client/client.js';
import { checkTopic } from '../client/inputs.js';
import { type WaitOptions, waitRules } from '../client/wait-options.js';
import type { Bytes } from '../records/index.js';
import { Accumulator, type Load, RecordLoad, ValueLoad } from './accumulator.js';
import { ManyDelivery, SingleDelivery } from './delivery.js';
import type { ProducerSettings } from './options.js';
import type { Partitioner } from './partitioners.js';
import { logRejected } from './producer-log.js';
import { type CheckedRecord, checkBytes, checkRecord, checkSize, type ProducerRecord, type RecordResult, unitsIn } from './record.js';
import { Sender } from './sender.js';
import { TopicGate, type Waiting } from './topic-gate.js';

/** What a producer tells its listeners. */
export interface ProducerEvents {
  /** Records were given up, and their calls rejected. `partition` is -1 for those that never had one. */
  deliveryFailed: { readonly topic: string; readonly partition: number; readonly error: KafkaError; readonly count: number };
}

export interface SendOptions {
  /** Rejects the call with its reason. What was handed over before is not taken back, and may be stored. */
  readonly signal?: AbortSignal | undefined;
}

/** What makes one kind of producer different from another. */
export interface ProducerKind {
  settings(client: RetryPolicy): ProducerSettings;
  readonly partitioner: Partitioner;
  /** Whether the partitioner is asked once for each call and topic, or for each record. */
  readonly choosing: 'call' | 'record';
}

/** What all producers have in common. Order is kept within each partition; every record is settled, one way or the other. */
export abstract class Producer extends TypedEvents<ProducerEvents> {
  readonly #name: string;
  readonly #core: ClientCore;
  readonly #log: Log | undefined;
  readonly #settings: ProducerSettings;
  readonly #accumulator: Accumulator;
  readonly #needsKey: boolean;
  readonly #gate: TopicGate;
  readonly #sender: Sender;
  readonly #release: () => void;
  /** The last topic that was found to have a legal name. */
  #legalTopic: string | undefined;
  #closing: Promise<void> | undefined;

  /** @param settings Made from the client's own. */
  protected constructor(name: string, client: KafkaClient, { settings, partitioner, choosing }: ProducerKind) {
    super();
    this.#name = name;
    this.#core = coreOf(client);
    const { cluster } = this.#core;
    this.#settings = settings(cluster.settings.retry);
    this.#log = this.#core.logFor(this.#settings.logger);
    this.#needsKey = partitioner.needsKey === true;
    this.#gate = new TopicGate(cluster, this.#settings.retry, this.#settings.deliveryTimeoutMs);
    this.#sender = new Sender(cluster, this.#settings, this.#log, ({ topic, partition, count }, error) =>
      this.#rejected(topic, partition, error, count),
    );
    this.#accumulator = new Accumulator(this.#settings, partitioner, choosing, {
      opened: (lane, batch) => this.#sender.watch(lane, batch),
      filled: lane => this.#sender.wake(lane),
      refused: (topic, partition, error, count) => this.#rejected(topic, partition, error, count),
    });
    this.#release = this.#core.adopt(this, 'second');
  }

  /**
   * Sends a record, and gives where it was stored.
   * @throws KafkaError `TIDE_INPUT`, `TIDE_KEY_REQUIRED`, `TIDE_TOO_LARGE` before anything is sent; a broker's refusal; `TIDE_TIMEOUT` after
   * `deliveryTimeoutMs`; each with `persistence`, which is `'maybe'` when the record may be stored all the same. `TIDE_CLOSED`; the
   * signal's reason.
   */
  send(record: ProducerRecord, { signal }: SendOptions = {}): Promise<RecordResult> {
    try {
      this.#assertOpen();
      signal?.throwIfAborted();
      const checked = this.#checked(record, 'send');
      const delivery = new SingleDelivery();
      this.#submit(new RecordLoad(checked.topic, [checked], onlyIndex, delivery, this.#wallTime()), signal);
      return orAborted(delivery.promise, signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Sends records, and gives where each was stored, in their order. One that fails does not affect the others.
   * @throws KafkaError as {@link send} before anything is sent; afterwards {@link PartialError}, whose `results` hold a
   * {@link RecordResult} or an error for each.
   */
  sendMany(records: readonly ProducerRecord[], { signal }: SendOptions = {}): Promise<readonly RecordResult[]> {
    try {
      this.#assertOpen();
      signal?.throwIfAborted();
      if (!Array.isArray(records)) throw new InputError(`sendMany: expected an array of records, got ${show(records)}`);
      const byTopic = new Map<string, { records: CheckedRecord[]; indexes: number[] }>();
      for (let i = 0; i < records.length; i++) {
        const record = this.#checkedAt(records, i);
        const group = byTopic.get(record.topic);
        if (group === undefined) {
          byTopic.set(record.topic, { records: [record], indexes: [i] });
        } else {
          group.records.push(record);
          group.indexes.push(i);
        }
      }
      const delivery = new ManyDelivery(records.length, 'sendMany');
      const wallTime = this.#wallTime();
      for (const [topic, group] of byTopic) this.#submit(new RecordLoad(topic, group.records, group.indexes, delivery, wallTime), signal);
      return orAborted(delivery.promise, signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Waits until every record given to this producer so far is settled. A record that fails rejects its own call, not this one.
   * @param options.timeoutMs Longest wait in ms. Default 30,000. 0: look and tell. `null`: no limit.
   * @throws KafkaError `TIDE_TIMEOUT` when records are still unsettled; they stay queued. `TIDE_CLOSED`; the signal's reason.
   */
  async flush({ signal, ...options }: WaitOptions & SendOptions = {}): Promise<void> {
    this.#assertOpen();
    const { timeoutMs } = resolve('flush', waitRules, options);
    if (await this.#settledWithin(timeoutMs, signal)) return;
    const leftCount = this.#leftCount();
    throw new TimeoutError(`${this.#name} flush: ${leftCount} records are not settled after ${timeoutMs} ms; they stay queued`, {
      context: { leftCount },
    });
  }

  /**
   * Waits until every record is settled, then lets go of the client. What is not settled in time is rejected with `TIDE_CLOSED`.
   * Calling it again gives the same promise; every other call afterwards rejects with `TIDE_CLOSED`.
   * @param options.timeoutMs Longest wait in ms. Default 30,000. `null`: no limit.
   * @throws KafkaError `TIDE_TIMEOUT` saying how many records were given up; the producer is closed all the same.
   */
  close(options: WaitOptions = {}): Promise<void> {
    if (this.#closing === undefined) {
      try {
        const { timeoutMs } = resolve('close', waitRules, options);
        this.#closing = this.#close(timeoutMs);
      } catch (error) {
        return Promise.reject(error);
      }
    }
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Sends values with one key to one partition, and gives where each was stored. */
  protected sendValues(topic: string, key: Bytes, values: readonly Bytes[]): Promise<readonly RecordResult[]> {
    try {
      this.#assertOpen();
      checkTopic(topic, 'sendMessages');
      checkBytes(key, 'sendMessages', 'key');
      if (key === null && this.#needsKey) throw keyRequired('sendMessages');
      this.#checkValues(key, values);
      const delivery = new ManyDelivery(values.length, 'sendMessages');
      if (values.length > 0) this.#submit(new ValueLoad(topic, key, values, delivery, this.#wallTime()));
      return delivery.promise;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #wallTime(): number {
    return this.#core.cluster.clock.wallTime();
  }

  #checkValues(key: Bytes, values: readonly unknown[]): void {
    const { maxRequestBytes } = this.#settings;
    const small = maxRequestBytes / 8 - unitsIn(key);
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if ((value instanceof Uint8Array || typeof value === 'string') && value.length < small) continue;
      const what = `sendMessages, value ${i}`;
      checkSize(key, checkBytes(value, what, 'value'), undefined, maxRequestBytes, what);
    }
  }

  #checkedAt(records: readonly ProducerRecord[], index: number): CheckedRecord {
    try {
      return this.#checked(records[index], 'sendMany');
    } catch {
      return this.#checked(records[index], `sendMany, record ${index}`); // where it is takes time to say, so it is only said of an error
    }
  }

  #checked(record: ProducerRecord | undefined, what: string): CheckedRecord {
    const checked = checkRecord(record as ProducerRecord, what, this.#legalTopic);
    this.#legalTopic = checked.topic;
    if (this.#needsKey && checked.key === null && checked.partition === undefined) throw keyRequired(what);
    checkSize(checked.key, checked.value, checked.headers, this.#settings.maxRequestBytes, what);
    return checked;
  }

  /** Puts the records into lanes at once where the topic is known, as soon as it is where not. */
  #submit(load: Load, signal?: AbortSignal): void {
    const { clock } = this.#core.cluster;
    const now = clock.now();
    const topic = this.#gate.pass(load.topic, now);
    if (topic !== undefined && load.highest < topic.partitions.length) {
      load.place(topic, this.#accumulator, now);
      return;
    }
    const waiting: Waiting = {
      topic: load.topic,
      count: load.count,
      expiresAt: now + this.#settings.deliveryTimeoutMs,
      settled: load.delivery.promise,
      enter: info => {
        if (signal?.aborted) load.delivery.cancel(signal.reason);
        else load.place(info, this.#accumulator, clock.now());
      },
      refuse: error => {
        load.refuse(error);
        this.#rejected(load.topic, -1, error, load.count);
      },
    };
    // Partitions may have been added since: only what the cluster says now can refuse one.
    if (topic === undefined) this.#gate.wait(waiting);
    else this.#gate.waitAnew(topic, waiting);
  }

  #rejected(topic: string, partition: number, error: KafkaError, count: number): void {
    if (this.#log !== undefined) logRejected(this.#log, { topic, partition, count }, error);
    this.emit('deliveryFailed', { topic, partition, error, count });
  }

  async #settledWithin(timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    const calls = this.#gate.waiting().map(({ settled }) => settled);
    const batches = this.#sender.unsettled().map(batch => batch.whenSettled());
    const all = Promise.allSettled([...calls, ...batches]);
    return orAborted(settledWithin(this.#core.cluster.clock, all, timeoutMs), signal);
  }

  #leftCount(): number {
    return [...this.#gate.waiting(), ...this.#sender.unsettled()].reduce((sum, { count }) => sum + count, 0);
  }

  async #close(timeoutMs: number): Promise<void> {
    const drained = await this.#settledWithin(timeoutMs);
    const leftCount = this.#leftCount();
    const given = this.#closed(drained ? 'it was closed' : `it was closed before they were delivered (timeoutMs ${timeoutMs})`);
    this.#gate.close(given);
    this.#sender.close(given);
    this.#release();
    if (leftCount === 0) return;
    throw new TimeoutError(`${this.#name} close: ${leftCount} records were not delivered within ${timeoutMs} ms, and were given up`, {
      persistence: 'maybe',
      context: { leftCount },
    });
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw this.#closed('it is closed');
  }

  #closed(why: string): StateError {
    return new StateError('TIDE_CLOSED', `${this.#name}: ${why}`, { persistence: 'no' });
  }
}

/** The places of the records of a call that has one. */
const onlyIndex: readonly number[] = [0];

const keyRequired = (what: string): InputError =>
  new InputError(
    `${what}: the partitioner needs a key, got null; give one (it may be empty), name a partition, or use another partitioner`,
    {
      code: 'TIDE_KEY_REQUIRED',
    },
  );
