// Follows a topic from its present end on, all partitions, without a group: nothing is committed, and nobody else is disturbed.
import { KafkaClient, KafkaConsumer } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { logs: 3 } });
await using client = new KafkaClient({ brokers: cluster.brokers });
await client.produce('logs', 0, ['yesterday']);

const tail = new KafkaConsumer(client, { topics: 'logs', autoOffsetReset: 'latest' });
console.log(`${await tail.pending()} waiting`); // the first call finds the ends of the logs
for (const partition of [0, 1, 2]) await client.produce('logs', partition, `now, in ${partition}`);

let count = 0;
for await (const { partition, offset, value } of tail) {
  console.log(`${partition}/${offset}: ${value}`);
  if (++count === 3) break; // a tail of your own goes on
}
