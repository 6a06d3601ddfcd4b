import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorNumbers } from '../../src/base/broker-errors.js';
import {
  CreateTopics,
  DeleteTopics,
  DescribeConfigs,
  InitProducerId,
  ListOffsets,
  Metadata,
  OffsetCommit,
  OffsetFetch,
  type RequestOf,
} from '../../src/protocol/index.js';
import { connectTo, only, startCluster } from './setting.js';

test('null asks for all topics, nothing for none, and names that are missing or not legal are refused', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1, audit: 2 } });
  const client = await connectTo(t, cluster);
  const ask = async (topics: RequestOf<typeof Metadata>['topics']) =>
    (await client.request(Metadata, 9, { topics })).topics.map(({ name, errorCode }) => [name, errorCode]);
  assert.deepEqual(await ask(null), [
    ['orders', 0],
    ['audit', 0],
  ]);
  assert.deepEqual(await ask([]), []);
  assert.deepEqual(await ask([{ name: 'missing' }, { name: 'not legal' }, { name: '..' }, { name: 'x'.repeat(250) }]), [
    ['missing', errorNumbers.UNKNOWN_TOPIC_OR_PARTITION],
    ['not legal', errorNumbers.INVALID_TOPIC_EXCEPTION],
    ['..', errorNumbers.INVALID_TOPIC_EXCEPTION],
    ['x'.repeat(250), errorNumbers.INVALID_TOPIC_EXCEPTION],
  ]);
  const byId = await client.request(Metadata, 12, { topics: [{ topicId: 'AAAAAAAAAAAAAAAAAAAABw', name: null }] });
  assert.deepEqual([only(byId.topics).errorCode, only(byId.topics).name], [errorNumbers.UNKNOWN_TOPIC_ID, null]);
});

test('a missing topic is created where both sides want it; who asks again gets it', async t => {
  const cluster = await startCluster(t, { autoCreateTopics: true, defaultPartitions: 2 });
  const client = await connectTo(t, cluster);
  const ask = async (name: string, allowAutoTopicCreation: boolean) =>
    only((await client.request(Metadata, 9, { topics: [{ name }], allowAutoTopicCreation })).topics);
  assert.equal((await ask('fresh', false)).errorCode, errorNumbers.UNKNOWN_TOPIC_OR_PARTITION);
  assert.equal(cluster.topics.size, 0);
  assert.equal((await ask('fresh', true)).errorCode, errorNumbers.UNKNOWN_TOPIC_OR_PARTITION);
  assert.equal((await ask('fresh', true)).partitions.length, 2);
  assert.equal((await ask('not legal', true)).errorCode, errorNumbers.INVALID_TOPIC_EXCEPTION);
  const closed = await startCluster(t);
  const answer = await (await connectTo(t, closed)).request(Metadata, 9, { topics: [{ name: 'fresh' }] });
  assert.equal(only(answer.topics).errorCode, errorNumbers.UNKNOWN_TOPIC_OR_PARTITION);
  assert.equal(closed.topics.size, 0);
});

