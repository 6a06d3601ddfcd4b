// Messages that are to be worked on later: each says when. Those whose time has not come are left unmarked, and come again.
import { setTimeout as delay } from 'node:timers/promises';
import { KafkaClient, KeyedProducer, SimpleConsumer, withOffsets } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { reminders: 2 } });
await using client = new KafkaClient({ brokers: cluster.brokers });
await using consumer = new SimpleConsumer(client, { topic: 'reminders', groupId: 'mailer', autoCommit: false });

const now = Date.now();
await new KeyedProducer(client).sendMany([
  { topic: 'reminders', partition: 0, value: 'call back', timestamp: now },
  { topic: 'reminders', partition: 0, value: 'send the invoice', timestamp: now + 300 },
  { topic: 'reminders', partition: 1, value: 'water the plants', timestamp: now },
]);

let sent = 0;
while (sent < 3) {
  const nextDue = await withOffsets(consumer, async context => {
    const waiting = new Set<number>();
    let due = Number.POSITIVE_INFINITY;
    for (const message of await consumer.getMessages(100, { block: 1, timeoutMs: 1000 })) {
      if (waiting.has(message.partition)) continue; // in its partition one before it waits: order is kept
      if (message.timestamp > Date.now()) {
        waiting.add(message.partition);
        due = Math.min(due, message.timestamp);
        continue;
      }
      console.log(message.value?.toString());
      context.mark(message);
      sent += 1;
    }
    return due;
  });
  if (nextDue !== Number.POSITIVE_INFINITY) await delay(Math.max(1, nextDue - Date.now()));
}
