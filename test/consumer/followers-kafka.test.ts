import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Admin } from '../../src/admin/index.js';
import type { RequestTrace } from '../../src/base/diagnostics.js';
import { KafkaClient } from '../../src/client/client.js';
import { KafkaConsumer, SimpleConsumer } from '../../src/consumer/index.js';
import { clusterTest, uniqueName } from '../kafka/kafka.js';

const values = (messages: Iterable<{ value: Buffer | null }>) => Array.from(messages, ({ value }) => Number(value));
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

clusterTest(
  'a consumer reads from the replica in its rack, from the leader when that goes, and from the replica again when it is back',
  async (t, kafka) => {
    const clientOf = (): KafkaClient => {
      const client = new KafkaClient({ brokers: kafka.bootstrap });
      t.after(() => client.close());
      return client;
    };
    const writer = clientOf();
    const topic = uniqueName('racks');
    await new Admin(writer).createTopics({ name: topic, assignments: [[1, 2, 3]], configs: { 'min.insync.replicas': 1 } });
    const produce = (from: number, to: number) => writer.produce(topic, 0, numbers(from, to).map(String));
    /** The ids of the brokers whose answers to fetches had something in them, in order, each once in a row. */
    const from: number[] = [];
    const seen = (trace: unknown): void => {
      const { api, broker, receivedBytes } = trace as RequestTrace;
      const id = kafka.nodes.find(({ address }) => address === broker)?.id ?? 0;
      if (api === 'Fetch' && receivedBytes > 2000 && from.at(-1) !== id) from.push(id);
    };
    subscribe('tidemark:request', seen);
    t.after(() => unsubscribe('tidemark:request', seen));
    await produce(0, 1000);

    const client = clientOf();
    const consumer = new SimpleConsumer(client, { topic, rackId: 'c' });
    assert.deepEqual(values(await consumer.getMessages(1000, { timeoutMs: 60_000 })), numbers(0, 1000));
    assert.deepEqual(from, [3]);

    await kafka.nodes[2]?.kill();
    await produce(1000, 2000);
    assert.deepEqual(values(await consumer.getMessages(1000, { timeoutMs: 60_000 })), numbers(1000, 2000));
    assert.deepEqual(from, [3, 1]);

    await kafka.nodes[2]?.restart();
    let next = 2000;
    while (from.at(-1) !== 3) {
      await produce(next, next + 1000);
      assert.deepEqual(values(await consumer.getMessages(1000, { timeoutMs: 60_000 })), numbers(next, next + 1000));
      next += 1000;
    }

    await client.close();

    for (const rackId of ['a', 'b', undefined]) {
      const other = clientOf();
      from.length = 0;
      const groupId = uniqueName('racks');
      const member = new KafkaConsumer(other, { topics: [topic], groupId, rackId, assignors: ['range'] });
      assert.deepEqual(values(await member.getMessages(next, { timeoutMs: 60_000 })), numbers(0, next));
      assert.deepEqual([...new Set(from)], [rackId === 'b' ? 2 : 1], `rack ${rackId}`);
      await other.close();
    }
    await writer.close(); // before the cluster is gone
  },
  {
    nodes: 3,
    racks: ['a', 'b', 'c'],
    properties: { 'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector' },
  },
);
