// Values as the types they are; what is none is passed over, and told.
import { KafkaClient, KafkaConsumer, KeyedProducer } from 'tidemark';
import { brokersFor } from './cluster.js';

interface Order {
  readonly item: string;
  readonly count: number;
}

await using cluster = await brokersFor({ topics: { orders: 1 } });
await using client = new KafkaClient({ brokers: cluster.brokers });
const producer = new KeyedProducer(client, { valueSerializer: (order: Order) => JSON.stringify(order) });
await producer.sendMessages('orders', 'customer-7', { item: 'tea', count: 2 }, null, { item: 'milk', count: 1 });
await client.produce('orders', 0, [{ key: 'customer-8', value: 'not JSON' }]);
await producer.sendMessages('orders', 'customer-9', { item: 'sugar', count: 3 });

const consumer = new KafkaConsumer(client, {
  topics: 'orders',
  groupId: 'billing',
  keyDeserializer: bytes => bytes.toString(),
  valueDeserializer: async (bytes): Promise<Order> => JSON.parse(bytes.toString()), // may be async: a schema has to come from somewhere
  onDeserializationError: 'skip', // or 'return': handed out with `valid` false; the default, 'throw', stops at it
});
consumer.on('deserializationFailed', ({ offset, part, error }) => console.log(`offset ${offset}: the ${part} is left out (${error.code})`));

let count = 0;
for await (const { key, value } of consumer) {
  // key: string | null, value: Order | null
  console.log(value === null ? `${key} takes it back` : `${key}: ${value.count} x ${value.item}`);
  if (++count === 4) break;
}
