// Many at a time: fetchMessages() gives what is there, batches() what was stored together.
import { KafkaClient, KafkaConsumer } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { orders: 1 } });
await using client = new KafkaClient({ brokers: cluster.brokers });
await client.produce('orders', 0, ['tea', 'milk']); // one call, one batch
await client.produce('orders', 0, ['sugar', 'salt', 'oil']);

const consumer = new KafkaConsumer(client, { topics: 'orders', groupId: 'billing' });
const messages = await consumer.fetchMessages(4); // as soon as there is one, and no more than these
console.log(`${messages.length}: ${messages.map(({ value }) => value).join(', ')}`);

await consumer.seekToBeginning();
for await (const batch of consumer.batches()) {
  // the fast way; a batch is done when the loop asks for the next
  console.log(`${batch.firstOffset} to ${batch.lastOffset}: ${[...batch].map(({ value }) => value).join(', ')}`);
  if (batch.nextOffset === batch.highWatermark) break;
}
