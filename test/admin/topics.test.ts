import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Admin, type CreatedTopic, type NewTopic, type TopicResult } from '../../src/admin/index.js';
import { KafkaError } from '../../src/base/errors.js';
import { ZERO_UUID } from '../../src/bytes/reader.js';
import { KafkaClient } from '../../src/client/client.js';
import type { TopicInfo } from '../../src/cluster/metadata.js';
import { KeyedProducer } from '../../src/producer/index.js';
import { ApiVersions, CreateTopics, DeleteTopics, Metadata } from '../../src/protocol/index.js';
import { rejection } from '../client/setting.js';
import { adminSetting, partly } from './setting.js';

for (let version = CreateTopics.versions[0]; version <= CreateTopics.versions[1]; version++) {
  test(`CreateTopics v${version}: topics are created as asked for`, async t => {
    const { cluster, admin } = await adminSetting(t, { defaultPartitions: 5, client: { apiVersions: { CreateTopics: version } } });
    const created = await admin.createTopics([
      { name: 'new', partitions: 4, replicationFactor: 2, configs: { 'max.message.bytes': 1000, 'cleanup.policy': 'compact' } },
      { name: 'plain' },
      {
        name: 'placed',
        assignments: [
          [3, 1],
          [2, 3],
        ],
      },
    ]);
    assert.deepEqual([...cluster.topics].slice(1), [
      ['new', 4],
      ['plain', version >= 4 ? 5 : 1],
      ['placed', 2],
    ]);
    assert.deepEqual([cluster.leaderOf('placed', 0), cluster.leaderOf('placed', 1)], [3, 2]);
    const [first, , placed] = created;
    assert.deepEqual([first?.name, first?.error, placed?.name], ['new', undefined, 'placed']);
    assert.deepEqual([first?.partitions, first?.replicationFactor], version >= 5 ? [4, 2] : [-1, -1]);
    assert.equal(first?.id === ZERO_UUID, version < 7);
    assert.equal(cluster.requests(CreateTopics)[0]?.version, version);
  });
}

for (let version = DeleteTopics.versions[0]; version <= DeleteTopics.versions[1]; version++) {
  test(`DeleteTopics v${version}: topics are deleted, one that does not exist is told`, async t => {
    const { cluster, admin } = await adminSetting(t, {
      topics: { orders: 1, audit: 1 },
      client: { apiVersions: { DeleteTopics: version } },
    });
    assert.deepEqual(await admin.deleteTopics('orders'), [{ name: 'orders', error: undefined }]);
    const { error, results } = await partly<TopicResult>(admin.deleteTopics(['nowhere', 'audit']));
    assert.deepEqual(
      results.map(({ name, error: reason }) => [name, reason?.code]),
      [
        ['nowhere', 'UNKNOWN_TOPIC_OR_PARTITION'],
        ['audit', undefined],
      ],
    );
    assert.equal(error.code, 'UNKNOWN_TOPIC_OR_PARTITION');
    assert.equal(error.retriable, false);
    assert.equal(cluster.topics.size, 0);
    assert.deepEqual(
      cluster.requests(DeleteTopics).map(request => request.version),
      [version, version],
      'once for each call',
    );
  });
}

test('each topic has its own result: exists, bad factor, bad config, and one that is created', async t => {
  const { cluster, admin } = await adminSetting(t);
  const { error, results } = await partly<CreatedTopic>(
    admin.createTopics([
      { name: 'good', partitions: 2 },
      { name: 'orders' },
      { name: 'wide', replicationFactor: 9 },
      { name: 'odd', configs: { 'max.message.bytes': 'many' } },
      { name: 'lost', assignments: [[7]] },
    ]),
  );
  assert.deepEqual(
    results.map(({ name, error: reason }) => [name, reason?.code]),
    [
      ['good', undefined],
      ['orders', 'TOPIC_ALREADY_EXISTS'],
      ['wide', 'INVALID_REPLICATION_FACTOR'],
      ['odd', 'INVALID_CONFIG'],
      ['lost', 'INVALID_REPLICA_ASSIGNMENT'],
    ],
  );
  assert.equal(results[0]?.partitions, 2);
  assert.deepEqual([error.code, error.errno, error.retriable], ['TOPIC_ALREADY_EXISTS', 36, false]);
  assert.match(error.message, /^createTopics orders: TOPIC_ALREADY_EXISTS \(36\), Topic 'orders' already exists\. \(and 3 more\)$/);
  assert.deepEqual([...cluster.topics.keys()], ['orders', 'good']);
});

