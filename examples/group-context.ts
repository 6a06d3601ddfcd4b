// A commit context on a member of a group: what is marked is committed as one, or everything comes again, here or at another member.
import { KafkaClient, KafkaConsumer, withOffsets } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { orders: 2 } });
await using client = new KafkaClient({ brokers: cluster.brokers });
await client.produce('orders', 0, ['tea', 'milk']);
await client.produce('orders', 1, ['sugar', 'salt']);

const consumer = new KafkaConsumer(client, { topics: 'orders', groupId: 'books', autoCommit: false });

let isPrinterJammed = true;
const bookAll = () =>
  withOffsets(consumer, async context => {
    const messages = await consumer.getMessages(4, { timeoutMs: 10_000 });
    context.mark(messages);
    if (isPrinterJammed) throw new Error(`attempt ${context.attempt}: the printer jams, with ${context.marked} marked`);
    return messages.length;
  });

await bookAll().catch((error: Error) => console.log(error.message));
isPrinterJammed = false;
console.log(`${await bookAll()} booked`);
for (const partition of [0, 1]) console.log(`orders/${partition}: ${await consumer.committed({ topic: 'orders', partition })}`);
