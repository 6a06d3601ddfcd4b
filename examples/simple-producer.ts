// No keys: one call, one partition; the next call, the next partition. First as it comes, then in batches, where records wait for company.
import { KafkaClient, SimpleProducer } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { lines: 3 } });
await using client = new KafkaClient({ brokers: cluster.brokers });

await using producer = new SimpleProducer(client);
for (const line of ['one', 'two', 'three', 'four']) {
  const [result] = await producer.sendMessages('lines', line);
  console.log(`${line}: partition ${result?.partition}, offset ${result?.offset}`);
}

// A batch goes when 100 records of a partition are there, or when the first of them has waited for 50 ms.
await using batching = new SimpleProducer(client, { batchSend: { everyN: 100, everyMs: 50 } });
const sending = Array.from({ length: 300 }, (_, i) => batching.sendMessages('lines', `line ${i}`));
console.log(`${(await Promise.all(sending)).flat().length} stored`); // each promise is the acknowledgement of its own records

// Many programs that send one line each: they do not all begin at partition 0.
await using anywhere = new SimpleProducer(client, { randomStart: true });
const [first] = await anywhere.sendMessages('lines', 'first');
const [second] = await anywhere.sendMessages('lines', 'second');
if (first === undefined || second === undefined) throw new Error('a result for each value');
console.log(second.partition === (first.partition + 1) % 3 ? 'the next one' : 'somewhere else');
