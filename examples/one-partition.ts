// Follows one partition without a group, from its present end on, and stops when nothing more comes. Nothing is committed.
import { KafkaClient, KafkaError, SimpleConsumer } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { readings: 2 } });
await using client = new KafkaClient({ brokers: cluster.brokers });
await client.produce('readings', 1, ['old', 'older']);

const consumer = new SimpleConsumer(client, {
  topic: 'readings',
  partitions: [1],
  startOffset: 'latest', // or 'earliest', or an offset
  maxWaitMs: 100, // the broker holds a fetch for so long when there is nothing
  emptyRetryLimit: 2, // two fetches without a message, and one more: then TIDE_NO_DATA
});
console.log(`${await consumer.pending()} waiting`); // the first call finds the end of the log
await client.produce('readings', 1, ['new', 'newer']);

try {
  for await (const message of consumer) console.log(`${message.offset}: ${message.value}`);
} catch (error) {
  if (!(error instanceof KafkaError && error.code === 'TIDE_NO_DATA')) throw error;
  console.log('no data'); // not the end: the consumer can be read on
}

await client.produce('readings', 1, 'late');
const message = await consumer.getMessage({ timeoutMs: 5000 });
console.log(`${message?.offset}: ${message?.value}`);
