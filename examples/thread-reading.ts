// Without a handler messages are read in this thread, as by any consumer; the other threads look at checksums and decompress.
import { KafkaClient, MultiProcessConsumer, SimpleProducer } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { logs: 4 } });
await using client = new KafkaClient({ brokers: cluster.brokers });
const line = 'GET /index.html 200 '.repeat(50);
await new SimpleProducer(client, { compression: 'gzip' }).sendMany(Array.from({ length: 10_000 }, () => ({ topic: 'logs', value: line })));

await using consumer = new MultiProcessConsumer(client, { topics: 'logs', groupId: 'audit', threads: 2 });
let count = 0;
for await (const { value } of consumer) {
  if (value?.length !== line.length) throw new Error('a line was cut');
  if (++count === 10_000) break;
}
console.log(`${count} lines`);
