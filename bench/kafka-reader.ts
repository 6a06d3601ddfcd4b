import { KafkaClient, KafkaConsumer, SimpleConsumer } from '../src/index.js';
import { Meter } from './usage.js';

/*
 * Reads a topic from its start with default settings, and prints what that cost.
 *   node kafka-reader.js BROKERS TOPIC batch|message COUNT WARM-UP [group]
 * As the member of a new group, with automatic commits, or without one.
 */
const [brokers = '', topic = '', way = '', count = '', warmUp = '0', group] = process.argv.slice(2);
const meter = new Meter();
const client = new KafkaClient({ brokers });
const groupId = `bench-${process.pid}-${Date.now()}`;
const consumer = group === 'group' ? new KafkaConsumer(client, { topics: topic, groupId }) : new SimpleConsumer(client, { topic });
const [total, before] = [Number(count), Number(warmUp)];
let [read, valueBytes, started] = [0, 0, before === 0];

/** Every so often, so that it costs nothing. */
function look(): boolean {
  if (!started && read >= before) {
    started = true;
    meter.start(read);
  }
  return read >= total;
}

if (way === 'batch') {
  for await (const batch of consumer.batches()) {
    for (const { value } of batch) valueBytes += value?.length ?? 0;
    read += batch.count;
    if (look()) break;
  }
} else {
  for await (const { value } of consumer) {
    valueBytes += value?.length ?? 0;
    if ((++read % 1000 === 0 || read === total) && look()) break;
  }
}
const usage = meter.end(read, valueBytes);
await client.close();
console.log(JSON.stringify(usage));
