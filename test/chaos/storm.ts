import { setTimeout as delay } from 'node:timers/promises';
import { KafkaClient, KeyedProducer, type RecordResult, SimpleConsumer } from '../../src/index.js';
import { assertCommitted, assertSameLog, judge, type MainJobOptions, results } from '../interop/main-job.js';
import { type Found, readWithKcat, textOf } from '../interop/site.js';
import { seeded, Workload } from '../interop/workload.js';
import type { KafkaCluster } from '../kafka/cluster.js';
import { uniqueName } from '../kafka/handle.js';
import { untilInSync } from './in-sync.js';

const PARTITIONS = 6;
const PER_CALL = 200;
const PAUSE_BETWEEN_CALLS_MS = 10;
const MOST_MESSAGES = 5_000_000;

/** What happens to a node, with what is waited for after it. */
const blows = ['kill', 'kill', 'kill', 'stop', 'pause'] as const;

/** How long it blows. */
export interface StormOptions extends MainJobOptions {
  readonly seed: number;
  /** How many nodes in turn are killed, ended in good order, or frozen for a while. */
  readonly blowCount: number;
}

/**
 * One program writes and reads a topic of a three-node cluster without a break, while one node after the other is killed, stopped or frozen
 * and comes back, at moments and for times chosen by the seed.
 * @throws AssertionError unless what is said of {@link mainJobUnderKills} holds.
 */
export async function storm(kafka: KafkaCluster, { seed, blowCount, say = () => {} }: StormOptions): Promise<void> {
  const workload = new Workload({ count: MOST_MESSAGES, seed });
  await using client = new KafkaClient({ brokers: kafka.bootstrap });
  const topic = await kafka.createTopic({ partitions: PARTITIONS });
  const groupId = uniqueName('storm');
  const over = new AbortController();
  const reader = new Reader(client, topic, groupId);
  const [acknowledged] = await Promise.all([
    write(client, topic, workload, over.signal),
    blow(kafka, client, topic, { seed, blowCount, say }).finally(() => over.abort()),
  ]);
  const log = await readWithKcat(kafka.bootstrap, topic);
  const { repeatCount, keyStepsBack } = judge(workload, acknowledged, log);
  const refusedCount = acknowledged.filter(result => result === undefined).length;
  say(`${acknowledged.length - refusedCount} messages acknowledged, all there; ${refusedCount} refused; ${repeatCount} repeated`);
  say(`order per key: kept by the first record of every message; ${keyStepsBack} repeats stand behind a later message of their key`);
  const read = await reader.upTo(log.length);
  assertSameLog(read, log);
  await assertCommitted(client, topic, groupId, log);
  say(`read meanwhile: ${read.length} records, exactly what kcat reads, and committed to the end`);
}

/** Writes until the signal, in order, without waiting for one call before the next; gives where each message was stored. */
async function write(client: KafkaClient, topic: string, workload: Workload, over: AbortSignal): Promise<(RecordResult | undefined)[]> {
  await using producer = new KeyedProducer(client);
  const calls: Promise<readonly (RecordResult | undefined)[]>[] = [];
  for (let from = 0; !over.aborted && from + PER_CALL <= workload.count; from += PER_CALL) {
    const records = Array.from({ length: PER_CALL }, (_, i) => ({ topic, key: workload.key(from + i), value: workload.value(from + i) }));
    calls.push(results(producer.sendMany(records)));
    await delay(PAUSE_BETWEEN_CALLS_MS);
  }
  return (await Promise.all(calls)).flat();
}

/** Reads on and on, until it is told how much there is. */
class Reader {
  readonly #found: Found[] = [];
  readonly #enough = new AbortController();
  readonly #reading: Promise<void>;
  #wanted = Number.POSITIVE_INFINITY;

  constructor(client: KafkaClient, topic: string, groupId: string) {
    this.#reading = this.#read(client, topic, groupId);
    this.#reading.catch(() => {}); // told by upTo
  }

  async upTo(count: number): Promise<readonly Found[]> {
    this.#wanted = count;
    this.#look();
    const late = setTimeout(() => this.#enough.abort(), 60_000);
    await this.#reading.finally(() => clearTimeout(late));
    return this.#found;
  }

  async #read(client: KafkaClient, topic: string, groupId: string): Promise<void> {
    await using consumer = new SimpleConsumer(client, { topic, groupId });
    for await (const { partition, offset, key, value } of consumer.messages({ signal: this.#enough.signal })) {
      this.#found.push({ partition, offset, key: textOf(key), value: textOf(value) });
      this.#look();
    }
  }

  #look(): void {
    if (this.#found.length >= this.#wanted) this.#enough.abort();
  }
}

async function blow(
  kafka: KafkaCluster,
  client: KafkaClient,
  topic: string,
  { seed, blowCount, say = () => {} }: StormOptions,
): Promise<void> {
  const next = seeded(seed ^ 0x5707);
  const between = (from: number, to: number): number => Math.round(from + next() * (to - from));
  for (let i = 0; i < blowCount; i++) {
    await delay(between(500, 2000));
    const leaders = await kafka.leaders(topic);
    const leading = kafka.nodes.filter(({ id }) => leaders.includes(id));
    const node = leading[between(0, leading.length - 1)];
    const how = blows[between(0, blows.length - 1)];
    const awayMs = between(0, 6000);
    if (node === undefined || how === undefined) throw new Error(`nobody leads ${topic}`);
    const leads = leaders.filter(leader => leader === node.id).length;
    if (how === 'pause') node.pause();
    else await node[how]();
    await delay(awayMs);
    if (how === 'pause') node.resume();
    else await node.restart();
    await untilInSync(client, topic, kafka.nodes.length);
    say(`  node ${node.id}, leader of ${leads} partitions: ${how}, away for ${awayMs} ms`);
  }
}
