// Same key, same partition, in the order of the calls. First as it comes, then in batches, where records wait for company.
import { KafkaClient, KeyedProducer } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { orders: 4 } });
await using client = new KafkaClient({ brokers: cluster.brokers });

await using producer = new KeyedProducer(client);
const stored = await producer.sendMessages('orders', 'customer-7', 'tea', 'milk'); // one key, several values: one batch
const sugar = await producer.send({ topic: 'orders', key: 'customer-7', value: 'sugar', headers: { shop: 'north' } });
for (const { partition, offset } of [...stored, sugar]) console.log(`customer-7: partition ${partition}, offset ${offset}`);

// A batch goes when 100 records of a partition are there, or when the first of them has waited for 50 ms.
await using batching = new KeyedProducer(client, { batchSend: { everyN: 100, everyMs: 50 }, compression: 'gzip' });
const sending = Array.from({ length: 250 }, (_, i) => batching.sendMessages('orders', i < 200 ? 'customer-7' : 'customer-1', `order ${i}`));
const results = (await Promise.all(sending)).flat(); // each promise is the acknowledgement of its own records
console.log(`${results.length} stored, in ${new Set(results.map(({ partition }) => partition)).size} partitions`);
