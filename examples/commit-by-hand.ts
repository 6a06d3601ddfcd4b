// Two topics, shared by a group; nothing is committed but by commit(), here after every two messages that are done.
import { KafkaClient, KafkaConsumer, KeyedProducer } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { orders: 1, bills: 1 } });
await using client = new KafkaClient({ brokers: cluster.brokers });
const values = [
  ['orders', 'tea'],
  ['bills', '2.50'],
  ['orders', 'milk'],
  ['bills', '1.20'],
  ['orders', 'sugar'],
] as const;
for (const [topic, value] of values) await new KeyedProducer(client).sendMessages(topic, 'customer-7', value);

const consumer = new KafkaConsumer(client, { topics: ['orders', 'bills'], groupId: 'books', marking: 'explicit', autoCommit: false });
let count = 0;
for await (const message of consumer) {
  console.log(`booked ${message.value}`);
  consumer.mark(message);
  if (++count % 2 === 0) await consumer.commit(); // true where there was something new
  if (count === values.length) break;
}
const committed = async (topic: string) => (await consumer.committed({ topic, partition: 0 })) ?? 0;
console.log(`${(await committed('orders')) + (await committed('bills'))} of ${count} are committed`);
console.log(`the last one too: ${await consumer.commit()}`);
console.log(`orders ${await committed('orders')}, bills ${await committed('bills')}`);
