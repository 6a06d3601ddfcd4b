// A clean shutdown: on SIGTERM the message in hand is finished, what is done is committed, and the process ends by itself.
import { KafkaClient, SimpleConsumer } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { jobs: 1 } });
await using client = new KafkaClient({ brokers: cluster.brokers });
const consumer = new SimpleConsumer(client, { topic: 'jobs', groupId: 'workers' });

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());

console.log('working');
for await (const message of consumer.messages({ signal: stop.signal })) {
  console.log(`did ${message.value}`);
}
await consumer.close(); // commits what is done
console.log('stopped in order');
