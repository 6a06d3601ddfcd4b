import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { KafkaClient, KafkaConsumer, type KafkaConsumerOptions } from '../../src/index.js';
import { note, noteChanges } from './note.js';

/** What {@link groupMember the program} is told beside where it works: text, so that it can be an argument. */
export interface MemberWork {
  readonly consumer?: KafkaConsumerOptions;
  /** How many messages it works on in a ms. */
  readonly perMs?: number;
  /** At the first message behind this offset its event loop stands still until there is a file of this name. */
  readonly block?: { readonly offset: number; readonly untilFile: string };
}

/*
 * A member of a group, whose work is to note each message on stdout when it has worked on it, and what the group gives to it and takes from
 * it. The kernel keeps that, whatever becomes of this process. SIGTERM ends it in good order.
 *   node group-member.js BROKERS TOPIC GROUP WORK
 *   PARTITION OFFSET NUMBER MS   worked on; the number is the one its value begins with
 *   + MS PARTITIONS              assigned
 *   - MS PARTITIONS              revoked
 *   ! MS PARTITIONS              lost
 *   = MS GENERATION MEMBER-ID    the group is at rest
 *   ? MS TEXT                    a commit failed
 *   # MS PARTITION OFFSET        its event loop stands still with this message in hand
 *   . MS                         it begins, and can be ended in good order
 */
const [brokers = '', topic = '', groupId = '', text = '{}'] = process.argv.slice(2);
const { consumer: options, perMs = 5, block }: MemberWork = JSON.parse(text);

const over = new AbortController();
process.once('SIGTERM', () => over.abort());

await using client = new KafkaClient({ brokers });
await using consumer = new KafkaConsumer(client, { topics: [topic], groupId, ...options });
noteChanges(consumer);
consumer.on('rebalance', ({ generationId, memberId }) => note('=', Date.now(), generationId, memberId));
consumer.on('commitFailed', ({ error }) => note('?', Date.now(), error.message));

note('.', Date.now());

let [done, blocks] = [0, block !== undefined];
for await (const { partition, offset, value } of consumer.messages({ signal: over.signal })) {
  if (++done % perMs === 0) await delay(1);
  if (blocks && block !== undefined && offset > block.offset) {
    blocks = false;
    note('#', Date.now(), partition, offset);
    const nobody = new Int32Array(new SharedArrayBuffer(4));
    while (!existsSync(block.untilFile)) Atomics.wait(nobody, 0, 0, 20);
  }
  note(partition, offset, Number.parseInt(String(value), 10), Date.now());
}
