import { existsSync } from 'node:fs';
import { KafkaCluster } from '../test/kafka/cluster.js';
import { measured, summary, type Usage } from './usage.js';

/*
 * What writing costs on a real Kafka 4.1.2 of one node, with default settings; each run in a process of its own, the kinds of runs in turn,
 * forth and back, the first round left out. Marks as in produce.ts; beside other clients: produce-peers.ts.
 */
const ROUNDS = 5;
const MEBIBYTE = 1024 * 1024;
const kinds = [
  { way: 'sendMany', valueBytes: 100, count: 1_200_000 },
  { way: 'sendMessages', valueBytes: 100, count: 1_200_000 },
  { way: 'keyed', valueBytes: 100, count: 1_200_000 },
  { way: 'sendMany', valueBytes: 1024, count: 500_000 },
  { way: 'send', valueBytes: 100, count: 1_000_000 },
  { way: 'send, awaited', valueBytes: 100, count: 10_000 },
];

await using kafka = await KafkaCluster.start(existsSync('/dev/shm') ? { directory: '/dev/shm' } : {});
const topic = await kafka.createTopic({ partitions: 6, config: { 'retention.bytes': 64 * MEBIBYTE, 'segment.bytes': 32 * MEBIBYTE } });
const runs = new Map<string, Usage[]>();
for (let round = 0; round <= ROUNDS; round++) {
  for (const { way, valueBytes, count } of round % 2 === 0 ? kinds : kinds.toReversed()) {
    const usage = await measured('kafka-writer.js', [kafka.bootstrapText, topic, way, count, count / 5, valueBytes]);
    const name = `${way}, ${valueBytes} B`;
    if (round > 0) runs.set(name, [...(runs.get(name) ?? []), usage]);
  }
}
for (const [name, usages] of runs) console.log(summary(name, usages));
