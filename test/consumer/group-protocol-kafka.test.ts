import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { KafkaConsumer, type KafkaConsumerOptions } from '../../src/consumer/index.js';
import { KeyedProducer } from '../../src/producer/index.js';
import { protocolOptions } from '../group/protocol-options.js';
import { clusterTest, type KafkaHandle, type KafkaVersion, kafkaTest, uniqueName } from '../kafka/kafka.js';

const COUNT = 60;

/** A topic with messages, and members of one group that leave the protocol to the brokers, each with the protocols of its rebalances. */
async function setting(t: TestContext, kafka: KafkaHandle) {
  const topic = await kafka.createTopic({ partitions: 4 });
  const clientOf = (): KafkaClient => {
    const client = new KafkaClient({ brokers: kafka.bootstrap });
    t.after(() => client.close({ timeoutMs: 5000 }).catch(() => {}));
    return client;
  };
  const values = Array.from({ length: COUNT }, (_, i) => ({ topic, key: `${i}`, value: `${i}` }));
  await new KeyedProducer(clientOf()).sendMany(values);
  const groupId = uniqueName('group');
  return (options: KafkaConsumerOptions = {}) => {
    const given = { topics: topic, groupId, groupProtocol: 'auto', heartbeatMs: 100, ...options } as const;
    const consumer = new KafkaConsumer(clientOf(), protocolOptions(given));
    const by = new Set<string>();
    consumer.on('rebalance', ({ groupProtocol }) => by.add(groupProtocol));
    return { consumer, by };
  };
}

for (const [version, protocol] of [
  ['4.3.1', 'consumer'],
  ['4.1.2', 'consumer'],
  ['3.9.2', 'classic'],
  ['2.8.2', 'classic'],
] as readonly (readonly [KafkaVersion, string])[]) {
  kafkaTest(
    `'auto' is the ${protocol} protocol; what one member has done the next does not see`,
    async (t, kafka) => {
      const member = await setting(t, kafka);
      const first = member();
      const got = await first.consumer.getMessages(COUNT, { timeoutMs: null });
      await first.consumer.commit(got.slice(0, 20));
      await first.consumer.close();
      const second = member();
      const rest = await second.consumer.getMessages(COUNT - 20, { timeoutMs: null });
      await second.consumer.close();
      assert.deepEqual([[...first.by], [...second.by]], [[protocol], [protocol]]);
      const seen = new Set([...got.slice(0, 20), ...rest].map(({ value }) => `${value}`));
      assert.equal(seen.size, COUNT);
    },
    { version },
  );
}

clusterTest(
  "'auto' joins a group whose members may not change to the brokers' protocol by the classic one",
  async (t, kafka) => {
    const member = await setting(t, kafka);
    const classic = member({ groupProtocol: 'classic' });
    const read = async ({ consumer }: { consumer: KafkaConsumer }, count: number) => {
      for await (const _ of consumer) if (--count === 0) return;
    };
    await read(classic, 5);
    const late = member();
    const shared = new Promise<void>(resolve => {
      late.consumer.on('rebalance', ({ partitions }) => {
        if (partitions.length === 2) resolve();
      });
    });
    const stop = new AbortController();
    const reading = [classic, late].map(async ({ consumer }) => {
      for await (const _ of consumer.messages({ signal: stop.signal }));
    });
    await shared;
    stop.abort();
    await Promise.all(reading);
    assert.deepEqual([[...classic.by], [...late.by]], [['classic'], ['classic']]);
    await assert.rejects(member({ groupProtocol: 'consumer' }).consumer.getMessages(1, { timeoutMs: null }), {
      code: 'GROUP_ID_NOT_FOUND',
    });
  },
  { properties: { 'group.consumer.migration.policy': 'disabled' } },
);

clusterTest(
  "'auto' is the classic protocol where brokers have theirs switched off",
  async (t, kafka) => {
    const member = await setting(t, kafka);
    const { consumer, by } = member();
    assert.equal((await consumer.getMessages(COUNT, { timeoutMs: null })).length, COUNT);
    assert.deepEqual([...by], ['classic']);
    await assert.rejects(member({ groupProtocol: 'consumer', groupId: uniqueName('other') }).consumer.getMessages(1, { timeoutMs: null }), {
      code: 'TIDE_UNSUPPORTED',
      message: /switched off \(group\.coordinator\.rebalance\.protocols\)/,
    });
  },
  { properties: { 'group.coordinator.rebalance.protocols': 'classic' } },
);
