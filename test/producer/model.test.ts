import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { type BrokerErrorName, errorNumbers } from '../../src/base/broker-errors.js';
import { systemClock } from '../../src/base/clock.js';
import { KafkaError, PartialError } from '../../src/base/errors.js';
import { settledWithin } from '../../src/base/wait.js';
import { KafkaClient } from '../../src/client/client.js';
import { EmbeddedCluster, type SeenRequest } from '../../src/embedded/index.js';
import { KeyedProducer, type KeyedProducerOptions, murmur2Partitioner } from '../../src/producer/index.js';
import type { ProducerRecord, RecordResult } from '../../src/producer/record.js';
import { InitProducerId, Metadata, Produce, type ResponseInput } from '../../src/protocol/index.js';
import { readBatches } from '../../src/records/index.js';
import { holdsFor, type ModelRun, type Step, seedOr, stepsOf } from '../support/model.js';
import { type Entry, Model, type Stored } from './model.js';

/* Producers against plain lists, with every fault there is. */
const PARTITIONS = 4;
const BROKERS = 3;
const RUNS = 500;
const STEPS = 20_000;
/** A call that is not settled so many ms after the producer has let go of its records will never be. */
const LATE_MS = 5000;

/** What can happen, and how often. */
const kinds = {
  ...{ send: 10, sendMany: 8, sendMessages: 6, burst: 8, aborted: 1, wait: 6, flush: 3, fail: 8, failAfter: 3, doubted: 4, known: 2 },
  ...{
    drop: 3,
    dropAnswer: 4,
    delay: 3,
    moveLeader: 4,
    stop: 2,
    start: 3,
    leaderless: 2,
    apart: 2,
    grow: 1,
    nameless: 1,
    close: 1,
    crash: 1,
  },
} as const;
type Kind = keyof typeof kinds;

/** Producers of all kinds; most are as they come. */
const variants = {
  plain: {},
  'plain, small batches': { batchBytes: 300 },
  'a record per batch': { batchBytes: 1 },
  'batches by count and time': { batchSend: { everyN: 3, everyMs: 2 } },
  'batches by count': { batchSend: { everyN: 5, everyMs: null } },
  'batches by size': { batchSend: { everyN: null, everyMs: 3, bytes: 250 } },
  'little memory': { bufferBytes: 1500, batchBytes: 300 },
  'little memory, large batches': { bufferBytes: 1500, batchSend: { everyN: 50, everyMs: 2 } },
  'little time': { deliveryTimeoutMs: 8, batchBytes: 300 },
  'small requests': { maxRequestBytes: 1024, batchBytes: 300 },
  gzip: { compression: 'gzip', batchBytes: 600 },
  lz4: { compression: 'lz4' },
  snappy: { compression: 'snappy', batchBytes: 300 },
  'not idempotent': { idempotent: false, batchBytes: 300 },
  'not idempotent, never twice': { idempotent: false, onUnsure: 'reject', batchBytes: 300 },
  'the leader alone': { acks: 1, batchBytes: 300 },
} satisfies Record<string, KeyedProducerOptions>;
type Variant = keyof typeof variants;
const variant = fc.constantFrom(
  ...(Object.keys(variants) as Variant[]),
  'plain',
  'plain, small batches',
  'a record per batch',
  'little memory',
);

