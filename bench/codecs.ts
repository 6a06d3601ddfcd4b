import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { hideNative } from './without-native.js';

/*
 * What consuming costs the client by codec and size, sockets, checksums and decompression included, against an embedded cluster in a child
 * process; with native packages and without. Each line in a process of its own; a round reads the whole topic.
 *   node codecs.js [none|gzip|snappy|lz4|zstd ...]
 */
const ROUNDS = 9;
const sizes = [
  { valueBytes: 100, count: 1_000_000 },
  { valueBytes: 1024, count: 200_000 },
];
const args = process.argv.slice(2);

if (process.send === undefined) await main(args.length > 0 ? args : ['none', 'lz4', 'snappy', 'gzip']);
else await measure(args);

async function main(codecs: readonly string[]): Promise<void> {
  for (const { valueBytes, count } of sizes) {
    for (const codec of codecs) {
      const broker = fork(new URL('./consume-broker.js', import.meta.url), [String(valueBytes), codec, String(count)]);
      const [addresses] = (await once(broker, 'message')) as [string[]];
      for (const way of ['batch', 'message']) {
        for (const code of ['native', 'portable']) {
          const child = fork(fileURLToPath(import.meta.url), [addresses.join(), code, way, String(count), String(valueBytes)]);
          const [line] = (await once(child, 'message')) as [string];
          console.log(`${`${valueBytes} B`.padStart(6)} ${codec.padEnd(7)} by ${way.padEnd(8)} ${code.padEnd(9)} ${line}`);
          child.disconnect();
        }
      }
      broker.disconnect();
    }
  }
}

async function measure([brokers = '', code = '', way = '', count = '', valueBytes = '']: readonly string[]): Promise<void> {
  if (code === 'portable') hideNative();
  const { KafkaClient, SimpleConsumer } = await import('../src/index.js');
  const total = Number(count);
  const client = new KafkaClient({ brokers });
  const costs: number[] = [];
  const rates: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const consumer = new SimpleConsumer(client, { topic: 'bench' });
    const before = process.cpuUsage();
    const started = performance.now();
    let read = 0;
    if (way === 'batch') {
      for await (const batch of consumer.batches()) {
        for (const { value } of batch) read += value === null ? 0 : 1;
        if (read >= total) break;
      }
    } else {
      for await (const { value } of consumer) if (value !== null && ++read >= total) break;
    }
    const seconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(before);
    await consumer.close();
    if (round === 0) continue; // warms up
    costs.push((user + system) / read);
    rates.push(read / seconds / 1e6);
  }
  await client.close();
  const [cost, rate] = [costs, rates].map(values => values.sort((a, b) => a - b));
  const gigabytes = ((rate?.[ROUNDS >> 1] ?? 0) * Number(valueBytes)) / 1000;
  process.send?.(`${spread(cost)} CPU-s per million   ${spread(rate)} M/s   ${gigabytes.toFixed(2)} GB/s`);
  process.once('disconnect', () => process.exit());
}

function spread(sorted: readonly number[] = []): string {
  const [lowest = 0, middle = 0, highest = 0] = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)];
  return `${middle.toFixed(3)} (${lowest.toFixed(3)} to ${highest.toFixed(3)})`;
}
