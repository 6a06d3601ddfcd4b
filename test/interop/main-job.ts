import assert from 'node:assert/strict';
import {
  KafkaClient,
  KeyedProducer,
  type KeyedProducerOptions,
  type Message,
  PartialError,
  type RecordResult,
  SimpleConsumer,
  type SimpleConsumerOptions,
} from '../../src/index.js';
import { uniqueName } from '../kafka/handle.js';
import { type Found, type Site, textOf } from './site.js';
import type { Workload } from './workload.js';

/** How the consumer is read. */
export const ways = ['message', 'batch', 'call'] as const;
export type Way = (typeof ways)[number];

const PARTITIONS = 6;
const PER_CALL = 489; // so that halves of a job are not borders of batches
const CALLS_IN_FLIGHT = 5;
const STALLED_AFTER_MS = 150_000;

/** Where each message was stored, by its number, as the broker acknowledged it; undefined: it was refused. */
export type Acknowledged = readonly (RecordResult | undefined)[];

/** What a job may be told beside its messages. */
export interface MainJobOptions {
  /** Called with what there is to say. */
  readonly say?: ((line: string) => void) | undefined;
}

/**
 * The main job, where nothing goes wrong: messages with keys are sent with acks all and read in each of the ways, and everything is compared
 * with what somebody else finds in the topic.
 * @throws AssertionError for anything that is missing, repeated, changed, out of order or elsewhere than it was said to be.
 */
export async function mainJob(site: Site, workload: Workload, { say = () => {} }: MainJobOptions = {}): Promise<void> {
  await using client = new KafkaClient({ brokers: site.bootstrap });
  const topic = await site.createTopic(PARTITIONS);
  const acknowledged = await timed(say, `sent ${workload.count}`, () => send(client, topic, workload));
  const log = await timed(say, 'read by another client', () => site.read(topic));
  const { repeatCount } = judge(workload, acknowledged, log);
  assert.equal(acknowledged.filter(result => result === undefined).length, 0, 'messages were refused');
  assert.equal(repeatCount, 0, 'messages are in the topic more than once');
  for (const way of ways) {
    const groupId = uniqueName('main-job');
    const read = await timed(say, `read by ${way}`, () => receive(client, { topic, groupId, way, count: log.length }));
    assertSameLog(read, log);
    await assertCommitted(client, topic, groupId, log);
  }
  say(`${workload.count} messages (seed ${workload.seed}): sets equal, order per key holds, offsets without gaps, committed to the end`);
}

/** Sends the workload with {@link CALLS_IN_FLIGHT} calls in flight, made in the order of the messages. */
export async function send(
  client: KafkaClient,
  topic: string,
  workload: Workload,
  { progress = () => {}, ...options }: KeyedProducerOptions & { progress?: (acknowledgedCount: number) => void } = {},
): Promise<Acknowledged> {
  await using producer = new KeyedProducer(client, { acks: 'all', ...options });
  const acknowledged = new Array<RecordResult | undefined>(workload.count);
  let [next, settledCount] = [0, 0];
  const caller = async (): Promise<void> => {
    while (next < workload.count) {
      const from = next;
      next = Math.min(from + PER_CALL, workload.count);
      const records = Array.from({ length: next - from }, (_, i) => ({
        topic,
        key: workload.key(from + i),
        value: workload.value(from + i),
      }));
      for (const [i, result] of (await results(producer.sendMany(records))).entries()) acknowledged[from + i] = result;
      progress((settledCount += records.length));
    }
  };
  await Promise.all(Array.from({ length: CALLS_IN_FLIGHT }, caller));
  return acknowledged;
}

/** How a consumer is read, and how far. */
export interface ReadOptions {
  readonly way: Way;
  /** Where it ends; by batch it may be a little later. */
  readonly count: number;
  readonly progress?: ((readCount: number) => void) | undefined;
}

/** Reads with a consumer of its own, which ends in good order: everything read is done, and committed if that is automatic. */
export async function receive(
  client: KafkaClient,
  { way, count, progress, ...options }: ReadOptions & SimpleConsumerOptions,
): Promise<Found[]> {
  await using consumer = new SimpleConsumer(client, options);
  return await readFrom(consumer, { way, count, progress }); // the consumer lives until then
}

/** Reads `count` messages, or less where no more come for a long time. All of them are done then. */
export async function readFrom(consumer: SimpleConsumer, { way, count, progress = () => {} }: ReadOptions): Promise<Found[]> {
  const found: Found[] = [];
  const take = ({ partition, offset, key, value }: Message): void => {
    found.push({ partition, offset, key: textOf(key), value: textOf(value) });
  };
  const enough = new AbortController();
  const taken = (): void => {
    progress(found.length);
    if (found.length >= count) enough.abort();
  };
  const signal = AbortSignal.any([enough.signal, AbortSignal.timeout(STALLED_AFTER_MS)]);
  if (way === 'message') {
    for await (const message of consumer.messages({ signal })) {
      take(message);
      taken();
    }
  } else if (way === 'batch') {
    for await (const batch of consumer.batches({ signal })) {
      for (const message of batch) take(message);
      taken();
    }
  } else {
    while (!signal.aborted) {
      const messages = await consumer.getMessages(Math.min(PER_CALL, count - found.length), { block: 1, timeoutMs: 1000 });
      for (const message of messages) take(message);
      if (messages.length > 0) consumer.mark(messages);
      taken();
    }
  }
  return found;
}

