import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { KafkaClient, SimpleProducer } from '../src/index.js';

/*
 * Writes without an end, 10 calls of 1000 records of 1 KiB in flight, until it is told to stop. Tells its parent: how much memory it has
 * before the first record, then each second how much it has had at most and how much is stored, at last what failed.
 *   node memory-writer.js BROKERS TOPIC
 */
const CALLS_IN_FLIGHT = 10;
const PER_CALL = 1000;
const VALUE_BYTES = 1024;

export interface Told {
  readonly idleMegabytes: number;
  /** The most so far, as the kernel saw it: VmHWM. */
  readonly peakMegabytes: number;
  readonly storedCount: number;
  readonly failed: readonly string[];
}

const [brokers = '', topic = ''] = process.argv.slice(2);
const client = new KafkaClient({ brokers });
const producer = new SimpleProducer(client);
await client.connect();
const idleMegabytes = process.memoryUsage().rss / 1e6;
const failed: string[] = [];
let storedCount = 0;
let stopped = false;
process.once('message', () => {
  stopped = true;
});

const tell = (): void => {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  const told: Told = { idleMegabytes, peakMegabytes: (Number(kibibytes) * 1024) / 1e6, storedCount, failed };
  process.send?.(told);
};

async function caller(): Promise<void> {
  while (!stopped) {
    const records = Array.from({ length: PER_CALL }, () => ({ topic, value: Buffer.alloc(VALUE_BYTES, 'x') }));
    try {
      const results = await producer.sendMany(records);
      storedCount += results.length;
    } catch (error) {
      failed.push(String(error));
      await sleep(1000);
    }
  }
}

const telling = setInterval(tell, 1000);
await Promise.all(Array.from({ length: CALLS_IN_FLIGHT }, caller));
await client.close();
clearInterval(telling);
tell();
process.disconnect();
