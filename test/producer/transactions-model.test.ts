import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import type { BrokerErrorName } from '../../src/base/broker-errors.js';
import { KafkaError } from '../../src/base/errors.js';
import { KafkaClient } from '../../src/client/client.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { KeyedProducer, type KeyedProducerOptions } from '../../src/producer/index.js';
import {
  AddOffsetsToTxn,
  AddPartitionsToTxn,
  type Api,
  EndTxn,
  InitProducerId,
  Produce,
  TxnOffsetCommit,
} from '../../src/protocol/index.js';
import { holdsFor, type ModelRun, seedOr } from '../support/model.js';

/*
 * Transactions with faults in every request they make, hasty ends, calls nobody awaits and serialisers that take their time: each is seen
 * as a whole or not at all, with its offsets, in order, as its end said.
 */
const RUNS = 60;
const PARTITIONS = 3;

const apis = { Produce, EndTxn, AddPartitionsToTxn, AddOffsetsToTxn, InitProducerId, TxnOffsetCommit } as const;
const passing: readonly BrokerErrorName[] = ['COORDINATOR_LOAD_IN_PROGRESS', 'NOT_COORDINATOR', 'CONCURRENT_TRANSACTIONS'];
const passingRecords: readonly BrokerErrorName[] = ['NOT_LEADER_OR_FOLLOWER', 'NOT_ENOUGH_REPLICAS', 'REQUEST_TIMED_OUT'];
const lasting: readonly BrokerErrorName[] = ['TOPIC_AUTHORIZATION_FAILED', 'INVALID_RECORD', 'OUT_OF_ORDER_SEQUENCE_NUMBER'];

const ends = ['commit', 'commit', 'hasty commit', 'abort', 'hasty abort'] as const;

