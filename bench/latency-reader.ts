import { KafkaClient, KafkaConsumer } from '../src/index.js';
import { peerReader } from './peer-readers.js';

/*
 * Reads messages that begin with the time they were meant to be sent, and prints how late they came.
 *   node latency-reader.js CLIENT BROKERS TOPIC COUNT
 */
const [name = '', brokers = '', topic = '', count = ''] = process.argv.slice(2);
const total = Number(count);
const samples: number[] = [];
let seen = 0;
let finish = (): void => {};
const done = new Promise<void>(resolve => {
  finish = resolve;
});
const warmUp = Math.min(1000, total / 2);
const add = (value: Buffer | string | null): void => {
  const sent = BigInt(String(value).split(' ', 1)[0] ?? '0');
  if (++seen > warmUp) samples.push(Number(process.hrtime.bigint() - sent) / 1e6);
  if (seen === total) finish();
};
const groupId = `latency-${process.pid}-${Date.now()}`;
if (name === 'tidemark') {
  const consumer = new KafkaConsumer(new KafkaClient({ brokers }), { topics: topic, groupId });
  const loop = async (): Promise<void> => {
    for await (const { value } of consumer) add(value);
  };
  await Promise.race([loop(), done]);
} else {
  await Promise.race([peerReader(name)({ brokers, topic, groupId, way: 'message', each: add }).then(() => done), done]);
}
samples.sort((a, b) => a - b);
const at = (share: number): number => samples[Math.floor(samples.length * share)] ?? Number.NaN;
console.log(JSON.stringify({ p50: at(0.5), p99: at(0.99) }));
process.exit();
