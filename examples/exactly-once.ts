// Orders in, bills out: each order is billed exactly once, whatever fails. What is sent and the offsets are one transaction.
import { KafkaClient, KeyedProducer, SimpleConsumer, withOffsets } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { orders: 1, bills: 1 } });
await using client = new KafkaClient({ brokers: cluster.brokers });
await new KeyedProducer(client).sendMessages('orders', 'customer-7', 'tea', 'milk', 'sugar');

await using orders = new SimpleConsumer(client, { topic: 'orders', groupId: 'billing', autoCommit: false });
const producer = new KeyedProducer(client, { transactionalId: 'billing' });
let printerJams = true;

for (let billed = 0; billed < 3; ) {
  try {
    billed += await withOffsets(
      orders,
      async context => {
        for (const message of await orders.getMessages(100, { block: 1, timeoutMs: 1000 })) {
          await producer.send({ topic: 'bills', key: message.key ?? 'nobody', value: `a bill for ${message.value}` });
          if (`${message.value}` === 'milk' && printerJams) throw new Error('the printer jams');
          context.mark(message);
        }
        return context.marked;
      },
      { producer },
    );
  } catch (error) {
    console.log(`nothing is billed: ${error instanceof Error ? error.message : error}`);
    printerJams = false;
  }
}

const bills = new SimpleConsumer(client, { topic: 'bills' }); // sees what is committed
for (const message of await bills.getMessages(100, { block: 3, timeoutMs: 1000 })) console.log(`${message.value}`);
console.log(`the next order to bill is number ${await orders.committed(0)}`);
