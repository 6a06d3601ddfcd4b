import { Admin } from '../admin/index.js';
import { systemClock } from '../base/clock.js';
import { KafkaClient } from '../client/client.js';
import { SimpleConsumer } from '../consumer/index.js';
import { EmbeddedCluster } from '../embedded/index.js';
import { KeyedProducer } from '../producer/index.js';
import type { Message } from '../records/index.js';
import { grouped, line, rate } from './print.js';

export interface TourOptions {
  /** Undefined: a cluster of the tour's own. */
  readonly brokers: string | undefined;
  readonly messages: number;
}

const partitions = 6;
const customers = 1000;
/** Messages of one call, and calls under way at once. */
const perCall = 100;
const callsAtOnce = 50;
/** Nothing comes for so long: the tour has read everything there is. */
const quietMs = 5000;

/** Shows the main job, end to end, and checks it. Gives the exit code. */
export async function tour({ brokers, messages }: TourOptions): Promise<number> {
  if (brokers !== undefined) return onCluster(brokers, messages, 1);
  line('1. A Kafka cluster of three brokers, inside this process');
  await using cluster = await EmbeddedCluster.start({ brokers: 3 });
  line(`   ${cluster.brokers.join('  ')}`);
  return await onCluster(cluster.brokers, messages, 2); // the cluster lives until then
}

async function onCluster(brokers: string | readonly string[], messages: number, step: number): Promise<number> {
  await using client = new KafkaClient({ brokers, clientId: 'tidemark-tour' });
  await client.connect();
  const admin = new Admin(client);
  const topic = `tidemark-tour-${systemClock.wallTime().toString(36)}-${process.pid}`;
  await admin.createTopics({ name: topic, partitions });
  try {
    return (await visit(client, topic, messages, step)) ? 0 : 1;
  } finally {
    await admin.deleteTopics([topic]);
    line(`   topic ${topic} was removed again`);
  }
}

async function visit(client: KafkaClient, topic: string, total: number, step: number): Promise<boolean> {
  const now = () => systemClock.now();
  const half = Math.ceil(total / 2);
  const group = `${topic}-group`;
  const journal = new Journal();

  line();
  line(`${step}. Produce ${grouped(total)} keyed messages to ${partitions} partitions of ${topic}, ${perCall} a call, acks all`);
  let started = now();
  await produce(client, topic, total);
  line(`   ${rate(total, now() - started)}`);

  line();
  line(`${step + 1}. Consume with for await, and leave the loop after ${grouped(half)}`);
  started = now();
  const first = new SimpleConsumer(client, { topic, groupId: group });
  for await (const message of first) {
    journal.note(message);
    if (journal.count === half) break;
  }
  line(`   ${rate(half, now() - started)}`);
  await first.close();
  line('   the consumer is closed; what was done is committed, and the message in hand at the break was not done');

  line();
  line(`${step + 2}. Resume: a new consumer of the same group goes on at the committed offsets`);
  started = now();
  const second = new SimpleConsumer(client, { topic, groupId: group });
  const before = journal.count;
  const quiet = new AbortController();
  let alarm = systemClock.after(quietMs, () => quiet.abort());
  for await (const message of second.messages({ signal: quiet.signal })) {
    if (journal.count % 1000 === 0) {
      alarm.cancel();
      alarm = systemClock.after(quietMs, () => quiet.abort());
    }
    journal.note(message);
    if (journal.seen === total) break;
  }
  alarm.cancel();
  line(`   ${rate(journal.count - before, now() - started)}`);
  await second.close();

  line();
  line(`${step + 3}. Check`);
  const whole = journal.seen === total;
  line(`   ${whole ? 'ok ' : 'NOT'} every message was seen: ${grouped(journal.seen)} of ${grouped(total)}`);
  line(`   ${journal.disorder === 0 ? 'ok ' : 'NOT'} the order per key held: ${grouped(journal.disorder)} out of order`);
  line(`       seen twice: ${grouped(journal.count - journal.seen)} (the one the break left, at least once is the promise)`);
  return whole && journal.disorder === 0;
}

/** Message number n goes to customer n modulo `customers`, so that the numbers of one key must come in rising order. */
async function produce(client: KafkaClient, topic: string, total: number): Promise<void> {
  await using producer = new KeyedProducer(client);
  const pad = 'x'.repeat(80);
  const record = (n: number) => ({ topic, key: `customer-${n % customers}`, value: `${n} ${pad}` });
  for (let n = 0; n < total; ) {
    const calls: Promise<unknown>[] = [];
    while (calls.length < callsAtOnce && n < total) {
      const size = Math.min(perCall, total - n);
      calls.push(producer.sendMany(Array.from({ length: size }, (_, i) => record(n + i))));
      n += size;
    }
    await Promise.all(calls);
  }
}

/** Which messages came, and whether those of one key came in order. */
class Journal {
  /** Messages that came, those that came twice counted twice. */
  count = 0;
  disorder = 0;
  readonly #numbers = new Set<number>();
  readonly #latest = new Map<string, number>();

  /** How many different messages came. */
  get seen(): number {
    return this.#numbers.size;
  }

  note({ key, value }: Message): void {
    this.count += 1;
    const name = key?.toString() ?? '';
    const number = Number.parseInt(value?.toString('latin1', 0, 16) ?? '', 10);
    if (number < (this.#latest.get(name) ?? 0)) this.disorder += 1;
    this.#latest.set(name, Math.max(number, this.#latest.get(name) ?? 0));
    this.#numbers.add(number);
  }
}
