import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { KafkaCluster } from '../test/kafka/cluster.js';
import type { Told } from './standing-reader.js';
import { measured } from './usage.js';

/*
 * What a member of a group takes while its handler stands still, with 600 MB waiting in 6 partitions of a real Kafka, read with
 * defaults. Mark: at most `prefetchBytes` and 64 MB more than the process took before it read.
 *   node consume-memory.js
 */
const PREFETCH_MEGABYTES = (32 * 1024 * 1024) / 1e6; // the default
const MARGIN_MEGABYTES = 64;
const VALUE_BYTES = 1024;
const COUNT = 600_000;

await using kafka = await KafkaCluster.start(existsSync('/dev/shm') ? { directory: '/dev/shm' } : {});
const wrong: string[] = [];
for (const codec of ['none', 'lz4']) {
  const topic = await kafka.createTopic({ partitions: 6 });
  await measured('kafka-writer.js', [kafka.bootstrapText, topic, 'sendMany', COUNT, 0, VALUE_BYTES, codec]);
  const reader = fork(new URL('./standing-reader.js', import.meta.url), [kafka.bootstrapText, topic]);
  const [told] = (await once(reader, 'message')) as [Told];
  await once(reader, 'exit');
  const above = told.standingMegabytes - told.idleMegabytes;
  const most = PREFETCH_MEGABYTES + MARGIN_MEGABYTES;
  console.log(
    `${codec.padEnd(5)} before it read ${told.idleMegabytes.toFixed(0)} MB, standing still ${told.standingMegabytes.toFixed(0)} MB: ${above.toFixed(0)} more, of at most ${most.toFixed(0)}`,
  );
  if (above > most) wrong.push(`${codec}: ${above.toFixed(0)} MB`);
}
if (wrong.length > 0) throw new Error(`above the mark: ${wrong.join(', ')}`);
