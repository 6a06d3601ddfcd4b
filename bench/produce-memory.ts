import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { KafkaClient } from '../src/index.js';
import { KafkaCluster } from '../test/kafka/cluster.js';
import type { Told } from './memory-writer.js';

/*
 * What an endless producer takes while its only broker, a real Kafka, stands still (SIGSTOP), and whether it goes on by itself afterwards.
 * Mark: at most `bufferBytes` and 64 MB more than before its first record; nothing rejected; everything acknowledged stored once.
 *   node produce-memory.js [SECONDS]     default 60
 */
const [seconds = '60'] = process.argv.slice(2);
const PARTITIONS = 6;
const MEBIBYTE = 1024 * 1024;
const BUFFER_MEGABYTES = (32 * MEBIBYTE) / 1e6; // the default
const MARGIN_MEGABYTES = 64;
const BEFORE_MS = 5000;
const AFTER_MS = 15_000;

await using kafka = await KafkaCluster.start(existsSync('/dev/shm') ? { directory: '/dev/shm' } : {});
await using client = new KafkaClient({ brokers: kafka.bootstrap });
const config = { 'retention.bytes': 64 * MEBIBYTE, 'segment.bytes': 32 * MEBIBYTE };
const topic = await kafka.createTopic({ partitions: PARTITIONS, config });
const writer = fork(new URL('./memory-writer.js', import.meta.url), [kafka.bootstrapText, topic]);
let told: Told = { idleMegabytes: 0, peakMegabytes: 0, storedCount: 0, failed: [] };
writer.on('message', message => {
  told = message as Told;
});
const ended = once(writer, 'exit');

const say = (when: string): void =>
  console.log(
    `${when.padEnd(40)} ${told.storedCount} stored, at most ${told.peakMegabytes.toFixed(0)} MB, idle ${told.idleMegabytes.toFixed(0)} MB`,
  );
while (told.storedCount === 0) await once(writer, 'message');
await sleep(BEFORE_MS);
say('before');
for (const node of kafka.nodes) node.pause();
await sleep(Number(seconds) * 1000);
say(`the broker has stood still for ${seconds} s`);
const storedBefore = told.storedCount;
for (const node of kafka.nodes) node.resume();
await sleep(AFTER_MS);
say(`${AFTER_MS / 1000} s after that`);
writer.send('stop');
await ended;
say('at the end');

const offsets = await Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => client.offsets.latest(topic, partition)));
const stored = offsets.reduce((sum, offset) => sum + offset, 0);
const above = told.peakMegabytes - told.idleMegabytes;
const most = BUFFER_MEGABYTES + MARGIN_MEGABYTES;
const wrong = [
  ...(above > most ? [`it took ${above.toFixed(0)} MB, at most ${most.toFixed(0)} are allowed`] : []),
  ...(told.storedCount > storedBefore ? [] : ['it has not gone on']),
  ...(stored === told.storedCount ? [] : [`${told.storedCount} were acknowledged, ${stored} are stored`]),
  ...told.failed,
];
console.log(
  `${above.toFixed(0)} MB above the idle process, ${most.toFixed(0)} allowed; ${wrong.length === 0 ? 'holds' : wrong.join('; ')}`,
);
process.exitCode = wrong.length === 0 ? 0 : 1;
