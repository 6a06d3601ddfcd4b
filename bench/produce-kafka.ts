import { existsSync } from 'node:fs';
import { KafkaCluster } from '../test/kafka/cluster.js';
import { measured, summary, type Usage } from './usage.js';

/*
 * What writing costs on a real Kafka 4.1.2 of one node, with default settings: 1000 records in a call, 5 calls in flight; each run in a
 * process of its own, the kinds of runs in turn, the first round left out. Mark: at most 1.0 CPU-seconds per million messages of 100 bytes.
 */
const ROUNDS = 7;
const WARM_UP = 200_000;
const MEBIBYTE = 1024 * 1024;
const sizes = [
  { valueBytes: 100, count: 1_200_000 },
  { valueBytes: 1024, count: 500_000 },
];
const ways = ['sendMany', 'sendMessages'];

await using kafka = await KafkaCluster.start(existsSync('/dev/shm') ? { directory: '/dev/shm' } : {});
const topic = await kafka.createTopic({ partitions: 6, config: { 'retention.bytes': 64 * MEBIBYTE, 'segment.bytes': 32 * MEBIBYTE } });
const runs = new Map<string, Usage[]>();
for (let round = 0; round <= ROUNDS; round++) {
  for (const { valueBytes, count } of sizes) {
    for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
      const usage = await measured('kafka-writer.js', [kafka.bootstrapText, topic, way, count, WARM_UP, valueBytes]);
      if (usage.wholeCount !== count) throw new Error(`${usage.wholeCount} of ${count} messages were stored`);
      const name = `${way}, ${valueBytes} B`;
      if (round > 0) runs.set(name, [...(runs.get(name) ?? []), usage]);
    }
  }
}
for (const [name, usages] of runs) console.log(summary(name, usages));
