import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { SimpleConsumer } from '../../src/consumer/index.js';
import { withOffsets } from '../../src/context/index.js';
import { KeyedProducer } from '../../src/producer/index.js';
import { EndTxn } from '../../src/protocol/index.js';
import { withProxiedCluster } from '../chaos/proxied.js';
import { findProgram } from '../kafka/availability.js';
import { type KafkaVersion, kafkaTest, requireKafka, uniqueName } from '../kafka/kafka.js';
import { GuardedProcess } from '../kafka/process.js';
import { kcatConsume } from '../support/kcat.js';
import type { ChaosProxy } from '../support/proxy.js';
import { rejection } from '../support/rejection.js';

const COUNT = 30;
const PER_CONTEXT = 5;
const numbers = Array.from({ length: COUNT }, (_, i) => `${i}`);

/** What becomes of the next requests to end a transaction, until the function it gives is called. */
function loseEnds(proxy: ChaosProxy, isApplied: boolean): () => void {
  const deaf = new Set<number>();
  proxy.onChunk = (chunk, { direction, connection }) => {
    const isEnd = direction === 'to-server' && chunk.length > 6 && chunk.readInt16BE(4) === EndTxn.key;
    if (isEnd) deaf.add(connection);
    const isLost = (isEnd && !isApplied) || (direction === 'to-client' && deaf.has(connection));
    return isLost ? Buffer.alloc(0) : undefined;
  };
  return () => {
    proxy.onChunk = undefined;
    proxy.cut();
  };
}

for (const version of ['4.1.2', '3.9.2', '2.8.2'] satisfies KafkaVersion[]) {
  const title = `each message is billed once where nobody knows how commits ended (Kafka ${version})`;
  test(title, { skip: requireKafka({ kcat: true }), timeout: 180_000 }, async t => {
    await withProxiedCluster({ nodes: 1, version }, t.diagnostic.bind(t), async ({ kafka, proxies: [proxy], bootstrap }) => {
      assert.ok(proxy);
      const [orders, bills] = [await kafka.createTopic({ partitions: 1 }), await kafka.createTopic({ partitions: 1 })];
      const client = new KafkaClient({ brokers: [...bootstrap], retry: { backoffMs: 20, maxBackoffMs: 50 } });
      t.after(() => client.close({ timeoutMs: 1000 }).catch(() => {}));
      await new KeyedProducer(client).sendMessages(orders, 'k', ...numbers);
      const consumer = new SimpleConsumer(client, { topic: orders, groupId: uniqueName('billing'), autoCommit: false });
      const producer = new KeyedProducer(client, { transactionalId: uniqueName('billing') });
      let unknownCount = 0;
      for (let round = 0; ((await consumer.committed(0)) ?? 0) < COUNT; round++) {
        const restore = round % 3 === 0 ? undefined : loseEnds(proxy, round % 3 === 1);
        const work = withOffsets(
          consumer,
          async context => {
            const messages = await consumer.getMessages(PER_CONTEXT, { timeoutMs: null });
            await producer.sendMany(messages.map(({ value }) => ({ topic: bills, key: 'k', value })));
            context.mark(messages);
          },
          { producer, commitTimeoutMs: restore === undefined ? 20_000 : 300 },
        );
        if (restore === undefined) await work;
        else {
          const error = await rejection(work);
          assert.equal(error.persistence, 'maybe', error.message);
          unknownCount += 1;
          restore();
        }
      }
      assert.ok(unknownCount > 4, `${unknownCount}`);
      const read = await kcatConsume({ bootstrap: kafka.bootstrap, topic: bills, args: ['-X', 'isolation.level=read_committed'] });
      assert.deepEqual(
        read.map(({ payload }) => payload),
        numbers,
      );
    });
  });
}

/** Members of other clients, of each kind of group. */
const members = {
  'of a classic group': (bootstrap: string, groupId: string, topic: string) =>
    GuardedProcess.start(findProgram('kcat') ?? assert.fail(), [
      '-b',
      bootstrap,
      '-X',
      'auto.offset.reset=earliest',
      '-u',
      '-G',
      groupId,
      topic,
    ]),
  'of a group of the new protocol': undefined,
} as const;

for (const [kind, start] of Object.entries(members)) {
  kafkaTest(
    `members ${kind} are seen before a transaction stores offsets`,
    async (t, kafka) => {
      const [orders, bills] = [await kafka.createTopic({ partitions: 1 }), await kafka.createTopic({ partitions: 1 })];
      const client = new KafkaClient({ brokers: kafka.bootstrap });
      t.after(() => client.close());
      await new KeyedProducer(client).sendMessages(orders, 'k', 'tea');
      const groupId = uniqueName('in-use');
      const member =
        start?.(kafka.bootstrapText, groupId, orders) ??
        (await kafka.startTool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
          ...['--bootstrap-server', kafka.bootstrapText, '--topic', orders, '--group', groupId, '--from-beginning'],
          ...['--consumer-property', 'group.protocol=consumer'],
        ]));
      t.after(() => member.kill());
      await member.untilOutput(/tea/);
      const consumer = new SimpleConsumer(client, { topic: orders, groupId, autoCommit: false, startOffset: 'earliest' });
      const producer = new KeyedProducer(client, { transactionalId: uniqueName('billing') });
      const bill = () =>
        withOffsets(
          consumer,
          async context => {
            await producer.send({ topic: bills, key: 'k', value: 'a bill' });
            context.mark(await consumer.getMessages(1, { timeoutMs: null }));
          },
          { producer },
        );
      assert.equal((await rejection(bill())).code, 'TIDE_GROUP_IN_USE');
      await member.stop();
      await bill();
      assert.equal(await consumer.committed(0), 1);
      const read = await kcatConsume({ bootstrap: kafka.bootstrap, topic: bills, args: ['-X', 'isolation.level=read_committed'] });
      assert.equal(read.length, 1);
    },
    { kcat: true },
  );
}
