import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { type KafkaConsumer, SimpleConsumer } from '../../src/consumer/index.js';
import type { KafkaConsumerOptions } from '../../src/consumer/kafka-consumer-options.js';
import { OffsetCommitContext, withOffsets } from '../../src/context/index.js';
import type { EmbeddedCluster } from '../../src/embedded/index.js';
import { KeyedProducer } from '../../src/producer/index.js';
import { every, groupSetting, nextEvent, throwOut } from '../consumer/group-setting.js';
import { stored, until } from '../consumer/setting.js';

const kinds: readonly (readonly [string, KafkaConsumerOptions])[] = [
  ['cooperative members', {}],
  ['eager members', { assignors: ['range'] }],
  ['the new protocol', { groupProtocol: 'consumer' }],
];

const placesOf = (partitions: readonly { readonly partition: number }[]): number[] => partitions.map(({ partition }) => partition).sort();

/** A producer with transactions that writes to "bills", and what is committed there. */
async function billing(t: TestContext, cluster: EmbeddedCluster) {
  cluster.createTopic('bills', 1);
  const client = new KafkaClient({ brokers: cluster.brokers, retry: { backoffMs: 5, maxBackoffMs: 20 } });
  t.after(() => client.close({ timeoutMs: 1000 }).catch(() => {}));
  const producer = new KeyedProducer(client, { transactionalId: 'billing' });
  const bills = async (): Promise<string[]> => {
    const reader = new SimpleConsumer(client, { topic: 'bills' });
    const count = (await client.offsets.latest('bills', 0)) === 0 ? 0 : await reader.pending();
    const read = count === 0 ? [] : await reader.getMessages(count, { block: false });
    await reader.close();
    return read.map(({ value }) => `${value}`);
  };
  return { producer, bills };
}

/** Another member comes, until the first is to give up partitions. */
async function joined(first: KafkaConsumer, second: KafkaConsumer): Promise<Promise<unknown>> {
  const reading = second.getMessages(1000, { timeoutMs: null }).catch(() => {});
  await until(() => first.assignment().length > 0);
  return reading;
}

for (const [name, options] of kinds) {
  test(`${name}: a partition that was read in a context waits for its end, and reading inside gives what is there at once`, async t => {
    const { cluster, member } = await groupSetting(t);
    const [first, second] = [member({ ...options, autoCommit: false }), member({ ...options, autoCommit: false })];
    const revoked = every(first, 'revoked');
    const gone = nextEvent(first, 'revoked');
    await withOffsets(first, async context => {
      const messages = await first.getMessages(100, { timeoutMs: null });
      void joined(first, second);
      assert.deepEqual(await first.getMessages(10, { timeoutMs: null }), [], 'it would wait for ever');
      for await (const _ of first) assert.fail('there is nothing, and nobody waits for it');
      assert.deepEqual(revoked, [], 'the context holds them');
      context.mark(messages);
    });
    await gone;
    await until(() => first.assignment().length === 2 && second.assignment().length === 2);
    assert.deepEqual(stored(cluster, 'billing'), { 0: 25, 1: 25, 2: 25, 3: 25 });
  });

  test(`${name}: a context that holds on for too long can only be rolled back; what is still owned goes back`, async t => {
    const { cluster, member } = await groupSetting(t);
    const first = member({ ...options, autoCommit: false, revokeDrainMs: 0 });
    const second = member({ ...options, autoCommit: false });
    const gone = nextEvent(first, 'revoked');
    const context = OffsetCommitContext.begin(first);
    context.mark(await first.getMessages(100, { timeoutMs: null }));
    void joined(first, second);
    const taken = placesOf((await gone).partitions);
    await assert.rejects(first.getMessages(10, { timeoutMs: null }), { code: 'TIDE_PARTITION_LOST' });
    await assert.rejects(context.commit(), { code: 'TIDE_PARTITION_LOST', persistence: 'no' });
    assert.deepEqual(stored(cluster, 'billing'), {});
    await until(() => first.assignment().length === 2);
    const again = new Set<string>();
    for await (const { partition, offset } of first) if (again.add(`${partition}:${offset}`).size === 50) break;
    assert.equal([...again].filter(place => name !== 'eager members' && taken.includes(Number(place.split(':')[0]))).length, 0);
  });

  test(`${name}: a transaction of a member that the group has gone on without, and that does not know, is refused, and its messages come again`, async t => {
    const { cluster, member } = await groupSetting(t);
    const { producer, bills } = await billing(t, cluster);
    const consumer = member({ ...options, autoCommit: false, heartbeatMs: 5000 });
    const lost = nextEvent(consumer, 'lost');
    const bill = (also: () => unknown) =>
      withOffsets(
        consumer,
        async context => {
          const messages = await consumer.getMessages(5, { timeoutMs: null });
          await producer.sendMany(messages.map(({ partition, offset }) => ({ topic: 'bills', key: 'k', value: `${partition}:${offset}` })));
          context.mark(messages);
          await also();
        },
        { producer },
      );
    await assert.rejects(
      bill(() => throwOut(cluster)),
      { code: 'TIDE_PARTITION_LOST', persistence: 'no' },
    );
    await lost;
    assert.deepEqual(stored(cluster, 'billing'), {});
    assert.deepEqual(await bills(), []);
    await bill(() => {});
    assert.equal((await bills()).length, 5);
    assert.equal(
      Object.values(stored(cluster, 'billing')).reduce((sum, each) => sum + each, 0),
      5,
    );
  });
}

