import { existsSync } from 'node:fs';
import { KafkaCluster } from '../test/kafka/cluster.js';
import { measured, summary, type Usage } from './usage.js';

/*
 * What reading costs on a real Kafka 4.1.2 of one node, with default settings: each run in a process of its own, the kinds of runs in turn,
 * the first round left out. Mark: by batch at most 0.5 CPU-seconds per million messages of 100 bytes.
 */
const ROUNDS = 7;
const WARM_UP = 200_000;
const sizes = [
  { valueBytes: 100, count: 2_000_000 },
  { valueBytes: 1024, count: 600_000 },
];
const ways = ['batch', 'message'];

await using kafka = await KafkaCluster.start(existsSync('/dev/shm') ? { directory: '/dev/shm' } : {});
const runs = new Map<string, Usage[]>();
const topics = new Map<number, string>();
for (const { valueBytes, count } of sizes) {
  const topic = await kafka.createTopic({ partitions: 6 });
  await measured('kafka-writer.js', [kafka.bootstrapText, topic, 'sendMany', count, 0, valueBytes]);
  topics.set(valueBytes, topic);
}
for (let round = 0; round <= ROUNDS; round++) {
  for (const { valueBytes, count } of sizes) {
    for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
      const usage = await measured('kafka-reader.js', [kafka.bootstrapText, topics.get(valueBytes) ?? '', way, count, WARM_UP]);
      if (usage.valueBytes !== usage.wholeCount * valueBytes) throw new Error(`${usage.wholeCount} messages had ${usage.valueBytes} bytes`);
      const name = `${way === 'batch' ? 'batches()' : 'for await'}, ${valueBytes} B`;
      if (round > 0) runs.set(name, [...(runs.get(name) ?? []), usage]);
    }
  }
}
for (const [name, usages] of runs) console.log(summary(name, usages));
