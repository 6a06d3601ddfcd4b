import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { KafkaClient } from '../../src/client/client.js';
import { KafkaConsumer, type KafkaConsumerOptions, SimpleConsumer } from '../../src/consumer/index.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import {
  ConsumerGroupHeartbeat,
  Fetch,
  FindCoordinator,
  JoinGroup,
  ListOffsets,
  Metadata,
  OffsetCommit,
  OffsetFetch,
} from '../../src/protocol/index.js';
import { protocolOptions } from '../group/protocol-options.js';
import { rejection } from '../support/rejection.js';
import { elsewhere, fill, until } from './setting.js';

const forEver = { timeoutMs: null } as const;

async function setting(t: TestContext) {
  const cluster = await EmbeddedCluster.start({ topics: { orders: 2, secret: 1 } });
  for (const partition of [0, 1]) fill(cluster, 10, { partition });
  t.after(() => cluster.close());
  const clientOf = () => {
    const client = new KafkaClient({ brokers: cluster.brokers, retry: { backoffMs: 5, maxBackoffMs: 20 } });
    t.after(() => client.close({ timeoutMs: 1000 }).catch(() => {}));
    return client;
  };
  const member = (options: KafkaConsumerOptions = {}) =>
    new KafkaConsumer(clientOf(), protocolOptions({ topics: 'orders', groupId: 'billing', heartbeatMs: 20, ...options }));
  return { cluster, clientOf, member };
}

/** What every kind of consumer asks, one by one. */
const apis = [Metadata, FindCoordinator, JoinGroup, ConsumerGroupHeartbeat, OffsetFetch, ListOffsets, Fetch, OffsetCommit];
const asked = (cluster: EmbeddedCluster) => apis.map(api => cluster.requests(api).length);

test('options that cannot be are refused at construction, with what was given and what would do', async t => {
  const { cluster, clientOf } = await setting(t);
  const cases: readonly (readonly [KafkaConsumerOptions, string, RegExp])[] = [
    [{ groupId: '' }, 'TIDE_OPTION', /"groupId" must be a string that is not empty, got ""/],
    [{ groupInstanceId: '' }, 'TIDE_OPTION', /"groupInstanceId" must be a string that is not empty/],
    [{ groupId: undefined, autoCommit: true }, 'TIDE_OPTION', /autoCommit needs a groupId to store offsets for/],
    [{ groupId: undefined, groupInstanceId: 'one' }, 'TIDE_OPTION', /groupInstanceId needs a groupId/],
    [{ topics: [/^orders/, ['orders', 0]] }, 'TIDE_INPUT', /topics: a pattern stands alone; got 2 entries/],
    [{ topics: ['orders', ['orders', 0]] }, 'TIDE_INPUT', /topics: orders\/0 is named twice/],
    [{ topics: ['with space'] }, 'TIDE_INPUT', /"with space" is not a topic name/],
    [{ topics: { re2: 'ord.*' } }, 'TIDE_OPTION', /needs a groupId and groupProtocol "consumer" or "auto"/],
    [{ assignors: [] }, 'TIDE_OPTION', /"assignors" must be a list of /],
    [{ assignors: 'range' as never }, 'TIDE_OPTION', /"assignors" must be a list of range, roundrobin, sticky, cooperative-sticky/],
    [{ assignors: ['range', 'round-robin'] }, 'TIDE_OPTION', /assignors\[1\]: expected one of range, .*, got "round-robin"/],
    [{ assignors: ['range', 'range'] }, 'TIDE_OPTION', /assignors\[1\]: range is there twice/],
    [{ autoCommit: 5000 as never }, 'TIDE_OPTION', /"autoCommit" must be true, false, or \{ everyN, everyMs \}, got 5000/],
    [{ groupId: undefined, groupProtocol: 'consumer' }, 'TIDE_OPTION', /groupProtocol needs a groupId/],
    [{ groupId: undefined, onRevoke: () => {} }, 'TIDE_OPTION', /onRevoke needs a groupId/],
    [
      { topics: { re2: /orders/ } as never },
      'TIDE_INPUT',
      /topics\[0\]: expected \{ re2 \} with the pattern as a string, got an object \(RegExp\)/,
    ],
    [{ enableAutoCommit: true } as never, 'TIDE_OPTION', /unknown option "enableAutoCommit"; did you mean "autoCommit"\?/],
    [{ 'heartbeat.interval.ms': 5 } as never, 'TIDE_OPTION', /unknown option "heartbeat.interval.ms"; did you mean "heartbeatMs"\?/],
    [{ sessionTimeoutMs: 0 }, 'TIDE_OPTION', /"sessionTimeoutMs" must be an integer from 1/],
    [{ sessionTimeoutMs: 3000, heartbeatMs: 3000 }, 'TIDE_OPTION', /heartbeatMs \(3000\) must be less than sessionTimeoutMs \(3000\)/],
    [
      { groupProtocol: 'consumer', assignors: ['range'] },
      'TIDE_OPTION',
      /no assignors with groupProtocol "consumer": the brokers divide the partitions/,
    ],
    [
      { groupProtocol: 'consumer', sessionTimeoutMs: 45_000 },
      'TIDE_OPTION',
      /no sessionTimeoutMs with groupProtocol "consumer": group\.consumer\.session\.timeout\.ms of the brokers counts/,
    ],
    [
      { groupProtocol: 'consumer', heartbeatMs: 100 },
      'TIDE_OPTION',
      /no heartbeatMs with groupProtocol "consumer": .*heartbeat\.interval\.ms/,
    ],
    [{ groupProtocol: 'new' as never }, 'TIDE_OPTION', /"groupProtocol" must be one of "classic", "consumer", "auto", got "new"/],
    [{ autoOffsetReset: 'newest' as never }, 'TIDE_OPTION', /"autoOffsetReset" must be /],
  ];
  for (const [options, code, message] of cases)
    assert.throws(
      () => new KafkaConsumer(clientOf(), { topics: 'orders', groupId: 'billing', ...options }),
      { code, message },
      `${message}`,
    );
  assert.deepEqual(
    asked(cluster),
    apis.map(() => 0),
  );
});