test('when a partition is lost, a read inside that waits fails, and so does a loop', async t => {
  const { cluster, member } = await groupSetting(t);
  const consumer = member({ autoCommit: false });
  const inLoop = async () => {
    for await (const _ of consumer);
  };
  for (const read of [() => consumer.getMessages(1000, { timeoutMs: null }), inLoop]) {
    const context = OffsetCommitContext.begin(consumer);
    await consumer.getMessages(1, { timeoutMs: null });
    const reading = assert.rejects(read(), { code: 'TIDE_PARTITION_LOST' });
    await until(() => consumer.offsets().every(({ position }) => position === 25));
    throwOut(cluster);
    await reading;
    await context.rollback();
    assert.equal((await consumer.getMessages(100, { timeoutMs: null }))[0]?.offset, 0);
    consumer.rewind();
  }
});

test('the transaction of a context is aborted when a partition of it is lost', async t => {
  const { cluster, member } = await groupSetting(t);
  const { producer, bills } = await billing(t, cluster);
  const consumer = member({ autoCommit: false });
  const context = await OffsetCommitContext.begin(consumer, { producer });
  const messages = await consumer.getMessages(5, { timeoutMs: null });
  await producer.send({ topic: 'bills', key: 'k', value: 'never' });
  context.mark(messages);
  const lost = nextEvent(consumer, 'lost');
  throwOut(cluster);
  await lost;
  assert.throws(() => context.mark(messages), { code: 'TIDE_PARTITION_LOST' });
  await assert.rejects(context.commit(), { code: 'TIDE_PARTITION_LOST', persistence: 'no' });
  assert.equal(producer.inTransaction, false);
  assert.deepEqual(await bills(), []);
});

test("the transaction is the context's: beginning, committing and aborting by hand are refused until it ends", async t => {
  const { cluster, member } = await groupSetting(t);
  const { producer, bills } = await billing(t, cluster);
  const [consumer, other] = [member({ autoCommit: false }), member({ autoCommit: false, groupId: 'other' })];
  const context = await OffsetCommitContext.begin(consumer, { producer });
  const messages = await consumer.getMessages(5, { timeoutMs: null });
  await producer.send({ topic: 'bills', key: 'k', value: 'tea' });
  const refused = { code: 'TIDE_STATE', message: /a commit context has the transaction/ };
  for (const call of [producer.commit(), producer.abort(), producer.begin(), OffsetCommitContext.begin(other, { producer })])
    await assert.rejects(call, refused);
  context.mark(messages);
  assert.equal(await context.commit(), true);
  assert.deepEqual(await bills(), ['tea']);
  await producer.begin();
  await producer.abort();
  await assert.rejects(OffsetCommitContext.begin({}, { producer }), { code: 'TIDE_INPUT' });
  await withOffsets(consumer, async () => {}, { producer }); // it is free, however the one before ended
  await producer.begin();
  await producer.commit();
});
