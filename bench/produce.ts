import { fork } from 'node:child_process';
import { KafkaClient } from '../src/client/client.js';
import { KeyedProducer, SimpleProducer } from '../src/producer/index.js';

/**
 * What producing costs the client: CPU-seconds per million records, against an embedded cluster in a child process.
 *   node produce.js [brokers]     brokers: host:port of a Kafka that has a topic "bench"; default: the embedded cluster
 */
const [given] = process.argv.slice(2);
const broker = given === undefined ? fork(new URL('./produce-broker.js', import.meta.url)) : undefined;
const brokers = given ?? (await new Promise<string[]>(resolve => broker?.once('message', message => resolve(message as string[]))));

const perCall = 1000;
const callsInFlight = 5;
const value = Buffer.alloc(100, 'x');
const values = new Array<Buffer>(perCall).fill(value);
const text = new Array<string>(perCall).fill('x'.repeat(100));
const records = Array.from({ length: perCall }, () => ({ topic: 'bench', value }));
const keyed = Array.from({ length: perCall }, (_, i) => ({ topic: 'bench', key: `key-${i}`, value }));

const client = new KafkaClient({ brokers });
const simple = new SimpleProducer(client);
const byKey = new KeyedProducer(client);

/** Runs `call`, each for `count` records, with `width` calls in flight, until `total` records are through. */
async function run(
  call: () => Promise<unknown>,
  count: number,
  total: number,
  width = callsInFlight,
): Promise<{ cpu: number; wall: number }> {
  let left = Math.ceil(total / count);
  const started = performance.now();
  const before = process.cpuUsage();
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (left-- > 0) await call();
    }),
  );
  const { user, system } = process.cpuUsage(before);
  return { cpu: (user + system) / total, wall: (performance.now() - started) / 1000 };
}

const one = { topic: 'bench', value };
const workloads: readonly [string, () => Promise<unknown>, number, number, number][] = [
  ['SimpleProducer.sendMessages, 1000 values a call', () => simple.sendMessages('bench', ...values), perCall, 2_000_000, callsInFlight],
  ['  the same, strings', () => simple.sendMessages('bench', ...text), perCall, 1_000_000, callsInFlight],
  ['SimpleProducer.sendMany, 1000 records a call', () => simple.sendMany(records), perCall, 2_000_000, callsInFlight],
  ['KeyedProducer.sendMany, 1000 records with keys', () => byKey.sendMany(keyed), perCall, 1_000_000, callsInFlight],
  ['send, a promise per record, 10,000 in flight', () => simple.send(one), 1, 500_000, 10_000],
  ['send, awaited one by one', () => simple.send(one), 1, 10_000, 1],
];
for (const [name, call, count, total, width] of workloads) {
  await run(call, count, Math.min(total, 300_000), width); // warm up
  const { cpu, wall } = await run(call, count, total, width);
  console.log(
    `${name.padEnd(50)} ${cpu.toFixed(2).padStart(7)} CPU-s per million  ${Math.round(total / wall / 1000)
      .toString()
      .padStart(6)} k/s`,
  );
}
await client.close();
broker?.disconnect();
