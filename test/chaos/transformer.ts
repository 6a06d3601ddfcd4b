import { KafkaClient, KafkaError, KeyedProducer, type Message, SimpleConsumer, withOffsets, withTransaction } from '../../src/index.js';
import { note } from './note.js';

/*
 * A program that reads one topic and writes another, in transactions that hold what was written and how far was read, and is killed at it. A
 * written value names the place of the message it was made from. It works in commit contexts with a producer (`context`), or with the
 * producer's own calls (`plain`). It notes on stdout: once, that it has come to PHASE with AT records or more; how many records are
 * committed after each transaction, or that it failed; and that it is fenced, which ends it with code 3. In the phase `hold` it stops in its
 * transaction until SIGUSR2, in `hold-send` it writes once more after that. Every 7th transaction changes its mind, and there is little time for
 * each record, so that others fail. It ends by itself when all has been read.
 *   node transformer.js BROKERS INPUT OUTPUT GROUP TRANSACTIONAL_ID context|plain sent|commits|committed|hold|hold-send AT
 */
const [brokers = '', input = '', output = '', groupId = '', transactionalId = '', way = '', phase = '', at = ''] = process.argv.slice(2);
const PER_TRANSACTION = 100;
const FENCED = 3;

await using client = new KafkaClient({ brokers, requestTimeoutMs: 3000 });
await using consumer = new SimpleConsumer(client, { topic: input, groupId, autoCommit: false });
await using producer = new KeyedProducer(client, { transactionalId, deliveryTimeoutMs: 3000, ackTimeoutMs: 1500 });
const changedMind = new Error('every 7th transaction');
const go = new Promise<void>(resolve => process.once('SIGUSR2', () => resolve()));
let [number, count, committedCount, inHand, reached, unsure, more] = [0, 0, 0, 0, false, false, true];

/** Notes the phase that was asked for, once. */
function come(...to: readonly string[]): boolean {
  if (reached || !to.includes(phase) || count < Number(at)) return false;
  reached = true;
  note(phase, count);
  return true;
}

/** The next message after the last of each partition. */
function behind(messages: readonly Message[]) {
  const next = new Map(messages.map(({ partition, offset }) => [partition, offset + 1]));
  return [...next].map(([partition, offset]) => ({ topic: input, partition, offset }));
}

/** Until somebody lets us go on. */
async function hold(): Promise<void> {
  if (!come('hold', 'hold-send')) return;
  await go;
  if (phase !== 'hold-send') return;
  const late = producer.send({ topic: output, key: 'zombie', value: 'written after all' });
  await late.then(
    () => note('late record: stored'),
    (error: unknown) => note('late record:', error instanceof KafkaError ? error.code : error),
  );
}

async function hasMore(): Promise<boolean> {
  for (let partition = 0; partition < (await client.partitionCount(input)); partition++)
    if ((consumer.position(partition) ?? 0) < (await client.offsets.latest(input, partition))) return true;
  return false;
}

/** Reads some messages and writes what is made of them. */
async function work(): Promise<readonly Message[]> {
  const messages = await consumer.getMessages(PER_TRANSACTION, { block: 1, timeoutMs: 1000 });
  await producer.sendMany(
    messages.map(({ partition, offset, key, value }) => ({ topic: output, key, value: `${partition}/${offset}/${value}` })),
  );
  inHand = messages.length;
  count += inHand;
  more = messages.length > 0 || (await hasMore());
  if (messages.length > 0) come('sent');
  if (++number % 7 === 0) throw changedMind;
  return messages;
}

const ways: Readonly<Record<string, () => Promise<void>>> = {
  context: () =>
    withOffsets(
      consumer,
      async context => {
        context.mark(await work());
        await hold();
        come('commits');
      },
      { producer },
    ),
  plain: () =>
    withTransaction(producer, async tx => {
      // Only now is the transaction before at its end, whatever became of it, and with it what is stored.
      if (unsure) await consumer.fetchLastKnownOffsets();
      unsure = false;
      const messages = await work();
      if (messages.length > 0) await tx.sendOffsets(groupId, behind(messages));
      await hold();
      come('commits');
    }),
};

while (more) {
  try {
    await ways[way]?.();
    committedCount += inHand;
    note('ended', committedCount);
    come('committed');
  } catch (error) {
    [unsure, more] = [true, true];
    if (error === changedMind) continue;
    if (!(error instanceof KafkaError)) throw error;
    note('failed', error.code, error.persistence, error.message);
    if (error.code === 'TIDE_FENCED') process.exit(FENCED);
  }
}
