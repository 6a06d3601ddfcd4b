// A message that no attempt can handle: a record in another topic stands for it, with its bytes, and the others go on.
import { KafkaClient, KeyedProducer, MultiProcessConsumer, SimpleConsumer } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { orders: 1, 'dead-orders': 1 } });
await using client = new KafkaClient({ brokers: cluster.brokers });
await new KeyedProducer(client).sendMessages('orders', 'customer-7', '{"item":"tea"}', 'two teas, please', '{"item":"milk"}');

const fleet = new MultiProcessConsumer(client, {
  ...{ topics: 'orders', groupId: 'billing', threads: 1 },
  ...{ maxAttempts: 2, retryBackoffMs: 10, onPoison: { topic: 'dead-orders' } },
});
const stop = new AbortController();
await fleet.run(new URL('./handlers/strict.js', import.meta.url), {
  signal: stop.signal,
  onResult: (item, { offset }) => {
    console.log(`order ${offset}: ${item}`);
    if (offset === 2) stop.abort();
  },
});

const [letter] = await new SimpleConsumer(client, { topic: 'dead-orders' }).getMessages(1, { timeoutMs: null });
console.log(`for somebody to look at: ${letter?.value}`);
for (const [name, value] of letter?.headers ?? []) console.log(`  ${name}: ${value}`);