test('what Kafka cannot take is refused before anything is sent', async t => {
  const { cluster, admin } = await adminSetting(t);
  const bad: readonly unknown[] = [
    [],
    7,
    [null],
    null,
    {},
    { name: 'a', partition: 3 },
    { name: '' },
    { name: 'not a topic' },
    { name: '..' },
    { name: 'a'.repeat(250) },
    [{ name: 'a' }, { name: 'a' }],
    { name: 'a', partitions: 0 },
    { name: 'a', partitions: 1.5 },
    { name: 'a', replicationFactor: 0 },
    { name: 'a', replicationFactor: 2 ** 15 },
    { name: 'a', configs: { x: null } },
    { name: 'a', assignments: [] },
    { name: 'a', assignments: [[]] },
    { name: 'a', assignments: [[1, 1]] },
    { name: 'a', assignments: [[-1]] },
    { name: 'a', assignments: [[1]], partitions: 1 },
  ];
  for (const topics of bad)
    await assert.rejects(admin.createTopics(topics as NewTopic), { code: 'TIDE_INPUT', message: /^createTopics/ }, JSON.stringify(topics));
  for (const names of ['', 'a b', [], ['a', 'a'], [7], 7, null] as never[]) {
    await assert.rejects(admin.deleteTopics(names), { code: 'TIDE_INPUT', message: /^deleteTopics/ }, JSON.stringify(names));
    await assert.rejects(admin.describeTopics(names), { code: 'TIDE_INPUT', message: /^describeTopics/ }, JSON.stringify(names));
  }
  await assert.rejects(admin.createTopics({ name: 'a' }, { validate: true } as never), {
    code: 'TIDE_OPTION',
    message: /did you mean "validateOnly"/,
  });
  await assert.rejects(admin.listTopics({ timeoutMs: 0 }), { code: 'TIDE_OPTION' });
  assert.deepEqual(cluster.requests(), []);
});

test('validateOnly creates nothing, and says what would not do', async t => {
  const { cluster, admin } = await adminSetting(t);
  const [created] = await admin.createTopics({ name: 'new', partitions: 2 }, { validateOnly: true });
  assert.deepEqual([created?.name, created?.error, created?.partitions], ['new', undefined, 2]);
  const { results } = await partly<CreatedTopic>(admin.createTopics([{ name: 'new' }, { name: 'orders' }], { validateOnly: true }));
  assert.deepEqual(
    results.map(({ error }) => error?.code),
    [undefined, 'TOPIC_ALREADY_EXISTS'],
  );
  assert.deepEqual([...cluster.topics.keys()], ['orders']);
});

test('createTopics resolves when every partition has a leader', async t => {
  const { cluster, client, admin } = await adminSetting(t);
  cluster.on(Metadata, { topic: 'new', partition: 1 }).failTimes(2, 'LEADER_NOT_AVAILABLE');
  const leaderless = async (_: unknown, next: () => unknown) => {
    const answer = (await next()) as { topics: { partitions: object[] }[] };
    return {
      ...answer,
      topics: answer.topics.map(topic => ({ ...topic, partitions: topic.partitions.map(each => ({ ...each, leaderId: -1 })) })),
    };
  };
  await client.connect();
  cluster.on(Metadata).answer(leaderless as never, 2);
  const before = cluster.requests(Metadata).length;
  await admin.createTopics({ name: 'new', partitions: 3 });
  assert.equal(cluster.requests(Metadata).length - before, 3);
  assert.deepEqual(
    (await new KeyedProducer(client).sendMessages('new', 'k', 'a')).map(({ offset }) => offset),
    [0],
  );
});

test('created, but no leader in time: TIDE_TIMEOUT for that topic, which may be there', async t => {
  const { cluster, client, admin } = await adminSetting(t);
  await client.connect();
  cluster.on(Metadata, { topic: 'slow' }).failTimes(1000, 'LEADER_NOT_AVAILABLE');
  const { error, results } = await partly<CreatedTopic>(admin.createTopics([{ name: 'fast' }, { name: 'slow' }], { timeoutMs: 200 }));
  assert.deepEqual(
    results.map(({ error: reason }) => reason?.code),
    [undefined, 'TIDE_TIMEOUT'],
  );
  assert.equal(error.persistence, 'maybe');
  assert.match(error.message, /createTopics slow: created, but not every partition had a leader after 200 ms/);
});

