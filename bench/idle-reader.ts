import { setTimeout as sleep } from 'node:timers/promises';
import { KafkaClient, SimpleConsumer } from '../src/index.js';
import { Meter } from './usage.js';

/*
 * Waits for messages of a topic that gets none, and says what ten seconds of that cost.
 *   node idle-reader.js BROKERS TOPIC
 */
const WARM_UP_MS = 5000;
const MEASURED_MS = 10_000;

const [brokers = '', topic = ''] = process.argv.slice(2);
const client = new KafkaClient({ brokers });
const consumer = new SimpleConsumer(client, { topic });
const stop = new AbortController();
const reading = (async () => {
  for await (const { offset } of consumer.messages({ signal: stop.signal })) throw new Error(`a message came, at offset ${offset}`);
})();
await sleep(WARM_UP_MS);
const meter = new Meter();
await sleep(MEASURED_MS);
const { cpuSeconds, seconds } = meter.end(0, 0);
console.log(JSON.stringify({ corePercent: (100 * cpuSeconds) / seconds, residentMegabytes: process.memoryUsage.rss() / 1e6 }));
stop.abort();
await reading;
await client.close();
