// The whole small program: produce one, produce three to one partition, ask for the offsets, fetch, close.
import { KafkaClient, KeyedProducer, SimpleConsumer } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { greetings: 2 } });
await using client = new KafkaClient({ brokers: cluster.brokers });

const producer = new KeyedProducer(client);
const one = await producer.send({ topic: 'greetings', partition: 0, value: 'hello' });
console.log(`stored at partition ${one.partition}, offset ${one.offset}`);

const three = await producer.sendMany(['a', 'b', 'c'].map(value => ({ topic: 'greetings', partition: 1, value })));
console.log(`stored at offsets ${three.map(({ offset }) => offset).join(', ')}`);

const consumer = new SimpleConsumer(client, { topic: 'greetings', partitions: [1] });
console.log(`${await consumer.pending()} waiting`);
for (const message of await consumer.getMessages(3, { timeoutMs: 5000 })) {
  console.log(`${message.offset}: ${message.value}`);
}
await consumer.seek(-1, 2); // one before the end
const [last] = await consumer.getMessages(1, { timeoutMs: 5000 });
console.log(`the last one is ${last?.value}`);
