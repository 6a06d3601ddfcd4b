// Every line of stdin is a message, and every message a line of stdout: printf 'tea\nmilk\n' | node dist/examples/pipe.js
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { KafkaClient, SimpleConsumer } from 'tidemark';
import { brokersFor } from './cluster.js';

await using cluster = await brokersFor({ topics: { lines: 1 } });
await using client = new KafkaClient({ brokers: cluster.brokers });

const begin = await client.offsets.latest('lines', 0);
let end = begin;
for await (const line of createInterface({ input: process.stdin })) {
  const { baseOffset } = await client.produce('lines', 0, line);
  end = baseOffset + 1;
}

const consumer = new SimpleConsumer(client, { topic: 'lines', partitions: [0], startOffset: begin });
while ((consumer.position(0) ?? begin) < end) {
  for (const { value } of await consumer.getMessages(100, { block: 1, timeoutMs: 1000 })) {
    if (!process.stdout.write(`${value}\n`)) await once(process.stdout, 'drain'); // who reads is slower than we are
  }
}