/** What is worth saying of a topic that holds what it must. */
export interface Findings {
  /** Records whose message is in the topic at a lower offset already: sent again because nobody knew whether they were stored. */
  readonly repeatCount: number;
  /** How often a key's next record has a lower number than the one before it. Repeats alone can do that. */
  readonly keyStepsBack: number;
}

/**
 * Compares what was acknowledged with what is in the topic.
 * @throws AssertionError unless every acknowledged message is at the offset the broker named, every record is a message of the workload, each
 * key is in one partition, offsets count from 0 without gaps, and the first records of each message are in the order of their key.
 */
export function judge(workload: Workload, acknowledged: Acknowledged, log: readonly Found[]): Findings {
  const numbers = log.map(({ key, value }) => workload.numberOf(key, value));
  assert.deepEqual(log.filter((_, at) => numbers[at] === undefined).slice(0, 3), [], 'the topic holds what was never sent');
  assertGapFree(log);

  const at = new Map(log.map(({ partition, offset }, i) => [`${partition}/${offset}`, numbers[i]]));
  const missing = acknowledged.flatMap((result, i) => (result && at.get(`${result.partition}/${result.offset}`) !== i ? [i] : []));
  assert.deepEqual(missing.slice(0, 10), [], `${missing.length} acknowledged messages are not where the broker said`);

  const seen = new Set<number>();
  const homes = new Map<string, number>();
  const [newest, before] = [new Map<string, number>(), new Map<string, number>()];
  let [repeatCount, keyStepsBack] = [0, 0];
  for (const [i, { partition, key }] of log.entries()) {
    const number = numbers[i] ?? -1;
    const name = key ?? '';
    assert.equal(homes.get(name) ?? partition, partition, `${name} is in two partitions`);
    homes.set(name, partition);
    if (number < (before.get(name) ?? -1)) keyStepsBack += 1;
    before.set(name, number);
    if (seen.has(number)) {
      repeatCount += 1;
      continue;
    }
    seen.add(number);
    assert.ok(number > (newest.get(name) ?? -1), `${name}: message ${number} comes after ${newest.get(name)}`);
    newest.set(name, number);
  }
  return { repeatCount, keyStepsBack };
}

/** @throws AssertionError unless both have the same records, and each partition in the same order. */
export function assertSameLog(read: readonly Found[], log: readonly Found[]): void {
  const [ours, theirs] = [byPartition(read), byPartition(log)];
  for (const partition of new Set([...ours.keys(), ...theirs.keys()])) {
    const [mine, other] = [ours.get(partition) ?? [], theirs.get(partition) ?? []];
    const differs = Array.from({ length: Math.max(mine.length, other.length) }).findIndex((_, i) => !same(mine[i], other[i]));
    assert.deepEqual(
      mine[differs],
      other[differs],
      `partition ${partition}, record ${differs} of ${mine.length} read, ${other.length} stored`,
    );
  }
}

/** @throws AssertionError unless the group stands at the end of each partition. */
export async function assertCommitted(client: KafkaClient, topic: string, groupId: string, log: readonly Found[]): Promise<void> {
  await using consumer = new SimpleConsumer(client, { topic, groupId, autoCommit: false });
  for (const [partition, records] of byPartition(log))
    assert.equal(await consumer.committed(partition), records.length, `committed of ${partition}`);
}

/** Records by partition, each in the order they are given. */
export function byPartition<R extends { readonly partition: number }>(records: readonly R[]): ReadonlyMap<number, readonly R[]> {
  const found = new Map<number, R[]>();
  for (const record of records) {
    const list = found.get(record.partition);
    if (list === undefined) found.set(record.partition, [record]);
    else list.push(record);
  }
  return found;
}

/** Does it, and says what it was with the time it took. */
export async function timed<T>(say: (line: string) => void, what: string, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await work();
  say(`${what} in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return result;
}

function assertGapFree(log: readonly Found[]): void {
  for (const [partition, records] of byPartition(log)) {
    const wrong = records.findIndex(({ offset }, i) => offset !== i);
    assert.equal(records[wrong]?.offset, undefined, `partition ${partition}: offset where ${wrong} belongs`);
  }
}

/** Where each record of a call was stored; undefined: it was refused. */
export async function results(sent: Promise<readonly RecordResult[]>): Promise<readonly (RecordResult | undefined)[]> {
  try {
    return await sent;
  } catch (error) {
    if (!(error instanceof PartialError)) throw error;
    return error.results.map(result => (result instanceof Error ? undefined : (result as RecordResult)));
  }
}

const same = (a: Found | undefined, b: Found | undefined): boolean =>
  a !== undefined && a.offset === b?.offset && a.key === b.key && a.value === b.value;
