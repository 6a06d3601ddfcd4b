// Two topics as one stream: messages come as they are there, each is done when the next is asked for, and the stream ends with the last consumer.
import { KafkaClient, KeyedProducer, merge, SimpleConsumer } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { orders: 2, bills: 1 } });
await using client = new KafkaClient({ brokers: cluster.brokers });
const producer = new KeyedProducer(client);
await producer.sendMessages('orders', 'customer-7', 'tea', 'milk');
await producer.sendMessages('bills', 'customer-7', '2.50');

const open = (topic: string) => new SimpleConsumer(client, { topic, groupId: 'ledger', emptyRetryLimit: 2, maxWaitMs: 50 });
const [orders, bills] = [open('orders'), open('bills')];

const merged = merge(orders, bills);
console.log(`${merged.workers} consumers`);
for await (const message of merged) {
  console.log(`${message.topic}: ${message.value}`);
} // a consumer that finds no more data (TIDE_NO_DATA) is left out; when none is left it is over
console.log(`${merged.workers} consumers`);

await Promise.all([orders.close(), bills.close()]); // they are yours: merging does not close them; what is done is committed
const stored = await client.offsetCoordinator({ groupId: 'ledger' }).offset('bills', 0);
console.log(`bills are done up to ${stored?.offset}`);