test('topics are created as asked, or refused with the reason', async t => {
  const cluster = await startCluster(t, { brokers: 2, topics: { taken: 1 } });
  const client = await connectTo(t, cluster);
  type Wanted = RequestOf<typeof CreateTopics>['topics'][number];
  const create = async (topic: Partial<Wanted>, validateOnly = false) => {
    const topics = [{ name: 'new', numPartitions: 1, replicationFactor: 1, ...topic }];
    return only((await client.request(CreateTopics, 7, { topics, validateOnly })).topics);
  };
  const refusals: [keyof typeof errorNumbers, Partial<Wanted>][] = [
    ['TOPIC_ALREADY_EXISTS', { name: 'taken' }],
    ['INVALID_TOPIC_EXCEPTION', { name: 'a b' }],
    ['INVALID_PARTITIONS', { numPartitions: 0 }],
    ['INVALID_PARTITIONS', { numPartitions: -2 }],
    ['INVALID_REPLICATION_FACTOR', { replicationFactor: 0 }],
    ['INVALID_REPLICATION_FACTOR', { replicationFactor: 3 }],
    ['INVALID_CONFIG', { configs: [{ name: 'no.such', value: '1' }] }],
    ['INVALID_CONFIG', { configs: [{ name: 'retention.bytes', value: 'much' }] }],
    ['INVALID_REQUEST', { assignments: [{ partitionIndex: 0, brokerIds: [1] }] }],
    ['INVALID_REPLICA_ASSIGNMENT', { numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 1, brokerIds: [1] }] }],
    ['INVALID_REPLICA_ASSIGNMENT', { numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [3] }] }],
  ];
  for (const [name, topic] of refusals) assert.equal((await create(topic)).errorCode, errorNumbers[name], JSON.stringify(topic));
  assert.equal((await create({}, true)).errorCode, 0);
  assert.deepEqual([...cluster.topics.keys()], ['taken'], 'nothing came of all that');

  const assignments = [
    { partitionIndex: 1, brokerIds: [1, 2] },
    { partitionIndex: 0, brokerIds: [2, 1] },
  ];
  const made = await create({ numPartitions: -1, replicationFactor: -1, assignments, configs: [{ name: 'retention.bytes', value: '5' }] });
  assert.deepEqual([made.errorCode, made.numPartitions, made.replicationFactor], [0, 2, 2]);
  assert.equal(made.configs?.find(({ name }) => name === 'retention.bytes')?.value, '5');
  assert.deepEqual([cluster.leaderOf('new', 0), cluster.leaderOf('new', 1)], [2, 1]);
  const twice = await client.request(CreateTopics, 7, {
    topics: ['x', 'x'].map(name => ({ name, numPartitions: 1, replicationFactor: 1 })),
  });
  assert.equal(only(twice.topics).errorCode, errorNumbers.INVALID_REQUEST);
});

test('a configuration is shown as it was set', async t => {
  const cluster = await startCluster(t, { topics: { orders: { retentionBytes: 77 } } });
  const client = await connectTo(t, cluster);
  const resources = [{ resourceType: 2, resourceName: 'orders', configurationKeys: ['retention.bytes', 'cleanup.policy'] }];
  const { configs } = only((await client.request(DescribeConfigs, 4, { resources })).results);
  assert.deepEqual(configs.map(({ name, value, configSource }) => [name, value, configSource]).sort(), [
    ['cleanup.policy', 'delete', 5],
    ['retention.bytes', '77', 1],
  ]);
});

test('topics are deleted by name or id, with the offsets that groups stored for them', async t => {
  const cluster = await startCluster(t, { topics: { a: 1, b: 1 } });
  const client = await connectTo(t, cluster);
  const partitions = [{ partitionIndex: 0, committedOffset: 5, committedMetadata: null }];
  await client.request(OffsetCommit, 8, { groupId: 'billing', topics: ['a', 'b'].map(name => ({ name, partitions })) });
  const { topics } = await client.request(Metadata, 12, { topics: [{ name: 'a' }] });
  const { topicId, name } = only(topics);
  const byId = only((await client.request(DeleteTopics, 6, { topics: [{ name: null, topicId }], timeoutMs: 1 })).responses);
  assert.deepEqual([byId.errorCode, byId.name], [0, name]);
  const again = only((await client.request(DeleteTopics, 6, { topics: [{ name: null, topicId }], timeoutMs: 1 })).responses);
  assert.equal(again.errorCode, errorNumbers.UNKNOWN_TOPIC_ID);
  const byName = await client.request(DeleteTopics, 5, { topicNames: ['b', 'missing'], timeoutMs: 1 });
  assert.deepEqual(
    byName.responses.map(({ errorCode }) => errorCode),
    [0, errorNumbers.UNKNOWN_TOPIC_OR_PARTITION],
  );
  assert.equal(cluster.topics.size, 0);
  assert.equal(cluster.committed('billing').size, 0);
});

test('offsets are found by time and by the ends of the log', async t => {
  const cluster = await startCluster(t, { topics: { orders: 1, empty: 1 } });
  for (const timestamp of [1000, 3000, 2000]) cluster.append('orders', 0, [{ value: 'v', timestamp }]);
  cluster.trim('orders', 0, 1);
  const client = await connectTo(t, cluster);
  const at = async (timestamp: number, topic = 'orders', version = 9) => {
    const topics = [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }];
    const answer = only(only((await client.request(ListOffsets, version, { replicaId: -1, topics })).topics).partitions);
    return [answer.errorCode, answer.offset, answer.timestamp];
  };
  assert.deepEqual(await at(-1), [0, 3, -1]);
  assert.deepEqual(await at(-2), [0, 1, -1]);
  assert.deepEqual(await at(-3), [0, 1, 3000]);
  assert.deepEqual(await at(-4), [0, 1, -1]);
  assert.deepEqual(await at(-5), [0, -1, -1]);
  assert.deepEqual(await at(500), [0, 1, 3000], 'what was trimmed is not found');
  assert.deepEqual(await at(3001), [0, -1, -1]);
  assert.deepEqual(await at(-1, 'empty'), [0, 0, -1]);
  assert.deepEqual(await at(-3, 'empty'), [0, -1, -1]);
  assert.deepEqual((await at(-3, 'orders', 6))[0], errorNumbers.UNSUPPORTED_VERSION);
  assert.deepEqual((await at(-9))[0], errorNumbers.UNSUPPORTED_VERSION);
  assert.deepEqual((await at(-1, 'missing'))[0], errorNumbers.UNKNOWN_TOPIC_OR_PARTITION);
});

