import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deferred } from '../../src/base/wait.js';
import { KafkaClient } from '../../src/client/client.js';
import { KafkaConsumer } from '../../src/consumer/kafka-consumer.js';
import { every, groupSetting, nextEvent, throwOut } from './group-setting.js';
import { stored, until } from './setting.js';

/** What a promise rejects with, whatever that is. */
const rejected = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => assert.fail('it must fail'),
    (error: unknown) => error,
  );

const boom = new Error('boom');
const fails = async (): Promise<void> => {
  throw boom;
};

test('a callback that throws is told by an event and to the next read, once; what it was called for has happened', async t => {
  const { cluster, member } = await groupSetting(t);
  const consumer = member({ onAssign: fails, onLost: fails });
  const failures = every(consumer, 'callbackFailed');
  assert.equal(await rejected(consumer.getMessages(1, { timeoutMs: null })), boom);
  assert.equal((await consumer.getMessages(100, { timeoutMs: null })).length, 100);
  assert.deepEqual(
    failures.map(({ callback, partitions, error }) => [callback, partitions.length, error]),
    [['onAssign', 4, boom]],
  );
  const lost = nextEvent(consumer, 'lost');
  throwOut(cluster);
  await lost;
  const loop = async () => {
    for await (const _ of consumer) assert.fail('it is told first');
  };
  assert.equal(await rejected(loop()), boom);
  assert.deepEqual(
    failures.slice(1).map(({ callback }) => callback),
    ['onLost', 'onAssign'].slice(0, failures.length - 1),
  );
});

test('an onRevoke that throws does not keep the partitions from going', async t => {
  const { member } = await groupSetting(t);
  const [first, second] = [member({ onRevoke: fails }), member()];
  await first.getMessages(1, { timeoutMs: null });
  const readOn = async (): Promise<never> => {
    for (;;) await first.getMessages(1000, { timeoutMs: null });
  };
  const told = rejected(readOn());
  const others = second.getMessages(1, { block: false });
  assert.equal(await told, boom);
  await others;
  await until(() => second.assignment().length === 2);
  assert.equal(first.assignment().length, 2);
  assert.equal(await rejected(first.close()), boom, 'there it is called again');
});

test('close rejects with what onRevoke threw; everything is closed, and committed', async t => {
  const { cluster, member } = await groupSetting(t);
  const consumer = member({ onRevoke: fails });
  const messages = await consumer.getMessages(10, { timeoutMs: null });
  consumer.mark(messages);
  assert.equal(await rejected(consumer.close()), boom);
  assert.equal(cluster.members('billing').length, 0);
  const done = Object.values(stored(cluster, 'billing')).reduce((sum, each) => sum + each, 0);
  assert.equal(done, 10);
  assert.throws(() => consumer.mark(messages), { code: 'TIDE_CLOSED' });
});

test('inside a callback what would wait for itself is refused at once; seek and commit are not', async t => {
  const { cluster, member } = await groupSetting(t);
  const told: unknown[] = [];
  const consumer: KafkaConsumer = member({
    autoCommit: false,
    onAssign: async ([place = assert.fail()]) => {
      const loop = async () => {
        for await (const _ of consumer) assert.fail('not here');
      };
      for (const call of [consumer.getMessages(1), loop(), consumer.nextMessage(), consumer.seekToEnd(), consumer.pending()])
        told.push(await rejected(call).then((error: unknown) => (error as { code: string }).code));
      await consumer.seek(7, undefined, place);
      assert.equal(await consumer.commit(), false, 'it has not begun');
    },
  });
  const [first] = await consumer.getMessages(1, { timeoutMs: null });
  assert.deepEqual(told, ['TIDE_STATE', 'TIDE_STATE', 'TIDE_STATE', 'TIDE_STATE', 'TIDE_STATE']);
  await consumer.commit();
  assert.equal(stored(cluster, 'billing')[0], 7);
  assert.ok(first);
});

test('close that is awaited inside a callback is refused at once, says what to do, and comes when that has ended', async t => {
  const { cluster, member } = await groupSetting(t);
  const consumer: KafkaConsumer = member({ onAssign: () => consumer.close() });
  const failed = nextEvent(consumer, 'callbackFailed');
  await assert.rejects(consumer.getMessages(1, { timeoutMs: null }), { code: /TIDE_STATE|TIDE_CLOSED/ });
  const { error } = await failed;
  assert.match(error.message, /close\(\): awaited inside onAssign it would wait for itself.*do not await it there/);
  await consumer.close();
  assert.equal(cluster.members('billing').length, 0);
});

