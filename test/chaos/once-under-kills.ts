import { setTimeout as delay } from 'node:timers/promises';
import { KafkaClient, KafkaError, KeyedProducer, type Logger, PartialError, type RecordResult } from '../../src/index.js';
import type { MainJobOptions } from '../interop/main-job.js';
import { readWithKcat } from '../interop/site.js';
import { seeded } from '../interop/workload.js';
import { CountedRecords } from './counted.js';
import { Course } from './course.js';
import { untilInSync, untilVisible } from './in-sync.js';
import type { ProxiedCluster } from './proxied.js';
import { type UpheavalOptions, upheaval } from './upheaval.js';

const PARTITIONS = 6;
const PER_CALL = 200;
/** While something happens calls are small, and come one in so many ms: the traffic goes on, and does not run away. */
const PER_CALL_MEANWHILE = 20;
const PAUSE_MEANWHILE_MS = 5;

/** What happens, and how long the producer has for a record. */
export interface OnceOptions extends UpheavalOptions, MainJobOptions {
  /** Records that take longer are rejected, many of them while nobody knows whether they are stored. Default: the producer's, which is enough. */
  readonly deliveryTimeoutMs?: number | undefined;
}

/**
 * An idempotent producer sends records of many keys to three nodes, while nodes are killed and ended and come back, leaders move, and
 * connections are cut in the midst of requests and answers. All of that happens at counts of settled records.
 * @throws AssertionError unless every record is settled, and kcat finds every acknowledged one where the broker said, each once, in order
 * per key, and nothing that was said not to be stored.
 */
export async function onceUnderKills(
  cluster: ProxiedCluster,
  { say = () => {}, deliveryTimeoutMs, ...options }: OnceOptions,
): Promise<void> {
  const { kafka } = cluster;
  const { seed, count } = options;
  const topic = await kafka.createTopic({ partitions: PARTITIONS, config: { 'min.insync.replicas': 2 } });
  const records = new CountedRecords(count, seed);
  const again = new Tally();
  const happened = { kill: 0, stop: 0, freeze: 0, moves: 0, cuts: 0 };
  {
    await using watcher = new KafkaClient({ brokers: kafka.bootstrap, requestTimeoutMs: 3000 });
    const halfMs = deliveryTimeoutMs === undefined ? undefined : deliveryTimeoutMs / 2; // so that a request is tried again at least
    await using client = new KafkaClient({ brokers: cluster.bootstrap, requestTimeoutMs: halfMs });
    await using producer = new KeyedProducer(client, { idempotent: true, logger: again, deliveryTimeoutMs, ackTimeoutMs: halfMs });
    const aheadCount = Math.max(2000, count / 50);
    const course = new Course(upheaval(cluster, watcher, topic, options, happened, say), aheadCount);
    await Promise.all([course.run(), write(producer, topic, records, { course, aheadCount, seed })]);
    await untilInSync(watcher, topic, kafka.nodes.length);
    await untilVisible(watcher, topic, records.acknowledgedEnds());
  }
  say(
    `nodes killed ${happened.kill} times, ended in good order ${happened.stop}, frozen ${happened.freeze}; leaders moved ${happened.moves}; connections cut ${happened.cuts}`,
  );
  say(`batches sent again: ${again}`);
  const log = await readWithKcat(kafka.bootstrap, topic, { args: ['-X', 'check.crcs=true'] });
  records.assertOnce(log);
  const [stored, no, maybe] = [records.countOf('stored'), records.countOf('no'), records.countOf('maybe')];
  say(`${count} records, all settled: ${stored} acknowledged, ${no} rejected as not stored, ${maybe} rejected and perhaps stored`);
  say(`kcat finds ${log.length}: every acknowledged one where the broker said, none twice, each key in its order (seed ${seed})`);
}

interface Pace {
  readonly course: Course;
  /** So many may be on their way. */
  readonly aheadCount: number;
  readonly seed: number;
}

/** Sends all records in their order by calls of each kind, without waiting for one call before the next. Resolves when all have ended. */
async function write(producer: KeyedProducer, topic: string, records: CountedRecords, { course, aheadCount, seed }: Pace): Promise<void> {
  const next = seeded(seed ^ 0x5e4d);
  for (let i = 0; i < records.count; ) {
    const most = Math.min(records.count, course.limit, records.settledCount + aheadCount) - i;
    if (most < 1) {
      await course.changed();
      continue;
    }
    const size = Math.min(most, 1 + Math.floor(next() * (course.busy ? PER_CALL_MEANWHILE : PER_CALL)));
    const run = Math.min(size, records.runAt(i));
    const from = i;
    i += run > 1 ? run : size;
    const noted = note(call(producer, topic, records, from, i, run > 1), records, from, i);
    noted.then(
      () => course.through(records.settledCount),
      (error: unknown) => course.fail(error),
    );
    if (course.busy) await delay(PAUSE_MEANWHILE_MS);
  }
  while (records.settledCount < records.count) await course.changed();
}

/** The records from `from` to before `to` in one call. */
async function call(
  producer: KeyedProducer,
  topic: string,
  records: CountedRecords,
  from: number,
  to: number,
  oneKey: boolean,
): Promise<readonly RecordResult[]> {
  const values = Array.from({ length: to - from }, (_, at) => records.value(from + at));
  if (oneKey) return producer.sendMessages(topic, records.key(from), ...values);
  const all = values.map((value, at) => ({ topic, key: records.key(from + at), value }));
  const [first] = all;
  return all.length === 1 && first !== undefined ? [await producer.send(first)] : producer.sendMany(all);
}

/** Notes how each record of a call ended. */
async function note(sent: Promise<readonly RecordResult[]>, records: CountedRecords, from: number, to: number): Promise<void> {
  try {
    for (const [at, result] of (await sent).entries()) records.ended(from + at, 'stored', result);
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    for (let i = from; i < to; i++) {
      const result = error instanceof PartialError ? error.results[i - from] : error;
      if (!(result instanceof Error)) records.ended(i, 'stored', result as RecordResult);
      else records.ended(i, result instanceof KafkaError && result.persistence === 'no' ? 'no' : 'maybe');
    }
  }
}

/** Counts why batches were sent again. */
class Tally implements Logger {
  readonly #counts = new Map<string, number>();

  debug(): void {}
  warn(): void {}
  error(): void {}
  info(message: string, fields: { readonly [name: string]: unknown }): void {
    const code = String(fields['code']);
    if (message === 'sent again') this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
  }

  toString(): string {
    return [...this.#counts].map(([code, count]) => `${code} ${count}`).join(', ') || 'none';
  }
}