test('an answer that was lost: the topic counts as created, or deleted, by that attempt', async t => {
  const { cluster, admin } = await adminSetting(t);
  cluster.on(CreateTopics).dropAnswer();
  const created = await admin.createTopics([{ name: 'one' }, { name: 'two' }]);
  assert.deepEqual(
    created.map(({ name, error }) => [name, error]),
    [
      ['one', undefined],
      ['two', undefined],
    ],
  );
  assert.equal(cluster.requests(CreateTopics).length, 2);
  cluster.on(DeleteTopics).dropAnswer();
  assert.deepEqual(await admin.deleteTopics('one'), [{ name: 'one', error: undefined }]);
  assert.equal(cluster.requests(DeleteTopics).length, 2);
  const { results } = await partly<CreatedTopic>(admin.createTopics([{ name: 'two' }]));
  assert.equal(results[0]?.error?.code, 'TOPIC_ALREADY_EXISTS', 'which was there before');
});

test('only what failed for a passing reason is asked for again', async t => {
  const { cluster, admin } = await adminSetting(t);
  cluster.on(CreateTopics, { topic: 'two' }).failTimes(2, 'REQUEST_TIMED_OUT');
  cluster.on(CreateTopics, { topic: 'three' }).failOnce('POLICY_VIOLATION');
  const { results } = await partly<CreatedTopic>(admin.createTopics(['one', 'two', 'three'].map(name => ({ name }))));
  assert.deepEqual(
    results.map(({ error }) => error?.code),
    [undefined, undefined, 'POLICY_VIOLATION'],
  );
  assert.deepEqual(
    cluster.requests(CreateTopics).map(({ body }) => body.topics.map(({ name }) => name)),
    [['one', 'two', 'three'], ['two'], ['two']],
  );
});

test('NOT_CONTROLLER: the controller is asked for, then asked', async t => {
  const { cluster, client, admin } = await adminSetting(t);
  const sayThree = async () => {
    const stale = async (_: unknown, next: () => unknown) => ({ ...((await next()) as object), controllerId: 3 });
    cluster.on(Metadata).answer(stale as never);
    await client.connect();
  };
  for (const api of [CreateTopics, DeleteTopics]) cluster.on(api, { broker: 3 }).failTimes(1000, 'NOT_CONTROLLER');
  await sayThree();
  await admin.createTopics([{ name: 'one' }, { name: 'two' }]);
  await sayThree();
  await admin.deleteTopics(['one', 'two']);
  for (const api of [CreateTopics, DeleteTopics])
    assert.deepEqual(
      cluster.requests(api).map(({ broker }) => broker),
      [3, 1],
    );
  assert.deepEqual([...cluster.topics.keys()], ['orders']);
});

test('the controller stops: the next one does it', async t => {
  const { cluster, admin } = await adminSetting(t);
  await admin.createTopics({ name: 'one', replicationFactor: 1 });
  await cluster.stopBroker(1);
  await admin.createTopics({ name: 'two', replicationFactor: 1 });
  assert.equal(cluster.requests(CreateTopics).at(-1)?.broker, 2);
});

test('a refusal that does not pass ends after the last attempt, and a deadline before that', async t => {
  const { cluster, client, admin } = await adminSetting(t, { client: { retry: { attempts: 3, backoffMs: 5, maxBackoffMs: 5 } } });
  cluster.on(CreateTopics).failTimes(1000, 'REQUEST_TIMED_OUT');
  const { results } = await partly<CreatedTopic>(admin.createTopics({ name: 'new' }));
  assert.deepEqual([results[0]?.error?.code, results[0]?.error?.persistence], ['REQUEST_TIMED_OUT', 'maybe']);
  assert.equal(cluster.requests(CreateTopics).length, 3);
  await client.metadata();
  cluster.reset();
  cluster.on(CreateTopics).silent(1000);
  const late = await partly<CreatedTopic>(admin.createTopics({ name: 'new' }, { timeoutMs: 80 }));
  assert.equal(late.results[0]?.error?.code, 'TIDE_TIMEOUT');
});

