import { setTimeout as delay } from 'node:timers/promises';
import { KafkaClient, SimpleConsumer, withOffsets } from '../../src/index.js';
import { note } from './note.js';

/*
 * A program that works through a topic in commit contexts of 100 messages, and is killed at it. It notes on stdout, kept by the kernel whatever
 * becomes of it: each message it works on, what a context is about to commit, and how it ended. Every 7th context throws, every 5th leaves its
 * last ten messages unmarked. It ends by itself when nothing more comes.
 *   node context-worker.js BROKERS TOPIC GROUP
 */
const [brokers = '', topic = '', groupId = ''] = process.argv.slice(2);

await using client = new KafkaClient({ brokers });
await using consumer = new SimpleConsumer(client, { topic, groupId, autoCommit: false });
const failure = new Error('every 7th context');

for (let n = 1, more = true; more; n++) {
  try {
    await withOffsets(consumer, async context => {
      const messages = await consumer.getMessages(100, { block: 1, timeoutMs: 3000 });
      more = messages.length > 0;
      for (const [i, { partition, offset }] of messages.entries()) {
        note('worked', n, partition, offset);
        if (i % 25 === 0) await delay(1);
      }
      if (n % 7 === 0 && more) throw failure;
      const marked = n % 5 === 0 && messages.length > 10 ? messages.slice(0, -10) : messages;
      context.mark(marked);
      for (const { partition, offset } of marked) note('marked', n, partition, offset);
      note('commits', n);
    });
    note('committed', n);
  } catch (error) {
    if (error !== failure) throw error;
    note('back', n);
  }
}
