// Handlers in worker threads. One ends its thread: another takes its place, and the message comes again.
import { KafkaClient, KeyedProducer, MultiProcessConsumer } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { orders: 4 } });
await using client = new KafkaClient({ brokers: cluster.brokers });
await new KeyedProducer(client).sendMany(
  Array.from({ length: 40 }, (_, i) => ({ topic: 'orders', key: `customer-${i % 10}`, value: `order ${i}` })),
);

const fleet = new MultiProcessConsumer(client, { topics: 'orders', groupId: 'billing', threads: 2 });
fleet.on('threadReplaced', ({ error }) => console.log(error.message));
const stop = new AbortController();
let handled = 0;
await fleet.run(new URL('./handlers/orders.js', import.meta.url), {
  signal: stop.signal,
  onResult: () => {
    handled += 1;
    if (handled === 40) stop.abort();
  },
});
console.log(`${handled} of 40 orders are handled`);
