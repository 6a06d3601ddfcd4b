import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { KafkaClient, SimpleConsumer, withOffsets } from '../src/index.js';

/**
 * What commit contexts cost the client: CPU-seconds per million records of 100 bytes, commits included, against an embedded cluster in a child
 * process. A context around 100 messages may add 15 % to the same loop with `commit()` by hand; `getMessages(1000)` may cost 1.3 times what
 * reading by batch does.
 *   node contexts.js
 */
const rounds = 14;
const [brokers] = process.argv.slice(2);

if (brokers === undefined) await main();
else await measure(brokers);

async function main(): Promise<void> {
  const broker = fork(new URL('./consume-broker.js', import.meta.url));
  const [addresses] = (await once(broker, 'message')) as [string[]];
  const [code] = await once(fork(fileURLToPath(import.meta.url), [addresses.join()]), 'exit');
  if (code !== 0) process.exitCode = 1;
  broker.disconnect();
}

interface Way {
  readonly name: string;
  readonly total: number;
  read(consumer: SimpleConsumer, total: number): Promise<void>;
}

async function measure(brokers: string): Promise<void> {
  const byHand: Way = {
    name: 'getMessages(100), commit(messages)',
    total: 200_000,
    read: async (consumer, total) => {
      for (let count = 0; count < total; ) {
        const messages = await consumer.getMessages(100);
        for (const { value } of messages) count += value === null ? 0 : 1;
        await consumer.commit(messages);
      }
    },
  };
  const byContext: Way = {
    name: 'getMessages(100) in a context',
    total: 200_000,
    read: async (consumer, total) => {
      for (let count = 0; count < total; ) {
        await withOffsets(consumer, async context => {
          const messages = await consumer.getMessages(100);
          for (const { value } of messages) count += value === null ? 0 : 1;
          context.mark(messages);
        });
      }
    },
  };
  const byBatch: Way = {
    name: 'batches(), each message',
    total: 1_000_000,
    read: async (consumer, total) => {
      let count = 0;
      for await (const batch of consumer.batches()) {
        for (const { value } of batch) count += value === null ? 0 : 1;
        if (count >= total) return;
      }
    },
  };
  const byCall: Way = {
    name: 'getMessages(1000), each message',
    total: 1_000_000,
    read: async (consumer, total) => {
      for (let count = 0; count < total; ) {
        for (const { value } of await consumer.getMessages(1000)) count += value === null ? 0 : 1;
      }
    },
  };
  const client = new KafkaClient({ brokers });
  const failed: string[] = [];
  for (const [base, other, most] of [
    [byHand, byContext, 1.15],
    [byBatch, byCall, 1.3],
  ] as const) {
    const costs = new Map<Way, number[]>([base, other].map(way => [way, []]));
    for (let round = 0; round <= rounds; round++) {
      for (const way of round % 2 === 0 ? [base, other] : [other, base]) {
        const cost = await costOf(client, way, `${way.name} ${round}`);
        if (round > 0) costs.get(way)?.push(cost); // the first warms up
      }
    }
    const [baseCost, otherCost] = [base, other].map(way => median(costs.get(way) ?? [])) as [number, number];
    for (const way of [base, other]) console.log(line(way, costs.get(way) ?? []));
    const ratio = otherCost / baseCost;
    const holds = ratio <= most;
    console.log(`  ${ratio.toFixed(2)} times as much, at most ${most}${holds ? '' : ': TOO MUCH'}`);
    if (!holds) failed.push(other.name);
  }
  await client.close();
  if (failed.length > 0) process.exitCode = 1;
}

/** CPU-seconds per million. */
async function costOf(client: KafkaClient, { total, read }: Way, groupId: string): Promise<number> {
  const consumer = new SimpleConsumer(client, { topic: 'bench', groupId, autoCommit: false });
  const before = process.cpuUsage();
  await read(consumer, total);
  const { user, system } = process.cpuUsage(before);
  await consumer.close();
  return (user + system) / total;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

function line({ name }: Way, costs: readonly number[]): string {
  const [least, middle, most] = [Math.min(...costs), median(costs), Math.max(...costs)].map(cost => cost.toFixed(3));
  return `${name.padEnd(35)} ${middle} CPU-s per million (${least} to ${most})`;
}
