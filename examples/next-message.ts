// One message after the other, by hand. Asking for the next says that the one before is done.
import { KafkaClient, KafkaConsumer, KafkaError } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { orders: 1 } });
await using client = new KafkaClient({ brokers: cluster.brokers });
await client.produce('orders', 0, ['tea', 'milk', 'sugar']);

const consumer = new KafkaConsumer(client, { topics: 'orders', groupId: 'billing', consumerTimeoutMs: 2000 });
const first = await consumer.nextMessage();
console.log(`${first.value}`);
const second = await consumer.nextMessage(); // the first is done
console.log(`${second.value}, which does not work today`);

consumer.rewind(); // so it comes again
try {
  for (;;) console.log(`${(await consumer.nextMessage()).value}`);
} catch (error) {
  if (!(error instanceof KafkaError && error.code === 'TIDE_CONSUMER_TIMEOUT')) throw error;
  console.log('nothing more comes'); // reading on is fine
}
console.log(`done up to ${consumer.offsets('done')[0]?.offset}`);
