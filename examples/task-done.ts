// Two topics, shared by a group. Work is handed on, and ends in any order; taskDone() says when. What is committed, by itself, never passes a hole.
import { setTimeout as delay } from 'node:timers/promises';
import { KafkaClient, KafkaConsumer, type Message } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { orders: 1, bills: 1 } });
await using client = new KafkaClient({ brokers: cluster.brokers });
await client.produce('orders', 0, ['30 ms', '10 ms', '20 ms']);
await client.produce('bills', 0, ['1 ms']);

const consumer = new KafkaConsumer(client, {
  topics: ['orders', 'bills'],
  groupId: 'workers',
  marking: 'explicit', // only taskDone(), or mark(), says that something is done
  autoCommit: { everyN: 2, everyMs: 1000 },
});

async function work(message: Message): Promise<void> {
  await delay(Number.parseInt(String(message.value), 10));
  consumer.taskDone(message);
  console.log(`${message.topic} ${message.value}`);
}

const working: Promise<void>[] = [];
for await (const message of consumer) if (working.push(work(message)) === 4) break; // reads on while others work
await Promise.all(working);
await consumer.close(); // waits for what is not done, and commits
