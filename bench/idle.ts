import { existsSync } from 'node:fs';
import { KafkaCluster } from '../test/kafka/cluster.js';
import { run } from '../test/kafka/process.js';

/*
 * What 1,000 partitions in which nothing happens cost the one who reads them, on a real Kafka 4.1.2 of one node: the share of a core over ten
 * seconds, once everything there was has been read, and the memory of the process. Each round in a process of its own, the first left out.
 * Marks: less than 2 % of a core, less than 120 MB.
 */
const ROUNDS = 5;
const PARTITIONS = 1000;

await using kafka = await KafkaCluster.start(existsSync('/dev/shm') ? { directory: '/dev/shm' } : {});
const topic = await kafka.createTopic({ partitions: PARTITIONS });
const shares: number[] = [];
const megabytes: number[] = [];
for (let round = 0; round <= ROUNDS; round++) {
  const file = new URL('./idle-reader.js', import.meta.url).pathname;
  const { code, stdout, stderr } = await run(process.execPath, [file, kafka.bootstrapText, topic]);
  if (code !== 0) throw new Error(`${file}: ${stderr}`);
  const { corePercent, residentMegabytes } = JSON.parse(stdout) as { corePercent: number; residentMegabytes: number };
  if (round === 0) continue;
  shares.push(corePercent);
  megabytes.push(residentMegabytes);
}
console.log(`${PARTITIONS} idle partitions: ${spread(shares, 2)} % of a core, ${spread(megabytes, 0)} MB`);

function spread(values: readonly number[], digits: number): string {
  const sorted = [...values].sort((a, b) => a - b);
  const [median, least, most] = [sorted[sorted.length >> 1], sorted[0], sorted.at(-1)].map(value => value?.toFixed(digits));
  return `${median} (${least} to ${most})`;
}