/** What a broker may say of a batch at any time. */
const refusals = [
  ...(['CORRUPT_MESSAGE', 'UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE', 'NOT_LEADER_OR_FOLLOWER', 'REQUEST_TIMED_OUT'] as const),
  ...(['BROKER_NOT_AVAILABLE', 'NETWORK_EXCEPTION', 'NOT_ENOUGH_REPLICAS', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND'] as const),
  ...(['KAFKA_STORAGE_ERROR', 'FENCED_LEADER_EPOCH', 'UNKNOWN_LEADER_EPOCH', 'UNKNOWN_TOPIC_ID', 'INCONSISTENT_TOPIC_ID'] as const),
  ...(['THROTTLING_QUOTA_EXCEEDED', 'CONCURRENT_TRANSACTIONS', 'REPLICA_NOT_AVAILABLE'] as const),
  ...(['UNKNOWN_SERVER_ERROR', 'INVALID_TOPIC_EXCEPTION', 'INVALID_REQUIRED_ACKS', 'TOPIC_AUTHORIZATION_FAILED'] as const),
  ...(['CLUSTER_AUTHORIZATION_FAILED', 'INVALID_TIMESTAMP', 'POLICY_VIOLATION', 'INVALID_RECORD'] as const),
  ...([
    'UNSUPPORTED_COMPRESSION_TYPE',
    'INVALID_TXN_STATE',
    'INVALID_PRODUCER_ID_MAPPING',
    'PRODUCER_FENCED',
    'UNSUPPORTED_VERSION',
  ] as const),
  ...(['TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'TRANSACTION_ABORTABLE', 'INVALID_REQUEST', 'SECURITY_DISABLED'] as const),
] satisfies readonly BrokerErrorName[];

/** What a broker says only of batches that it has not. */
const doubts = [
  ...(['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID', 'INVALID_PRODUCER_EPOCH'] as const),
  ...(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'] as const),
] satisfies readonly BrokerErrorName[];

/** What a broker may say of a batch that it has appended. */
const afterAppend = [
  ...(['NOT_LEADER_OR_FOLLOWER', 'UNKNOWN_TOPIC_OR_PARTITION', 'REQUEST_TIMED_OUT', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND'] as const),
  ...(['KAFKA_STORAGE_ERROR', 'NETWORK_EXCEPTION', 'UNKNOWN_SERVER_ERROR'] as const),
] satisfies readonly BrokerErrorName[];

const initRefusals = [
  'COORDINATOR_LOAD_IN_PROGRESS',
  'NOT_ENOUGH_REPLICAS',
  'UNKNOWN_SERVER_ERROR',
  'CLUSTER_AUTHORIZATION_FAILED',
] as const;

/** How often what matters has happened. */
const happened = {
  stored: 0,
  'rejected, not stored': 0,
  'rejected, stored': 0,
  'acknowledged as known': 0,
  'numbered anew': 0,
  'sent again with those behind': 0,
  'waited for room': 0,
  'ran out of time': 0,
  'refused for good': 0,
  split: 0,
  'left at the close': 0,
  'apart from others': 0,
};

const textOf = (id: number, length: number): string => `${id}:`.padEnd(8 + length, '.');
const idOf = (value: Buffer | null): number => Number.parseInt(String(value), 10);

/** The records of a Produce request, by partition. */
function idsIn({ body }: SeenRequest<typeof Produce>): readonly (readonly [partition: number, ids: readonly number[]])[] {
  return body.topicData.flatMap(({ partitionData }) =>
    partitionData.map(({ index, records }) => {
      const ids = [...readBatches(records, { topic: 'orders', partition: index })].flatMap(batch =>
        Array.from(batch, ({ value }) => idOf(value)),
      );
      return [index, ids] as const;
    }),
  );
}

type ProduceInput = ResponseInput<typeof Produce>;

/** The answer, with another error for every partition. */
const saying = (answer: ProduceInput | undefined, error: BrokerErrorName): ProduceInput => ({
  ...answer,
  responses: Array.from(answer?.responses ?? []).map(topic => ({
    ...topic,
    partitionResponses: Array.from(topic.partitionResponses).map(part => ({ ...part, errorCode: errorNumbers[error], baseOffset: -1 })),
  })),
});

class Run implements ModelRun<Step<Kind>> {
  readonly #cluster: EmbeddedCluster;
  readonly #client: KafkaClient;
  readonly #model = new Model();
  readonly #variant: Variant;
  readonly #calls = new Set<Promise<void>>();
  #producer: KeyedProducer;
  /** Which producer this is, and how many records it has told its listeners of. */
  #number = 0;
  #told = 0;
  #grown = false;
  #stopped: number | undefined;
  #storms = 0;

  constructor(cluster: EmbeddedCluster, name: Variant) {
    this.#cluster = cluster;
    this.#variant = name;
    cluster.on(Metadata).answer(async (_, proceed) => {
      const answer = await proceed();
      if (this.#grown || answer === undefined) return answer;
      return { ...answer, topics: answer.topics?.map(topic => ({ ...topic, partitions: topic.partitions?.slice(0, PARTITIONS - 1) })) };
    }, Number.POSITIVE_INFINITY);
    this.#client = new KafkaClient({ brokers: cluster.brokers, retry: { attempts: 200, backoffMs: 1, maxBackoffMs: 2 } });
    this.#producer = this.#open();
  }

  async step({ kind, a, b }: Step<Kind>): Promise<void> {
    const steps: Record<Kind, () => unknown> = {
      send: () => this.#send(a, b),
      sendMany: () => this.#sendMany(1 + (a % 12), b),
      sendMessages: () => this.#sendMessages(1 + (a % 7), b),
      burst: () => this.#burst(a, b),
      aborted: () => this.#aborted(a, b),
      wait: () => this.#wait(1 + (a % 10)),
      flush: () => this.#flush(),
      fail: () => this.#produces(b).failTimes(1 + (b % 3), refusals[(a * 60 + b) % refusals.length] ?? 'NOT_ENOUGH_REPLICAS'),
      failAfter: () => this.#failAfter(afterAppend[a % afterAppend.length] ?? 'REQUEST_TIMED_OUT'),
      doubted: () => this.#doubted(doubts[a % doubts.length] ?? 'UNKNOWN_PRODUCER_ID', 1 + (b % 2)),
      known: () => this.#known(),
      drop: () => this.#produces(b).drop(1 + (a % 2)),
      dropAnswer: () => this.#produces(b).dropAnswer(1 + (a % 2)),
      delay: () => this.#produces(b).delay(1 + (a % 4), 1 + (b % 3)),
      moveLeader: () => this.#moveLeader(a, b),
      stop: () => this.#stop(1 + (a % BROKERS), true),
      leaderless: () => this.#stop(1 + (a % BROKERS), false),
      start: () => this.#start(),
      apart: () => this.#apart(a, b),
      grow: () => this.#grow(),
      nameless: () =>
        this.#cluster
          .on(InitProducerId, this.#storm())
          .failTimes(1 + (b % 2), initRefusals[a % initRefusals.length] ?? 'NOT_ENOUGH_REPLICAS'),
      close: () => this.#close(),
      crash: () => this.#crash(),
    };
    await steps[kind]();
    // So many cannot be in so little memory.
    if ('bufferBytes' in variants[this.#variant] && this.#model.count(this.#number, 'open') > 60) happened['waited for room'] += 1;
    if (a % 2 === 0) await turn();
  }

  async finish(): Promise<void> {
    await this.#close();
    this.#model.check(this.#logs(), {
      once: this.#isNumbered || this.#variant === 'not idempotent, never twice',
      partitionsOf: key => [PARTITIONS - 1, PARTITIONS].map(count => partitionOf(key, count)),
    });
    this.#count();
  }

  async close(): Promise<void> {
    await this.#client.close({ timeoutMs: 0 }).catch(() => {});
    await settledWithin(systemClock, Promise.allSettled(this.#calls), LATE_MS);
    await this.#cluster.close();
  }

  get #isNumbered(): boolean {
    return !('acks' in variants[this.#variant] || 'idempotent' in variants[this.#variant]);
  }

  #logs(): readonly (readonly Stored[])[] {
    return Array.from({ length: PARTITIONS }, (_, partition) =>
      this.#cluster
        .records('orders', partition)
        .map(({ offset, key, value }) => ({ offset, key: key?.toString() ?? null, id: idOf(value) })),
    );
  }

  #open(): KeyedProducer {
    this.#number += 1;
    this.#told = 0;
    const producer = new KeyedProducer(this.#client, variants[this.#variant]);
    producer.on('deliveryFailed', ({ count }) => {
      if (producer === this.#producer) this.#told += count;
    });
    return producer;
  }

  /** Faults of what matches, until {@link #calm}. */
  #produces(b: number) {
    const isRaging = this.#storm();
    if (b % 3 === 0) return this.#cluster.on(Produce, isRaging);
    const partition = b % PARTITIONS;
    return this.#cluster.on(Produce, {
      get partition() {
        return isRaging() ? partition : -1;
      },
    });
  }

  /** Whether what was set now goes wrong still. */
  #storm(): () => boolean {
    const storm = this.#storms;
    return () => storm === this.#storms;
  }

  /** Nothing that was set goes wrong any more. */
  #calm(): void {
    this.#storms += 1;
  }

  #record(a: number, b: number): { readonly entry: Entry; readonly record: ProducerRecord } {
    const key = `k${a % 9}`;
    const partition = b % 3 === 0 ? b % PARTITIONS : undefined;
    const entry = this.#model.give(this.#number, key, partition);
    const value = textOf(entry.id, b % 20 === 19 ? 400 : b);
    return {
      entry,
      record: b % 7 === 6 ? { topic: 'orders', key, value, partition, headers: { h: 'x' } } : { topic: 'orders', key, value, partition },
    };
  }

  #sent(entries: readonly Entry[], call: Promise<RecordResult | readonly RecordResult[]>): void {
    const tell = (results: readonly unknown[]): void => {
      assert.equal(results.length, entries.length);
      for (const [i, entry] of entries.entries()) this.#settle(entry, results[i]);
    };
    const settled = call
      .then(
        result => tell(entries.length === 1 && !Array.isArray(result) ? [result] : (result as readonly RecordResult[])),
        (error: unknown) => tell(error instanceof PartialError ? error.results : entries.map(() => error)),
      )
      .finally(() => this.#calls.delete(settled));
    this.#calls.add(settled);
    settled.catch(() => {}); // looked at by whoever waits for it
  }

  #settle(entry: Entry, outcome: unknown): void {
    if (outcome instanceof KafkaError) {
      this.#model.settle(entry, { kind: 'rejected', code: outcome.code, persistence: outcome.persistence });
      if (outcome.code === 'TIDE_STATE' || outcome.code === 'TIDE_BUFFER_FULL')
        assert.equal(outcome.code, 'TIDE_BUFFER_FULL', outcome.stack);
      if (outcome.code === 'TIDE_TIMEOUT') happened['ran out of time'] += 1;
      else happened['refused for good'] += 1;
      return;
    }
    if (outcome === gone) return this.#model.settle(entry, { kind: 'given up' });
    assert.ok(typeof outcome === 'object' && outcome !== null && 'offset' in outcome, `record ${entry.id} came to ${String(outcome)}`);
    this.#model.settle(entry, { kind: 'stored', result: outcome as RecordResult });
  }

  #send(a: number, b: number): void {
    const { entry, record } = this.#record(a, b);
    this.#sent([entry], this.#producer.send(record));
  }

  #sendMany(count: number, b: number): void {
    const all = Array.from({ length: count }, (_, i) => this.#record(b + i, (b + i * 7) % 60));
    const entries = all.map(({ entry }) => entry);
    const call = this.#producer.sendMany(all.map(({ record }) => record));
    this.#sent(entries, call);
  }

  #sendMessages(count: number, b: number): void {
    const key = `k${b % 9}`;
    const entries = Array.from({ length: count }, () => this.#model.give(this.#number, key, undefined));
    this.#sent(entries, this.#producer.sendMessages('orders', key, ...entries.map(({ id }) => textOf(id, b))));
  }

  /** Records of one partition, turn by turn, so that several batches of it are on their way. */
  async #burst(a: number, b: number): Promise<void> {
    const rounds = 2 + (a % 12);
    for (let i = 0; i < rounds; i++) {
      this.#send(a, 3 * (b % 20));
      if (i % 2 === 0) await turn();
    }
  }

  #aborted(a: number, b: number): void {
    const stop = new AbortController();
    const { entry, record } = this.#record(a, b);
    this.#sent([entry], this.#producer.send(record, { signal: stop.signal }));
    void turn().then(() => stop.abort(gone));
  }

  async #wait(turns: number): Promise<void> {
    for (let i = 0; i < turns; i++) await turn();
  }

  /** Faults come to an end, so all that was sent does. */
  async #flush(): Promise<void> {
    await this.#start();
    const before = [...this.#calls];
    await this.#producer.flush({ timeoutMs: 20_000 });
    await this.#ended(before);
    this.#checkTold();
  }

  /** The producer has nothing any more, so all of these calls have come to an end. */
  async #ended(calls: readonly Promise<void>[]): Promise<void> {
    const all = Promise.all(calls);
    const open = () => this.#model.entries.filter(({ outcome }) => outcome.kind === 'open').map(({ id }) => id);
    if (!(await settledWithin(systemClock, all, LATE_MS))) assert.fail(`nobody settles the calls of records ${open()}`);
    await all;
  }

  /** What its listeners heard of is what its callers heard of. */
  #checkTold(): void {
    const [least, most] = [this.#model.count(this.#number, 'rejected'), this.#model.count(this.#number, 'rejected', 'given up')];
    assert.ok(this.#told >= least && this.#told <= most, `deliveryFailed told of ${this.#told} records, ${least} were rejected`);
  }

  #failAfter(error: BrokerErrorName): void {
    if ('acks' in variants[this.#variant]) return; // then all refusals come before
    this.#cluster.on(Produce, this.#storm()).answer(async (_, proceed) => saying(await proceed(), error));
  }

  /** A broker says that it misses something, or that it is too much: never of what it has. */
  #doubted(error: BrokerErrorName, times: number): void {
    const isRaging = this.#storm();
    const isNew = (request: SeenRequest<typeof Produce>): boolean => {
      if (!isRaging()) return false;
      const stored = this.#storedIds();
      return idsIn(request).every(([, ids]) => ids.every(id => !stored.has(id)));
    };
    this.#cluster.on(Produce, isNew).failTimes(times, error);
  }

  /** A broker recognises what it has, and does not say where. */
  #known(): void {
    if (!this.#isNumbered) return;
    const isRaging = this.#storm();
    const isOld = (request: SeenRequest<typeof Produce>): boolean => {
      if (!isRaging()) return false;
      const stored = this.#storedIds();
      return idsIn(request).every(([, ids]) => ids.every(id => stored.has(id)));
    };
    this.#cluster.on(Produce, isOld).failOnce('DUPLICATE_SEQUENCE_NUMBER');
    this.#cluster.on(Produce, isRaging).dropAnswer(1);
  }

  #storedIds(): ReadonlySet<number> {
    return new Set(this.#logs().flatMap(log => log.map(({ id }) => id)));
  }

  #moveLeader(a: number, b: number): void {
    const broker = 1 + (b % BROKERS);
    if (broker !== this.#stopped) this.#cluster.moveLeader('orders', a % PARTITIONS, broker);
  }

  async #stop(broker: number, moveLeaders: boolean): Promise<void> {
    if (this.#stopped !== undefined) return;
    this.#stopped = broker;
    await this.#cluster.stopBroker(broker, { moveLeaders });
  }

  async #start(): Promise<void> {
    if (this.#stopped === undefined) return;
    const broker = this.#stopped;
    this.#stopped = undefined;
    await this.#cluster.startBroker(broker);
  }

  /** While nothing goes to one partition, all goes to the others. */
  async #apart(a: number, b: number): Promise<void> {
    await this.#flush();
    this.#calm();
    const held = a % (PARTITIONS - 1);
    let isHeld = true;
    const faults = this.#cluster.on(Produce, {
      get partition() {
        return isHeld ? held : -1;
      },
    });
    const error = (['NOT_ENOUGH_REPLICAS', 'NOT_LEADER_OR_FOLLOWER', 'CORRUPT_MESSAGE', 'REQUEST_TIMED_OUT'] as const)[b % 4];
    faults.failTimes(Number.POSITIVE_INFINITY, error ?? 'NOT_ENOUGH_REPLICAS');
    const to = (partition: number): Entry => {
      const entry = this.#model.give(this.#number, 'k', partition);
      this.#sent([entry], this.#producer.send({ topic: 'orders', partition, key: 'k', value: textOf(entry.id, 20) }));
      return entry;
    };
    const stuck = Array.from({ length: 1 + (b % 30) }, () => to(held));
    const others = Array.from({ length: 6 }, (_, i) => to((held + 1 + (i % 2)) % (PARTITIONS - 1)));
    const pushed = this.#producer.flush({ timeoutMs: 20_000 });
    const isDone = () => others.every(({ outcome }) => outcome.kind !== 'open');
    for (const until = Date.now() + 10_000; !isDone(); await turn())
      assert.ok(Date.now() < until, 'the other partitions wait for the one that is held');
    // These give up for reasons of their own: the time is over, or a leader moved before.
    if (this.#variant !== 'little time' && this.#variant !== 'not idempotent, never twice') {
      for (const { id, outcome } of others) assert.equal(outcome.kind, 'stored', `record ${id}, to a partition that nothing is wrong with`);
      for (const { id, outcome } of stuck) assert.equal(outcome.kind, 'open', `record ${id}, to the partition that is held`);
      happened['apart from others'] += 1;
    }
    isHeld = false;
    await pushed;
  }

  #grow(): void {
    this.#grown = true;
  }

  /** All is sent, and another producer goes on. */
  async #close(): Promise<void> {
    await this.#flush();
    await this.#producer.close({ timeoutMs: 20_000 });
    assert.equal(this.#calls.size, 0, 'every call is settled');
    this.#producer = this.#open();
  }

  /** No time is left for what is on its way, or waits. */
  async #crash(): Promise<void> {
    const calls = [...this.#calls];
    const closed = this.#producer.close({ timeoutMs: 0 });
    await closed.catch((error: unknown) => assert.equal((error as KafkaError).code, 'TIDE_TIMEOUT'));
    await this.#ended(calls);
    happened['left at the close'] += calls.length;
    this.#checkTold();
    this.#producer = this.#open();
  }

  #count(): void {
    const stored = this.#storedIds();
    for (const { id, outcome } of this.#model.entries) {
      if (outcome.kind === 'stored') happened.stored += 1;
      else if (outcome.kind === 'rejected') happened[stored.has(id) ? 'rejected, stored' : 'rejected, not stored'] += 1;
    }
    happened['acknowledged as known'] += this.#model.withoutOffset;
    const sent = this.#cluster
      .requests(Produce)
      .flatMap(({ body }) => body.topicData.flatMap(({ partitionData }) => partitionData.map(batchIn)));
    happened['numbered anew'] += new Set(sent.filter(({ epoch }) => epoch > 0).map(({ series }) => series)).size;
    const earlier = new Map<string, number>();
    for (const [i, { series, sequence, count }] of sent.entries()) {
      const before = earlier.get(`${series} ${sequence}`);
      earlier.set(`${series} ${sequence}`, i);
      if (before === undefined || sequence < 0) continue;
      if (sent[before]?.count !== count) happened.split += 1;
      else if (sent.slice(before + 1, i).some(each => each.series === series)) happened['sent again with those behind'] += 1;
    }
  }
}

/** What a batch says of its producer, and how many records it has. */
function batchIn({ index, records }: { readonly index: number; readonly records: Buffer | null }) {
  const batch = readBatches(records, { topic: 'orders', partition: index }).next();
  const { producerId = -1, producerEpoch = -1, baseSequence: sequence = -1, recordCount: count = 0 } = batch ?? {};
  return { epoch: producerEpoch, series: `${index} ${producerId} ${producerEpoch}`, sequence, count };
}

/** The reason of a caller that went away. */
const gone = new Error('gone');

const partitionOf = (key: string, count: number): number =>
  murmur2Partitioner(
    { key },
    Array.from({ length: count }, (_, partition) => ({ partition, leader: 1 })),
    'orders',
  );

test('whatever goes wrong, records are stored once and in order, and their callers know', { timeout: 600_000 }, t =>
  holdsFor(t, {
    variants: variant,
    step: stepsOf(kinds),
    start: async name => new Run(await EmbeddedCluster.start({ brokers: BROKERS, topics: { orders: PARTITIONS } }), name),
    seed: seedOr(20_261),
    runs: RUNS,
    leastSteps: STEPS,
    happened,
  }),
);