test('timeoutMs holds for the whole call, also where nothing else has a limit', async t => {
  const limitless = { connectTimeoutMs: null, requestTimeoutMs: null };
  const { cluster, admin } = await adminSetting(t, { brokers: 1, client: limitless });
  const timeoutMs = 50;
  cluster.on(ApiVersions).silent(); // while connecting
  assert.equal((await rejection(admin.listTopics({ timeoutMs }))).code, 'TIDE_TIMEOUT');
  cluster.on(Metadata).silent(); // while asking who controls
  const again = new KafkaClient({ brokers: cluster.brokers, ...limitless });
  t.after(() => again.close());
  const unsent = await partly<CreatedTopic>(new Admin(again).createTopics({ name: 'new' }, { timeoutMs }));
  assert.equal(unsent.results[0]?.error?.code, 'TIDE_TIMEOUT');
  const third = new KafkaClient({ brokers: cluster.brokers, ...limitless });
  t.after(() => third.close());
  await third.connect();
  cluster.on(Metadata).silent(); // while waiting for leaders
  const created = await partly<CreatedTopic>(new Admin(third).createTopics({ name: 'new' }, { timeoutMs }));
  assert.match(created.error.message, /created, but not every partition had a leader/);
  assert.ok(cluster.topics.has('new'));
});

test('aborted: rejects with the reason', async t => {
  const { cluster, admin } = await adminSetting(t);
  const why = new Error('enough');
  for (const [api, call] of [
    [CreateTopics, (signal: AbortSignal) => admin.createTopics({ name: 'new' }, { signal })],
    [DeleteTopics, (signal: AbortSignal) => admin.deleteTopics('orders', { signal })],
    [Metadata, (signal: AbortSignal) => admin.listTopics({ signal })],
  ] as const) {
    const hold = cluster.on(api).hold();
    const stop = new AbortController();
    const calling = call(stop.signal);
    await hold.held;
    stop.abort(why);
    await assert.rejects(calling, error => error === why);
    hold.release();
  }
});

test('deleteTopics resolves when the topics are no longer listed, and the client forgets them', async t => {
  const { cluster, client, core, admin } = await adminSetting(t);
  const producer = new KeyedProducer(client);
  await producer.sendMessages('orders', 'k', 'a');
  const still = cluster.on(Metadata);
  still.answer(async (_, next) => {
    const answer = await next();
    return answer && { ...answer, topics: Array.from(answer.topics, topic => ({ ...topic, errorCode: 0 })) };
  }, 2);
  const before = cluster.requests(Metadata).length;
  await admin.deleteTopics('orders');
  assert.equal(cluster.requests(Metadata).length - before, 3);
  cluster.createTopic('orders', 2); // by somebody else
  assert.equal((await core.cluster.topics(['orders'])).topics.get('orders')?.partitions.length, 2);
  assert.equal((await producer.sendMessages('orders', 'k', 'b'))[0]?.offset, 0);
});

test('listTopics: by name, with ids and counts; describeTopics: in the order asked', async t => {
  const { client, admin } = await adminSetting(t, { topics: { orders: 2, audit: 1, Zoo: 3 } });
  const listed = await admin.listTopics();
  assert.deepEqual(
    listed.map(({ name, partitionCount, internal }) => [name, partitionCount, internal]),
    [
      ['Zoo', 3, false],
      ['audit', 1, false],
      ['orders', 2, false],
    ],
  );
  const described = await admin.describeTopics(['orders', 'audit']);
  assert.deepEqual(
    described.map(({ name, partitions }) => [name, partitions.length]),
    [
      ['orders', 2],
      ['audit', 1],
    ],
  );
  assert.equal(described[0]?.id, listed[2]?.id);
  assert.equal((await admin.describeTopics('orders'))[0]?.partitions[1]?.leader, 2);
  assert.equal((await client.metadata()).topics.size, 3);
});

test('describeTopics: one that does not exist is an error beside the others, and is not created', async t => {
  const { cluster, admin } = await adminSetting(t, { autoCreateTopics: true, client: { allowAutoTopicCreation: true } });
  const { error, results } = await partly<TopicInfo | KafkaError>(admin.describeTopics(['nowhere', 'orders']));
  assert.equal(error.code, 'UNKNOWN_TOPIC_OR_PARTITION');
  const [missing, orders] = results;
  assert.ok(missing instanceof KafkaError && !(orders instanceof KafkaError));
  assert.equal(orders?.partitions.length, 1);
  assert.deepEqual([...cluster.topics.keys()], ['orders']);
});

test('describeTopics on a broker that creates what it is asked about (before Metadata v4): it is asked about all', async t => {
  const { cluster, admin } = await adminSetting(t, { client: { apiVersions: { Metadata: 3 } } });
  await partly(admin.describeTopics(['nowhere', 'orders']));
  assert.equal(cluster.requests(Metadata).at(-1)?.body.topics, null);
});
