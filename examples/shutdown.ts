// A clean shutdown: on SIGTERM the message in hand is finished, what is done is committed, the group is left, so that others need not wait, and the
// process ends by itself. The same with a SimpleConsumer, which has no group to leave.
import { KafkaClient, KafkaConsumer } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { jobs: 1 } });
await using client = new KafkaClient({ brokers: cluster.brokers });
const consumer = new KafkaConsumer(client, { topics: 'jobs', groupId: 'workers' });

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());

console.log('working');
for await (const message of consumer.messages({ signal: stop.signal })) {
  console.log(`did ${message.value}`);
}
await consumer.close(); // commits what is done, and leaves the group
console.log('stopped in order');