test('close that is begun inside a callback, and not awaited there, closes', async t => {
  const { cluster, member } = await groupSetting(t);
  const consumer: KafkaConsumer = member({ onLost: () => void consumer.close() });
  const failures = every(consumer, 'callbackFailed');
  await consumer.getMessages(1, { timeoutMs: null });
  throwOut(cluster);
  await assert.rejects(consumer.getMessages(1000, { timeoutMs: null }), { code: 'TIDE_CLOSED' });
  await consumer.close();
  assert.equal(cluster.members('billing').length, 0);
  assert.deepEqual(failures, []);
});

test('a client that is closed from inside a callback closes its consumers in order: they commit and leave', async t => {
  const { cluster } = await groupSetting(t);
  const client = new KafkaClient({ brokers: cluster.brokers });
  let closed: Promise<void> | undefined;
  const onAssign = () => {
    closed = client.close(); // not awaited here
  };
  const consumer = new KafkaConsumer(client, { topics: 'orders', groupId: 'billing', heartbeatMs: 20, onAssign });
  await assert.rejects(consumer.getMessages(1000, { timeoutMs: null }), { code: 'TIDE_CLOSED' });
  await closed;
  assert.equal(cluster.members('billing').length, 0);
});

test('callbacks never overlap: close beside one waits for it', async t => {
  const { member } = await groupSetting(t);
  const said: string[] = [];
  const assigning = deferred();
  const go = deferred();
  const consumer: KafkaConsumer = member({
    onAssign: async () => {
      said.push('assign');
      assigning.resolve();
      await go.promise;
      said.push('assigned');
    },
    onRevoke: async () => void said.push('revoke'),
  });
  const read = assert.rejects(consumer.getMessages(1, { timeoutMs: null }), { code: 'TIDE_CLOSED' });
  await assigning.promise;
  const closed = consumer.close();
  await read;
  assert.deepEqual(said, ['assign']);
  go.resolve();
  await closed;
  assert.deepEqual(said, ['assign', 'assigned', 'revoke']);
});

test('a callback that never ends does not keep close for longer than its time, and the group is left', async t => {
  const { cluster, member } = await groupSetting(t);
  const assigning = deferred();
  const consumer: KafkaConsumer = member({
    onAssign: () => {
      assigning.resolve();
      return new Promise(() => {});
    },
  });
  const read = assert.rejects(consumer.getMessages(1, { timeoutMs: null }), { code: 'TIDE_CLOSED' });
  await assigning.promise;
  await assert.rejects(consumer.close({ timeoutMs: 100 }), { code: 'TIDE_TIMEOUT', message: /a callback of the group/ });
  await read;
  assert.equal(cluster.members('billing').length, 0);
});

test('nor does it where setTopicPartitions gives up what was read before', async t => {
  const { cluster } = await groupSetting(t);
  const client = new KafkaClient({ brokers: cluster.brokers, requestTimeoutMs: 2 ** 31 - 1 });
  t.after(() => client.close({ timeoutMs: 1000 }).catch(() => {}));
  const revoking = deferred();
  const onRevoke = (): Promise<void> => {
    revoking.resolve();
    return new Promise(() => {});
  };
  const consumer = new KafkaConsumer(client, { topics: 'orders', groupId: 'billing', heartbeatMs: 20, onRevoke });
  await consumer.getMessages(1, { timeoutMs: null });
  consumer.rewind();
  await consumer.setTopicPartitions({ orders: 2 });
  const read = assert.rejects(consumer.getMessages(1, { timeoutMs: null }), { code: 'TIDE_CLOSED' });
  await revoking.promise;
  await assert.rejects(consumer.close({ timeoutMs: 100 }), { code: 'TIDE_TIMEOUT', message: /a callback of the group/ });
  await read;
  assert.equal(cluster.members('billing').length, 0);
});

test('setTopicPartitions gives up what was read before: onRevoke is called, and the event tells', async t => {
  const { cluster, member } = await groupSetting(t);
  const called: number[] = [];
  const consumer: KafkaConsumer = member({ onRevoke: partitions => void called.push(partitions.length) });
  const revoked = every(consumer, 'revoked');
  await consumer.getMessages(1, { timeoutMs: null });
  await consumer.getMessages(1, { timeoutMs: null });
  consumer.rewind();
  await consumer.setTopicPartitions({ orders: 2 });
  const message = await consumer.nextMessage();
  assert.equal(message.partition, 2);
  assert.deepEqual(called, [4]);
  assert.deepEqual(
    revoked.map(({ partitions }) => partitions.length),
    [4],
  );
  await until(() => cluster.members('billing').length === 0);
});
