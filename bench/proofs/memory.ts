import assert from 'node:assert/strict';
import { KafkaCluster } from '../../test/kafka/cluster.js';
import type { ProofContext } from '../prove.js';
import { measured } from '../usage.js';

export const about = 'reading a topic of 1 GB with default settings takes less than 200 MB of memory, message by message and by batch';

const COUNT = 1_000_000;
const VALUE_BYTES = 1024;
const LIMIT_MEGABYTES = 200;

export async function prove({ say }: ProofContext): Promise<void> {
  await using kafka = await KafkaCluster.start();
  const topic = await kafka.createTopic({ partitions: 6 });
  const throughput = ['--throughput', '-1', '--producer-props', `bootstrap.servers=${kafka.bootstrapText}`];
  const sized = ['--topic', topic, '--num-records', String(COUNT), '--record-size', String(VALUE_BYTES)];
  await kafka.tool('org.apache.kafka.tools.ProducerPerformance', [...sized, ...throughput], { timeoutMs: 300_000 });
  say(`Java's ProducerPerformance wrote ${COUNT} messages of ${VALUE_BYTES} bytes to 6 partitions of Kafka ${kafka.version}`);
  const peaks: number[] = [];
  for (const way of ['message', 'batch']) {
    const { wholeCount, valueBytes, seconds, peakMegabytes } = await measured('kafka-reader.js', [
      kafka.bootstrapText,
      topic,
      way,
      COUNT,
      0,
    ]);
    assert.deepEqual([wholeCount, valueBytes], [COUNT, COUNT * VALUE_BYTES]);
    say(
      `by ${way}: ${(valueBytes / 1e6).toFixed(0)} MB in ${seconds.toFixed(1)} s, at most ${peakMegabytes.toFixed(0)} MB resident (VmHWM)`,
    );
    peaks.push(peakMegabytes);
  }
  assert.ok(Math.max(...peaks) < LIMIT_MEGABYTES, `more than ${LIMIT_MEGABYTES} MB`);
}
