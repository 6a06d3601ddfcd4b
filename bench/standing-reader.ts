import { setTimeout as sleep } from 'node:timers/promises';
import { KafkaClient, KafkaConsumer } from '../src/index.js';

/** In MB (10^6 bytes). */
export interface Told {
  readonly idleMegabytes: number;
  readonly standingMegabytes: number;
}

/*
 * Reads a little of a topic, then stands still until nothing more comes, and tells what memory that takes.
 *   node standing-reader.js BROKERS TOPIC
 */
const [brokers = '', topic = ''] = process.argv.slice(2);
const READ_BEFORE = 1000;
const STILL_MS = 5000;

const resident = (): number => process.memoryUsage.rss() / 1e6;
await using client = new KafkaClient({ brokers });
const consumer = new KafkaConsumer(client, { topics: topic, groupId: `standing-${process.pid}` });
await client.connect();
const idleMegabytes = resident();
let count = 0;
for await (const _ of consumer) if (++count === READ_BEFORE) break;
let most = 0;
for await (const _ of consumer) {
  for (let waited = 0; waited < STILL_MS; waited += 100) {
    await sleep(100);
    most = Math.max(most, resident());
  }
  break;
}
process.send?.({ idleMegabytes, standingMegabytes: most } satisfies Told);
await consumer.close();
process.disconnect?.();
