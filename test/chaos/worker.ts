import { writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { KafkaClient, type Message, SimpleConsumer } from '../../src/index.js';

/*
 * A program whose work is to note each message on stdout, and which is killed at it. SIGTERM ends it in good order.
 *   node worker.js BROKERS TOPIC GROUP message|batch|call
 */
const [brokers = '', topic = '', groupId = '', way = ''] = process.argv.slice(2);
const MESSAGES_PER_MS = 20;

const over = new AbortController();
process.once('SIGTERM', () => over.abort());
const { signal } = over;
await using client = new KafkaClient({ brokers });
await using consumer = new SimpleConsumer(client, { topic, groupId });
let done = 0;

/** Kept by the kernel, whatever becomes of this process. */
async function work({ partition, offset }: Message): Promise<void> {
  writeSync(1, `${partition} ${offset}\n`);
  if (++done % MESSAGES_PER_MS === 0) await delay(1);
}

if (way === 'message') for await (const message of consumer.messages({ signal })) await work(message);
else if (way === 'batch') for await (const batch of consumer.batches({ signal })) for (const message of batch) await work(message);
else
  while (!signal.aborted) {
    const messages = await consumer.getMessages(50, { block: 1, timeoutMs: 100 });
    for (const message of messages) await work(message);
    consumer.mark(messages);
  }