test('offsets are stored with their text and given back, all of them when nothing is named', async t => {
  const cluster = await startCluster(t, { topics: { orders: 3 } });
  const client = await connectTo(t, cluster);
  const commit = async (overrides: object, committedMetadata: string | null = 'note') => {
    const partitions = [0, 2, 9].map(partitionIndex => ({
      partitionIndex,
      committedOffset: 40 + partitionIndex,
      committedMetadata,
      committedLeaderEpoch: 3,
    }));
    const answer = await client.request(OffsetCommit, 8, { groupId: 'billing', topics: [{ name: 'orders', partitions }], ...overrides });
    return only(answer.topics).partitions.map(({ errorCode }) => errorCode);
  };
  assert.deepEqual((await commit({ generationIdOrMemberEpoch: 1, memberId: 'm' }))[0], errorNumbers.ILLEGAL_GENERATION);
  assert.deepEqual(await commit({}, 'x'.repeat(4097)), [
    errorNumbers.OFFSET_METADATA_TOO_LARGE,
    errorNumbers.OFFSET_METADATA_TOO_LARGE,
    errorNumbers.UNKNOWN_TOPIC_OR_PARTITION,
  ]);
  assert.equal(cluster.committed('billing').size, 0);
  assert.deepEqual(await commit({}), [0, 0, errorNumbers.UNKNOWN_TOPIC_OR_PARTITION]);
  assert.deepEqual((await commit({ generationIdOrMemberEpoch: 1, memberId: 'm' }))[0], errorNumbers.UNKNOWN_MEMBER_ID);

  const all = await client.request(OffsetFetch, 7, { groupId: 'billing', topics: null });
  assert.deepEqual(
    only(all.topics).partitions.map(({ partitionIndex, committedOffset, metadata, committedLeaderEpoch }) => [
      partitionIndex,
      committedOffset,
      metadata,
      committedLeaderEpoch,
    ]),
    [
      [0, 40, 'note', 3],
      [2, 42, 'note', 3],
    ],
  );
  const groups = [
    { groupId: 'billing', topics: [{ name: 'orders', partitionIndexes: [1, 2] }] },
    { groupId: 'other', topics: null },
  ];
  const some = await client.request(OffsetFetch, 8, { groups });
  assert.deepEqual(
    some.groups[0]?.topics[0]?.partitions.map(({ errorCode, committedOffset }) => [errorCode, committedOffset]),
    [
      [0, -1],
      [0, 42],
    ],
  );
  assert.deepEqual(some.groups[1]?.topics, []);
});

test('every producer gets an id of its own; a transactional id keeps its and counts epochs', async t => {
  const cluster = await startCluster(t);
  const client = await connectTo(t, cluster);
  const init = async (transactionalId: string | null, known = {}) => {
    const { errorCode, producerId, producerEpoch } = await client.request(InitProducerId, 4, {
      transactionalId,
      transactionTimeoutMs: 1000,
      ...known,
    });
    return errorCode === 0 ? [producerId, producerEpoch] : errorCode;
  };
  assert.deepEqual(
    [await init(null), await init(null)],
    [
      [1000, 0],
      [1001, 0],
    ],
  );
  assert.deepEqual(
    [await init('tx'), await init('tx'), await init('other')],
    [
      [1002, 0],
      [1002, 1],
      [1003, 0],
    ],
  );
  assert.equal(await init('tx', { producerId: 1002, producerEpoch: 0 }), errorNumbers.PRODUCER_FENCED);
  assert.deepEqual(await init('tx', { producerId: 1002, producerEpoch: 1 }), [1002, 2]);
});
