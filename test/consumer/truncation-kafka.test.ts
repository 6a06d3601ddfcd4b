import assert from 'node:assert/strict';
import { Admin } from '../../src/admin/index.js';
import { KafkaClient } from '../../src/client/client.js';
import type { KafkaClientOptions } from '../../src/client/client-options.js';
import { SimpleConsumer } from '../../src/consumer/index.js';
import { poll } from '../kafka/handle.js';
import { clusterTest, uniqueName } from '../kafka/kafka.js';
import { next } from './setting.js';

const values = (messages: Iterable<{ value: Buffer | null }>) => Array.from(messages, ({ value }) => Number(value));
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

clusterTest(
  'records that an unclean election has lost: each policy, found by fetching and by asking, while reading and at the start',
  async (t, kafka) => {
    const clientOf = (options?: Partial<KafkaClientOptions>): KafkaClient => {
      const client = new KafkaClient({ brokers: kafka.bootstrap, ...options });
      t.after(() => client.close());
      return client;
    };
    const client = clientOf();
    const asking = clientOf({ apiVersions: { Fetch: 11 } });
    const admin = new Admin(client);
    const topic = uniqueName('cut');
    await admin.createTopics({ name: topic, assignments: [[1, 2]], configs: { 'min.insync.replicas': 1 } });
    const seen = async () => (await admin.describeTopics(topic))[0]?.partitions[0];
    const produce = (from: number, to: number) => client.produce(topic, 0, numbers(from, to).map(String));

    await produce(0, 10);
    await kafka.nodes[1]?.kill();
    await poll('a leader that is alone in sync', 60_000, async () => (await seen())?.isr.join() === '1');
    await produce(10, 20);

    const groups = { fetching: uniqueName('fetching'), asking: uniqueName('asking') };
    const base = { topic, autoCommit: false, startOffset: 'earliest' } as const;
    const readers = [
      {
        name: 'earliest',
        consumer: new SimpleConsumer(client, { ...base, autoOffsetReset: 'earliest', groupId: groups.fetching }),
        isStored: true,
      },
      { name: 'latest', consumer: new SimpleConsumer(client, { ...base, autoOffsetReset: 'latest' }), isStored: false },
      { name: 'none', consumer: new SimpleConsumer(client, { ...base, autoOffsetReset: 'none' }), isStored: false },
      {
        name: 'asking',
        consumer: new SimpleConsumer(asking, { ...base, autoOffsetReset: 'latest', groupId: groups.asking }),
        isStored: true,
      },
      { name: 'asking, none', consumer: new SimpleConsumer(asking, { ...base, autoOffsetReset: 'none' }), isStored: false },
    ];
    for (const { consumer, name, isStored } of readers) {
      const messages = await consumer.getMessages(20, { timeoutMs: 30_000 });
      assert.deepEqual(values(messages), numbers(0, 20), name);
      if (isStored) await consumer.commit(messages);
      else consumer.mark(messages);
    }
    const events = readers.map(({ consumer }) => next(consumer, 'outOfRange'));

    // The one that leads goes, and the other comes back without what it has missed.
    await kafka.nodes[0]?.kill();
    await kafka.nodes[1]?.restart();
    await poll('a partition without a leader', 60_000, async () => (await seen())?.leader === -1);
    await admin.electLeaders('unclean', { topic, partition: 0 });
    await produce(100, 125);

    for (const [i, { consumer, name }] of readers.entries()) {
      if (name.endsWith('none')) {
        await assert.rejects(consumer.getMessages(1, { timeoutMs: 60_000 }), {
          code: 'OFFSET_OUT_OF_RANGE',
          message: /before offset 20 were lost .*only what is below offset 10 is the same/,
        });
        await consumer.seek(10);
      }
      assert.deepEqual(values(await consumer.getMessages(25, { timeoutMs: 60_000 })), numbers(100, 125), name);
      const { divergingEpoch, ...event } = (await events[i]) ?? assert.fail();
      assert.deepEqual(
        event,
        {
          topic,
          partition: 0,
          requestedOffset: 20,
          logStartOffset: 0,
          logEndOffset: 35,
          newOffset: name.endsWith('none') ? undefined : 10,
          why: 'truncated',
          divergingOffset: 10,
        },
        name,
      );
      assert.ok(divergingEpoch !== undefined && divergingEpoch >= 0);
      await consumer.close();
    }

    // They had committed 20, with the epoch of a leader that is gone.
    for (const [from, groupId] of [
      [client, groups.fetching],
      [asking, groups.asking],
    ] as const) {
      const consumer = new SimpleConsumer(from, { topic, groupId, autoCommit: false });
      const event = next(consumer, 'outOfRange');
      assert.deepEqual(values(await consumer.getMessages(25, { timeoutMs: 60_000 })), numbers(100, 125));
      assert.equal((await event).newOffset, 10);
      await consumer.close();
    }
    await client.close(); // before the cluster is gone
    await asking.close();
  },
  { nodes: 3 },
);