test('setTopicPartitions refuses what it cannot read, and goes on with what it read', async t => {
  const { member } = await setting(t);
  const consumer = member();
  await consumer.getMessages(1, forEver);
  await assert.rejects(consumer.setTopicPartitions(/^orders/, ['orders', 0]), { code: 'TIDE_INPUT', message: /a pattern stands alone/ });
  await assert.rejects(consumer.setTopicPartitions(['orders', -1]), { code: 'TIDE_INPUT' });
  await assert.rejects(consumer.setTopicPartitions([{ topic: 'orders', partition: 0 }] as never), {
    code: 'TIDE_INPUT',
    message: /\[0\]: expected \[topic, partition\].*, got an array of 1; give each entry of a list by itself/,
  });
  await assert.rejects(consumer.setTopicPartitions({}), { code: 'TIDE_INPUT', message: /expected 'topic', \[topic, partition\]/ });
  assert.equal((await consumer.getMessages(19, forEver)).length, 19);
});

test('a topic that does not exist is waited for, and told as an error that passes', async t => {
  const { clientOf } = await setting(t);
  for (const groupProtocol of ['classic', 'consumer'] as const) {
    const topic = `later-${groupProtocol}`;
    const client = clientOf();
    const consumer = new KafkaConsumer(client, { topics: ['orders', topic], groupId: groupProtocol, groupProtocol, autoCommit: false });
    await consumer.getMessages(1, forEver);
    const told = client.nonFatalErrors().filter(({ error }) => error.code === 'UNKNOWN_TOPIC_OR_PARTITION');
    assert.deepEqual(
      told.map(({ error }) => error.context),
      [{ topic }],
    );
    assert.match(told[0]?.error.message ?? '', /^topic later-.* there is no such topic yet; it is read from when it is created/);
  }
});

test('what another member reads cannot be moved, paused or committed', async t => {
  const { cluster, member } = await setting(t);
  const [one, other] = [member({ autoCommit: false }), member({ autoCommit: false })];
  const reading = [one, other].map(consumer => consumer.getMessages(1, forEver));
  await until(() => cluster.members('billing').length === 2);
  while (one.assignment().length !== 1 || other.assignment().length !== 1) {
    await Promise.all(reading);
    for (const consumer of [one, other]) await consumer.getMessages(1, { block: false });
  }
  await one.seekToBeginning();
  const messages = await one.getMessages(1, forEver);
  const [place] = one.assignment();
  const sent = cluster.requests(OffsetCommit).length;
  assert.ok(place);
  const name = `${place.topic}/${place.partition}`;
  const notOwned = {
    code: 'TIDE_NOT_OWNED',
    message: new RegExp(`${name} is not read by this consumer; it reads orders/${1 - place.partition}`),
  };
  await assert.rejects(other.seek(0, undefined, place), notOwned);
  await assert.rejects(other.seekToEnd([place]), notOwned);
  assert.throws(() => other.pause([place]), notOwned);
  assert.throws(() => other.mark(place, 0), notOwned);
  const foreign = { code: 'TIDE_NOT_OWNED', message: /this consumer did not hand that message out/ };
  await assert.rejects(other.commit(messages), foreign);
  assert.throws(() => other.taskDone(messages[0] ?? assert.fail()), foreign);
  assert.equal(cluster.requests(OffsetCommit).length, sent);
});

