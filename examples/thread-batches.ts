// Handlers that are given batches, and mark what they have done. What they send is stored before that counts.
import { KafkaClient, KeyedProducer, MultiProcessConsumer, SimpleConsumer } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { orders: 2, totals: 1 } });
await using client = new KafkaClient({ brokers: cluster.brokers });
await new KeyedProducer(client).sendMany(
  Array.from({ length: 20 }, (_, i) => ({ topic: 'orders', key: `customer-${i % 5}`, value: String(i) })),
);

const fleet = new MultiProcessConsumer(client, { topics: 'orders', groupId: 'totals', threads: 2, marking: 'explicit' });
const run = fleet.run(new URL('./handlers/totals.js', import.meta.url));
const totals = new SimpleConsumer(client, { topic: 'totals' });
let orders = 0;
for await (const { key, value } of totals) {
  console.log(`partition ${key}: ${value}`);
  orders += Number.parseInt(String(value), 10);
  if (orders === 20) break;
}
await fleet.close(); // ends the run, and its threads
await run;
