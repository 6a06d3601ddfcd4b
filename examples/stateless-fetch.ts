// Reads a partition without a consumer: where to begin is asked, where to go on is kept by hand. Nothing is committed.
import { KafkaClient } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { readings: 1 } });
await using client = new KafkaClient({ brokers: cluster.brokers });
const noon = Date.UTC(2026, 0, 1, 12);
await client.produce('readings', 0, ['11.5', '11.7'], { timestamp: noon - 60_000 });
await client.produce('readings', 0, ['12.1', '12.4'], { timestamp: noon + 60_000 });

const before = await client.offsets.beforeTime('readings', 0, noon);
console.log(`the last offset before noon: ${before}`);

let offset = (await client.offsets.atTime('readings', 0, noon)) ?? (await client.offsets.earliest('readings', 0));
const end = await client.offsets.latest('readings', 0);
while (offset < end) {
  const { messages, nextOffset } = await client.fetch('readings', 0, offset, { maxBytes: 100_000, onCorrupt: 'return' });
  for (const message of messages) {
    if (message.valid) console.log(`${message.offset}: ${message.value}`);
    else console.log(`${message.offset}: ${message.error?.message}`);
  }
  offset = nextOffset; // also where there was no message: gaps are passed over
}
console.log(`next: ${offset}`);
