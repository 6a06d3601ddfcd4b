// Two members share the partitions of a topic; when one leaves, the other reads on where it has stopped.
import { setTimeout as delay } from 'node:timers/promises';
import { KafkaClient, KafkaConsumer, KeyedProducer } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { orders: 4 } });
await using client = new KafkaClient({ brokers: cluster.brokers });
await new KeyedProducer(client).sendMany(
  Array.from({ length: 40 }, (_, i) => ({ topic: 'orders', key: `customer-${i % 10}`, value: `order ${i}` })),
);

let handled = 0;

function startMember(name: string): { consumer: KafkaConsumer; work: Promise<void> } {
  const consumer = new KafkaConsumer(client, { topics: ['orders'], groupId: 'billing', heartbeatMs: 100 });
  consumer.on('rebalance', ({ partitions }) => console.log(`${name} reads ${partitions.length} partitions`));
  const work = (async () => {
    for await (const _ of consumer) {
      await delay(5); // the work
      handled += 1;
    }
  })();
  return { consumer, work };
}

const first = startMember('first');
while (handled < 5) await delay(5);
const second = startMember('second');
while (second.consumer.assignment().length < 2) await delay(5);

await first.consumer.close(); // waits for the message in hand, commits, and leaves
await first.work;
while (handled < 40) await delay(5);
await second.consumer.close();
await second.work;
console.log(`${handled} of 40 orders are handled`);
