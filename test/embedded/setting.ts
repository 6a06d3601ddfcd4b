import type { TestContext } from 'node:test';
import type { Clock, Timer } from '../../src/base/clock.js';
import { EmbeddedCluster, type EmbeddedClusterOptions } from '../../src/embedded/index.js';
import { Fetch, Produce, type ResponseOf } from '../../src/protocol/index.js';
import { encodeBatch, type RecordInput } from '../../src/records/index.js';
import { RawClient } from './raw-client.js';

/** A cluster that ends with the test. */
export async function startCluster(t: TestContext, options?: EmbeddedClusterOptions): Promise<EmbeddedCluster> {
  const cluster = await EmbeddedCluster.start(options);
  t.after(() => cluster.close());
  return cluster;
}

/** A connection to one of its brokers that ends with the test. */
export async function connectTo(t: TestContext, cluster: EmbeddedCluster, broker = 1): Promise<RawClient> {
  const client = await RawClient.connect(cluster.brokers[broker - 1] ?? '');
  t.after(() => client.close());
  return client;
}

interface ProduceOptions {
  readonly version?: number;
  readonly acks?: number;
  readonly topic?: string;
  readonly partition?: number;
}

/** The body of a produce request for one partition. */
export const produceBody = (records: Uint8Array | null, { acks = -1, topic = 'orders', partition = 0 }: ProduceOptions = {}) => ({
  acks,
  timeoutMs: 1000,
  topicData: [{ name: topic, partitionData: [{ index: partition, records }] }],
});

type ProduceAnswer = ResponseOf<typeof Produce>['responses'][number]['partitionResponses'][number];

/** Sends a batch, or records as one, and gives the partition's answer. */
export async function produce(
  client: RawClient,
  batch: Uint8Array | readonly RecordInput[],
  { version = 9, ...options }: ProduceOptions = {},
): Promise<ProduceAnswer> {
  const bytes = batch instanceof Uint8Array ? batch : encodeBatch(batch);
  const answer = await client.request(Produce, version, produceBody(bytes, options));
  return only(only(answer.responses).partitionResponses);
}

interface FetchOptions {
  readonly topic?: string;
  readonly partition?: number;
  readonly currentLeaderEpoch?: number;
  readonly lastFetchedEpoch?: number;
  readonly partitionMaxBytes?: number;
  readonly maxBytes?: number;
  readonly minBytes?: number;
  readonly maxWaitMs?: number;
  readonly isolationLevel?: number;
}

/** The body of a fetch request for one partition, up to v12. */
export const fetchBody = (fetchOffset: number, options: FetchOptions = {}) => {
  const {
    topic = 'orders',
    partition = 0,
    currentLeaderEpoch = -1,
    lastFetchedEpoch = -1,
    partitionMaxBytes = 1_000_000,
    ...rest
  } = options;
  const partitions = [{ partition, fetchOffset, currentLeaderEpoch, lastFetchedEpoch, partitionMaxBytes }];
  return { maxWaitMs: 0, minBytes: 1, maxBytes: 1_000_000, ...rest, topics: [{ topic, partitions }] };
};

type FetchAnswer = ResponseOf<typeof Fetch>['responses'][number]['partitions'][number];

/** Fetches from one partition and gives its answer. */
export async function fetch(
  client: RawClient,
  offset: number,
  { version = 12, ...options }: FetchOptions & { version?: number } = {},
): Promise<FetchAnswer> {
  const answer = await client.request(Fetch, version, fetchBody(offset, options));
  return only(only(answer.responses).partitions);
}

/** The one element of a list. */
export function only<T>(list: readonly T[]): T {
  const [first] = list;
  if (list.length !== 1 || first === undefined) throw new Error(`expected one element, got ${list.length}`);
  return first;
}

/** A clock that stands still until it is told to go on. */
export class ManualClock implements Clock {
  #now = 1_000_000;
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>();

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): Timer {
    const timer = { at: this.#now + ms, run };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  soon(run: () => void): void {
    setImmediate(run);
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#timers.size;
  }

  advance(ms: number): void {
    this.#now += ms;
    for (const timer of [...this.#timers].sort((a, b) => a.at - b.at)) {
      if (timer.at > this.#now || !this.#timers.delete(timer)) continue;
      timer.run();
    }
  }
}
