// A batch of work commits as one, or comes again: get, mark or stop, and wait when nothing was marked.
import { setTimeout as delay } from 'node:timers/promises';
import { KafkaClient, KeyedProducer, SimpleConsumer, withOffsets } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { payments: 1 } });
await using client = new KafkaClient({ brokers: cluster.brokers });
await using consumer = new SimpleConsumer(client, { topic: 'payments', groupId: 'ledger', autoCommit: false });
await new KeyedProducer(client).sendMessages('payments', 'account-7', '10', '20', '30', '40');

let bankIsOpen = false;
let balance = 0;

while (balance < 100) {
  const marked = await withOffsets(consumer, async context => {
    for (const message of await consumer.getMessages(100, { block: 1, timeoutMs: 1000 })) {
      const amount = Number(message.value);
      if (amount > 25 && !bankIsOpen) {
        console.log(`${amount} has to wait`);
        break; // this one and those behind it come again
      }
      balance += amount;
      context.mark(message);
    }
    return context.marked;
  });
  console.log(`${marked} booked, the balance is ${balance}, committed is ${await consumer.committed(0)}`);
  if (marked === 0) {
    await delay(20); // nothing could be done: no tight loop
    bankIsOpen = true;
  }
}
