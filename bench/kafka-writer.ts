import { KafkaClient, SimpleProducer } from '../src/index.js';
import { Meter } from './usage.js';

/*
 * Writes to a topic with default settings, 1000 records in a call and 5 calls in flight, and prints what that cost.
 *   node kafka-writer.js BROKERS TOPIC sendMany|sendMessages COUNT WARM-UP VALUE-BYTES
 */
const PER_CALL = 1000;
const CALLS_IN_FLIGHT = 5;

const [brokers = '', topic = '', way = '', count = '', warmUp = '0', valueBytes = '100'] = process.argv.slice(2);
const client = new KafkaClient({ brokers });
const producer = new SimpleProducer(client);
const values = Array.from({ length: PER_CALL }, () => Buffer.alloc(Number(valueBytes), 'x'));
const records = values.map(value => ({ topic, value }));
const call = way === 'sendMany' ? () => producer.sendMany(records) : () => producer.sendMessages(topic, ...values);

async function write(total: number): Promise<number> {
  let [asked, stored] = [0, 0];
  const caller = async (): Promise<void> => {
    while (asked < total) {
      asked += PER_CALL;
      const results = await call();
      stored += results.length;
    }
  };
  await Promise.all(Array.from({ length: CALLS_IN_FLIGHT }, caller));
  return stored;
}

const meter = new Meter();
const before = await write(Number(warmUp));
meter.start(before);
const stored = before + (await write(Number(count) - before));
const usage = meter.end(stored, stored * Number(valueBytes));
await client.close();
console.log(JSON.stringify(usage));
