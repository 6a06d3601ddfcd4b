// What a consumer reads can be said in many ways, and changed at any time.
import { KafkaClient, KafkaConsumer } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { orders: 2, bills: 2, 'bills-old': 1 } });
await using client = new KafkaClient({ brokers: cluster.brokers });
for (const [topic, partition] of [
  ['orders', 0],
  ['orders', 1],
  ['bills', 0],
  ['bills', 1],
  ['bills-old', 0],
] as const)
  await client.produce(topic, partition, ['first', 'second']);

const consumer = new KafkaConsumer(client); // without a group it reads all of what it is told

async function show(form: string, count: number): Promise<void> {
  const messages = await consumer.getMessages(count, { timeoutMs: 10_000 });
  const places = messages.map(({ topic, partition, offset }) => `${topic}/${partition}:${offset}`);
  console.log(`${form}: ${places.sort().join(' ')}`);
}

await consumer.setTopicPartitions('orders', 'bills');
await show('whole topics', 8);
await consumer.setTopicPartitions(['orders', 0]);
await show('one partition', 2);
await consumer.setTopicPartitions(['orders', 0, 1]);
await show('from an offset on', 1);
await consumer.setTopicPartitions({ topic: 'orders', partition: 0, offset: 1 });
await show('the same, with names', 1);
await consumer.setTopicPartitions({ orders: [0, 1], bills: 1 });
await show('some partitions of each', 6);
await consumer.setTopicPartitions(
  new Map([
    [
      'bills',
      new Map([
        [0, 1],
        [1, 0],
      ]),
    ],
  ]),
);
await show('a Map, with offsets', 3);
await consumer.setTopicPartitions('orders', ['bills', 1], { 'bills-old': 0 });
await show('several forms', 8);
await consumer.setTopicPartitions(/^bills/); // topics that appear later too; in a group of Kafka 4 also { re2: 'bills.*' }
await show('a pattern', 6);
await consumer.setTopicPartitions(...consumer.offsets('position')); // what it reads now, partition by partition
await client.produce('bills', 1, 'third');
await show('from where it stood', 1);
