import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/**
 * What consuming costs the client: CPU-seconds per million records of 100 bytes, sockets and checksums included, against an embedded
 * cluster in a child process; with the native checksum and without.
 *   node consume.js
 */
const rounds = 7;
const total = 1_000_000;
const [brokers, checksum] = process.argv.slice(2);

if (brokers === undefined || checksum === undefined) await main();
else await measure(brokers, checksum);

async function main(): Promise<void> {
  const broker = fork(new URL('./consume-broker.js', import.meta.url));
  const [addresses] = (await once(broker, 'message')) as [string[]];
  for (const each of ['native', 'portable']) await once(fork(fileURLToPath(import.meta.url), [addresses.join(), each]), 'exit');
  broker.disconnect();
}

async function measure(brokers: string, checksum: string): Promise<void> {
  if (checksum === 'portable') {
    const require = createRequire(import.meta.url);
    const native = require.resolve('@node-rs/crc32');
    require(native);
    Object.assign(require.cache[native] ?? {}, { exports: {} }); // as if it were not installed
  }
  const { KafkaClient, SimpleConsumer } = await import('../src/index.js');
  const client = new KafkaClient({ brokers });
  const ways: Record<string, (consumer: InstanceType<typeof SimpleConsumer>) => Promise<void>> = {
    'batches(), each message': async consumer => {
      let count = 0;
      for await (const batch of consumer.batches()) {
        for (const { value } of batch) count += value === null ? 0 : 1;
        if (count >= total) return;
      }
    },
    'for await': async consumer => {
      let count = 0;
      for await (const { value } of consumer) {
        if (value !== null && ++count >= total) return;
      }
    },
    'getMessages(1000)': async consumer => {
      for (let count = 0; count < total; ) count += (await consumer.getMessages(1000)).length;
    },
    "for await, marking: 'explicit'": async consumer => {
      let count = 0;
      for await (const message of consumer) {
        consumer.mark(message);
        if (++count >= total) return;
      }
    },
  };
  for (const [name, read] of Object.entries(ways)) {
    const costs: number[] = [];
    const seconds: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      const marking = name.includes('explicit') ? 'explicit' : 'loop';
      const consumer = new SimpleConsumer(client, { topic: 'bench', marking });
      const before = process.cpuUsage();
      const started = performance.now();
      await read(consumer);
      const { user, system } = process.cpuUsage(before);
      await consumer.close();
      if (round === 0) continue; // warms up
      costs.push((user + system) / total);
      seconds.push((performance.now() - started) / 1000);
    }
    costs.sort((a, b) => a - b);
    const median = costs[rounds >> 1] ?? 0;
    const spread = `${(costs[0] ?? 0).toFixed(3)} to ${(costs.at(-1) ?? 0).toFixed(3)}`;
    const perSecond = Math.round(total / (seconds.sort((a, b) => a - b)[rounds >> 1] ?? 1) / 1000);
    console.log(
      `${checksum.padEnd(9)} ${name.padEnd(31)} ${median.toFixed(3)} CPU-s per million (${spread}) ${String(perSecond).padStart(6)} k/s`,
    );
  }
  await client.close();
}