/** One fault that is set, and one transaction; the numbers choose among variants. */
const step = fc.record(
  {
    fault: fc.constantFrom('none', 'drop', 'dropAnswer', 'delay', 'refuse', 'refuse for good', 'move'),
    of: fc.constantFrom(...(Object.keys(apis) as (keyof typeof apis)[])),
    times: fc.integer({ min: 1, max: 3 }),
    records: fc.nat(8),
    offsets: fc.constantFrom('none', 'awaited', 'not awaited'),
    waits: fc.boolean(),
    end: fc.constantFrom(...ends),
    again: fc.boolean(),
  },
  { noNullPrototype: true },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const variants: Readonly<Record<string, KeyedProducerOptions>> = {
  plain: {},
  'a record per batch': { batchBytes: 1 },
  'batches by count and time': { batchSend: { everyN: 3, everyMs: 1 } },
  'serialisers that take their time': { valueSerializer: async value => (Number(value) % 3 === 0 ? turn().then(() => value) : value) },
};

/** A transaction, and what its calls said. */
interface Given {
  readonly ids: (readonly [partition: number, id: number])[];
  readonly offset: number | undefined;
  outcome: 'committed' | 'aborted' | 'in doubt';
  /** Something of it was rejected. */
  rejected: boolean;
}

class Run implements ModelRun<Step> {
  readonly cluster: EmbeddedCluster;
  readonly client: KafkaClient;
  readonly producer: KeyedProducer;
  readonly given: Given[] = [];
  #calm = false;
  #id = 0;

  readonly happened: { committed: number };

  constructor(cluster: EmbeddedCluster, options: KeyedProducerOptions, happened: { committed: number }) {
    this.cluster = cluster;
    this.happened = happened;
    this.client = new KafkaClient({ brokers: cluster.brokers, retry: { attempts: 1000, backoffMs: 1, maxBackoffMs: 3 } });
    this.producer = new KeyedProducer(this.client, { transactionalId: 'model', ...options });
  }

  async step(step: Step): Promise<void> {
    this.#fault(step);
    const { producer } = this;
    await producer.begin();
    const given: Given = {
      ids: [],
      offset: step.offsets === 'none' ? undefined : this.given.length + 1,
      outcome: 'aborted',
      rejected: false,
    };
    this.given.push(given);
    const rejected = (): void => {
      given.rejected = true;
    };
    const calls: Promise<unknown>[] = [];
    for (let i = 0; i < step.records; i++) {
      const id = this.#id++;
      const partition = id % PARTITIONS;
      given.ids.push([partition, id]);
      calls.push(producer.send({ topic: 'orders', partition, value: `${id}` }).catch(rejected));
    }
    if (given.offset !== undefined) {
      const stored = producer.sendOffsets('readers', [{ topic: 'orders', partition: 0, offset: given.offset }]).catch(rejected);
      calls.push(stored);
      if (step.offsets === 'awaited') await stored;
    }
    if (step.waits) await Promise.all(calls);
    await this.#end(step, given);
    await Promise.all(calls);
  }

  async #end({ end, again }: Step, given: Given): Promise<void> {
    const { producer } = this;
    const timeoutMs = end.startsWith('hasty') ? 2 : null;
    if (end.endsWith('abort')) {
      await producer.abort({ timeoutMs }).catch(notFenced);
      return;
    }
    try {
      await producer.commit({ timeoutMs });
      given.outcome = 'committed';
    } catch (error) {
      const { persistence } = notFenced(error);
      if (persistence === 'maybe') {
        if (again) await producer.commit({ timeoutMs: null });
        given.outcome = again ? 'committed' : 'in doubt';
      } else if (again) await producer.abort({ timeoutMs: null });
      else await producer.abort({ timeoutMs: 1 }).catch(notFenced);
    }
  }

  #fault({ fault, of, times }: Step): void {
    if (fault === 'none') return;
    if (fault === 'move') {
      this.cluster.moveLeader('orders', times % PARTITIONS, times);
      return;
    }
    const api: Api = apis[of];
    const on = this.cluster.on(api, () => !this.#calm);
    if (fault === 'drop' || fault === 'dropAnswer') on[fault](times);
    else if (fault === 'delay') on.delay(times, times);
    else if (fault === 'refuse') on.failTimes(times, pick(api === Produce ? passingRecords : passing, times));
    else if (api === Produce) on.failOnce(pick(lasting, times));
    else if (api === TxnOffsetCommit) on.failOnce('GROUP_AUTHORIZATION_FAILED');
  }

  /** Nothing goes wrong any more: what is in doubt is ended, and what is seen is held against what was said. */
  async finish(): Promise<void> {
    this.#calm = true;
    await this.producer.begin();
    await this.producer.commit();
    const seen: number[][] = [];
    for (let partition = 0; partition < PARTITIONS; partition++) seen.push(await this.#seen(partition));
    for (const ids of seen)
      assert.deepEqual(
        ids,
        [...new Set(ids)].sort((a, b) => a - b),
        'in order, none twice',
      );
    for (const [i, { ids, outcome, rejected }] of this.given.entries()) {
      const there = ids.filter(([partition, id]) => seen[partition]?.includes(id)).length;
      const allowed = { committed: [ids.length], aborted: [0], 'in doubt': [0, ids.length] }[outcome];
      assert.ok(allowed.includes(there), `transaction ${i}, ${outcome}, shows ${there} of ${ids.length}`);
      assert.ok(!(outcome === 'committed' && rejected), `transaction ${i} is committed, though a call of it was rejected`);
    }
    const last = this.given.findLast(({ offset, outcome }) => offset !== undefined && outcome !== 'aborted');
    if (last?.outcome !== 'in doubt') assert.equal(this.cluster.committed('readers').get('orders/0')?.offset, last?.offset);
    this.happened.committed += this.given.filter(({ outcome }) => outcome === 'committed').length;
  }

  async #seen(partition: number): Promise<number[]> {
    const ids: number[] = [];
    for (let offset = 0; ; ) {
      const { messages, nextOffset } = await this.client.fetch('orders', partition, offset, { isolation: 'read_committed', maxWaitMs: 0 });
      ids.push(...messages.map(({ value }) => Number(value)));
      if (nextOffset === offset) return ids;
      offset = nextOffset;
    }
  }

  async close(): Promise<void> {
    await this.client.close();
    await this.cluster.close();
  }
}

const pick = <T>(all: readonly T[], number: number): T => {
  const found = all[number % all.length];
  assert.ok(found !== undefined);
  return found;
};

/** Nobody else has the id. */
function notFenced(error: unknown): KafkaError {
  assert.ok(error instanceof KafkaError && error.code !== 'TIDE_FENCED', String(error));
  return error;
}

for (const transactionVersion of [1, 2] as const) {
  test(`random transactions under faults (transaction.version ${transactionVersion})`, t => {
    const happened = { committed: 0 };
    return holdsFor(t, {
      variants: fc.constantFrom(...Object.keys(variants)),
      step,
      maxSteps: 20,
      start: async variant => {
        const cluster = await EmbeddedCluster.start({ brokers: 3, topics: { orders: PARTITIONS }, transactionVersion });
        return new Run(cluster, variants[variant] ?? {}, happened);
      },
      seed: seedOr(20_262),
      runs: RUNS,
      leastSteps: 5 * RUNS,
      happened,
      leastTimes: RUNS + 1,
    });
  });
}