test('what a call does not know is refused in its own name', async t => {
  const { member } = await setting(t);
  const consumer = member();
  for (const [what, call] of [
    ['nextMessage()', (options: object) => consumer.nextMessage(options)],
    ['fetchMessages()', (options: object) => consumer.fetchMessages(1, options)],
    ['getMessages()', (options: object) => consumer.getMessages(1, options)],
  ] as const) {
    const error = await rejection(call({ sginal: undefined }));
    assert.deepEqual([error.code, error.message.startsWith(`${what}: `)], ['TIDE_OPTION', true], error.message);
  }
});

test('assignors that have none in common: both sides are named', async t => {
  const { member } = await setting(t);
  await member({ assignors: ['range', 'roundrobin'] }).getMessages(1, forEver);
  const error = await rejection(member({ assignors: ['sticky'] }).getMessages(1, forEver));
  assert.equal(error.code, 'INCONSISTENT_GROUP_PROTOCOL');
  assert.match(error.message, /its members divide the partitions by range, this one knows sticky only/);
});

test('who may not use a group is told once for each read, and asks once for each', async t => {
  for (const [groupProtocol, api] of [
    ['classic', JoinGroup],
    ['consumer', ConsumerGroupHeartbeat],
    ['auto', ConsumerGroupHeartbeat],
  ] as const) {
    const { cluster, member } = await setting(t);
    cluster.on(api).failTimes(100, 'GROUP_AUTHORIZATION_FAILED');
    const consumer = member({ groupProtocol });
    for (const times of [1, 2]) {
      const error = await rejection(consumer.getMessages(1, forEver));
      assert.equal(error.code, 'GROUP_AUTHORIZATION_FAILED');
      assert.match(error.message, /group "billing": GROUP_AUTHORIZATION_FAILED \(30\)/);
      const before = asked(cluster)[apis.indexOf(api)];
      await elsewhere(cluster);
      assert.equal(cluster.requests(api).length, before, 'nothing is asked while nobody reads');
      assert.equal(before, times, groupProtocol);
    }
    assert.equal(cluster.requests(OffsetCommit).length, 0);
  }
});

test('who may not read a topic is told, by its name, also in a group; and asks once for each read', async t => {
  const { cluster, clientOf, member } = await setting(t);
  cluster.on(Metadata, { topic: 'secret' }).failTimes(1000, 'TOPIC_AUTHORIZATION_FAILED');
  const topics = ['orders', 'secret'];
  const kinds: Readonly<Record<string, () => SimpleConsumer | KafkaConsumer>> = {
    simple: () => new SimpleConsumer(clientOf(), { topic: 'secret' }),
    'without a group': () => new KafkaConsumer(clientOf(), { topics }),
    classic: () => member({ topics }),
    consumer: () => member({ topics, groupProtocol: 'consumer' }),
    auto: () => member({ topics, groupProtocol: 'auto' }),
  };
  for (const [kind, make] of Object.entries(kinds)) {
    const consumer = make();
    for (let i = 0; i < 2; i++) {
      const before = asked(cluster);
      const error = await rejection(consumer.getMessages(1, forEver));
      assert.deepEqual([error.code, error.context['topic']], ['TOPIC_AUTHORIZATION_FAILED', 'secret'], kind);
      assert.match(error.message, /^topic secret: TOPIC_AUTHORIZATION_FAILED \(29\), not allowed/);
      const count = asked(cluster).map((now, at) => now - (before[at] ?? 0));
      assert.ok((count[0] ?? 0) <= 1 && count.slice(1).every(each => each === 0), `${kind}: ${count}`);
    }
    await consumer.close();
  }
});

test('a member that asks for a topic it may not read is told by the next read; without that topic it reads on', async t => {
  for (const groupProtocol of ['classic', 'consumer'] as const) {
    const { cluster, member } = await setting(t);
    cluster.on(Metadata, { topic: 'secret' }).failTimes(1000, 'TOPIC_AUTHORIZATION_FAILED');
    const consumer = member({ groupProtocol, autoCommit: false });
    await consumer.commit(await consumer.getMessages(5, forEver));
    await consumer.setTopicPartitions('orders', 'secret');
    const seen: (string | undefined)[] = [];
    while (seen.at(-1) === undefined)
      seen.push(
        await consumer.getMessages(1, forEver).then(
          () => undefined,
          error => error.code,
        ),
      );
    assert.equal(seen.at(-1), 'TOPIC_AUTHORIZATION_FAILED');
    await consumer.setTopicPartitions('orders');
    assert.equal((await consumer.getMessages(1, forEver)).length, 1);
    await consumer.close();
  }
});
