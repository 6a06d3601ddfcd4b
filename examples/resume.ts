// Stops in the middle and goes on there: what the loop did not finish comes again, and nothing else does.
import { KafkaClient, KeyedProducer, SimpleConsumer } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { steps: 1 } });
await using client = new KafkaClient({ brokers: cluster.brokers });
await new KeyedProducer(client).sendMessages('steps', 'walk', 'one', 'two', 'three', 'four');

const first = new SimpleConsumer(client, { topic: 'steps', groupId: 'walkers' });
for await (const message of first) {
  console.log(`first: ${message.value}`);
  if (message.offset === 2) break; // 'three' is not done
}
await first.close();

const second = new SimpleConsumer(client, { topic: 'steps', groupId: 'walkers' });
for await (const message of second) {
  console.log(`second: ${message.value}`);
  if (message.offset === 3) break;
}
await second.close();
