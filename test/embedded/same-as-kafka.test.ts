import assert from 'node:assert/strict';
import { handlersByKey } from '../../src/embedded/handlers/index.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import {
  ApiVersions,
  CreateTopics,
  DeleteTopics,
  Fetch,
  FindCoordinator,
  InitProducerId,
  ListOffsets,
  Metadata,
  OffsetCommit,
  OffsetFetch,
  OffsetForLeaderEpoch,
  Produce,
} from '../../src/protocol/index.js';
import { encodeBatch, encodeTransactionEnd, stampAppendTime } from '../../src/records/index.js';
import { kafkaTest, uniqueName } from '../kafka/kafka.js';
import { assertSameAnswers, Interview } from './interview.js';
import { RawClient } from './raw-client.js';
import { fetchBody, produceBody } from './setting.js';

/** Asks one broker the same things in the same order. */
async function interview(address: string, topic: string): Promise<Interview> {
  const questions = await Interview.begin(address, topic);
  const { client } = questions;
  const ask = questions.ask.bind(questions);
  /** A coordinator that was never asked before takes a while. */
  const ready = async () => {
    while ((await client.request(InitProducerId, 4, { transactionalId: null, transactionTimeoutMs: 1000 })).errorCode !== 0);
    for (;;) {
      const { errorCode } = await client.request(FindCoordinator, 3, { key: topic });
      const fetched = errorCode === 0 ? await client.request(OffsetFetch, 7, { groupId: topic, topics: [] }) : undefined;
      if (fetched?.errorCode === 0) return;
    }
  };
  const created = {
    topics: [{ name: topic, numPartitions: 2, replicationFactor: 1, configs: [{ name: 'max.message.bytes', value: '1000' }] }],
  };
  await ask('only validated', CreateTopics, 4, { ...created, validateOnly: true });
  await ask('created', CreateTopics, 4, created);
  await ask('exists', CreateTopics, 4, created);
  const bad = { numPartitions: 1, replicationFactor: 1 };
  await ask('name', CreateTopics, 4, { topics: [{ ...bad, name: 'a b' }] });
  await ask('no partitions', CreateTopics, 4, { topics: [{ ...bad, name: `${topic}-x`, numPartitions: 0 }] });
  await ask('no replicas', CreateTopics, 4, { topics: [{ ...bad, name: `${topic}-x`, replicationFactor: 0 }] });
  await ask('too many replicas', CreateTopics, 4, { topics: [{ ...bad, name: `${topic}-x`, replicationFactor: 5 }] });
  await ask('config', CreateTopics, 4, { topics: [{ ...bad, name: `${topic}-x`, configs: [{ name: 'no.such', value: '1' }] }] });
  await ask('twice', CreateTopics, 4, {
    topics: [
      { ...bad, name: `${topic}-x` },
      { ...bad, name: `${topic}-x` },
    ],
  });
  const leaderless = async () =>
    (await client.request(Metadata, 9, { topics: [{ name: topic }] })).topics.some(
      ({ partitions, errorCode }) => errorCode !== 0 || partitions.length < 2 || partitions.some(({ leaderId }) => leaderId < 0),
    );
  while (await leaderless());
  await ready();

  await ask('known', Metadata, 9, { topics: [{ name: topic }] });
  const { topics } = await ask('known', Metadata, 12, { topics: [{ name: topic }] });
  const topicId = topics[0]?.topicId ?? '';
  await ask('missing', Metadata, 9, { topics: [{ name: `${topic}-none` }], allowAutoTopicCreation: false });
  await ask('not legal', Metadata, 9, { topics: [{ name: 'a b' }] });
  await ask('none', Metadata, 9, { topics: [] });
  await ask('by id', Metadata, 12, { topics: [{ topicId, name: null }] });
  await ask('unknown id', Metadata, 12, { topics: [{ topicId: 'AAAAAAAAAAAAAAAAAAAABw', name: null }] });

  const good = encodeBatch([
    { key: 'k', value: 'v', timestamp: 1000 },
    { value: 'w', timestamp: 3000 },
    { value: 'x', timestamp: 2000 },
  ]);
  const one = encodeBatch([{ value: 'y', timestamp: 2500 }]);
  for (const version of [3, 5, 8, 9, 11]) await ask('appended', Produce, version, produceBody(good, { topic }));
  await ask('acks 1', Produce, 9, produceBody(one, { topic, acks: 1 }));
  const altered = (change: (bytes: Buffer) => void, from = good) => {
    const bytes = Buffer.from(from);
    change(bytes);
    return bytes;
  };
  const wrong: [string, Uint8Array][] = [
    ['checksum', altered(bytes => bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1))],
    ['base offset', altered(bytes => bytes.writeInt32BE(4, 4))],
    ['append time', altered(bytes => stampAppendTime(bytes, 5))],
    ['two batches', Buffer.concat([good, good])],
    ['nothing', Buffer.alloc(0)],
    [
      'gap',
      encodeBatch([
        { value: 'a', offset: 0 },
        { value: 'b', offset: 2 },
      ]),
    ],
    ['control', encodeBatch([{ key: Buffer.alloc(4), value: null }], { isControl: true })],
    ['end of a transaction', encodeTransactionEnd({ type: 'commit', producerId: 1, producerEpoch: 0, coordinatorEpoch: 0, timestamp: 1 })],
    ['too large', encodeBatch([{ value: Buffer.alloc(1000) }])],
  ];
  for (const [step, bytes] of wrong) await ask(step, Produce, 9, produceBody(bytes, { topic }));
  await ask('acks 2', Produce, 9, produceBody(good, { topic, acks: 2 }));
  await ask('no topic', Produce, 9, produceBody(good, { topic: `${topic}-none` }));
  await ask('no partition', Produce, 9, produceBody(good, { topic, partition: 2 }));

  const { producerId } = await ask('a producer', InitProducerId, 4, { transactionalId: null, transactionTimeoutMs: 1000 });
  const numbered = (baseSequence: number, producerEpoch = 0) =>
    encodeBatch([{ value: 'z', timestamp: 1 }], { producerId, producerEpoch, baseSequence });
  const sequences: [string, Buffer][] = [
    ['sequence 0', numbered(0)],
    ['sequence 1', numbered(1)],
    ['sequence 0 again', numbered(0)],
    ['sequence 1 again', numbered(1)],
    ['sequence 3', numbered(3)],
    ['epoch 1, sequence 2', numbered(2, 1)],
    ['epoch 1, sequence 0', numbered(0, 1)],
    ['epoch 0 again', numbered(2)],
  ];
  for (const [step, bytes] of sequences) await ask(step, Produce, 9, produceBody(bytes, { topic, partition: 1 }));

  for (const version of [4, 5, 7, 9, 11, 12]) await ask('from 0', Fetch, version, fetchBody(0, { topic }));
  await ask('read committed', Fetch, 12, fetchBody(0, { topic, isolationLevel: 1 }));
  await ask('inside a batch', Fetch, 12, fetchBody(4, { topic }));
  await ask('the end', Fetch, 12, fetchBody(19, { topic }));
  await ask('past the end', Fetch, 12, fetchBody(20, { topic }));
  await ask('past the end, read committed', Fetch, 12, fetchBody(20, { topic, isolationLevel: 1 }));
  await ask('below the start', Fetch, 12, fetchBody(-1, { topic }));
  await ask('behind a known epoch', Fetch, 12, fetchBody(4, { topic, lastFetchedEpoch: 0 }));
  await ask('behind an unknown epoch', Fetch, 12, fetchBody(4, { topic, lastFetchedEpoch: 3 }));
  await ask('past the end, behind a known epoch', Fetch, 12, fetchBody(20, { topic, lastFetchedEpoch: 0 }));
  await ask('below the start, behind a known epoch', Fetch, 12, fetchBody(-1, { topic, lastFetchedEpoch: 0 }));
  await ask('a newer leader', Fetch, 12, fetchBody(4, { topic, currentLeaderEpoch: 3 }));
  const { sessionId } = await ask('a session', Fetch, 12, { ...fetchBody(0, { topic }), sessionEpoch: 0 });
  const again = (sessionEpoch: number, more: object = { topics: [] }) => {
    return { maxWaitMs: 0, minBytes: 1, maxBytes: 1_000_000, sessionId, sessionEpoch, topics: [], ...more };
  };
  const forgets = { forgottenTopicsData: [{ topic, partitions: [0] }] };
  await ask('a session: what was not taken', Fetch, 12, again(1));
  await ask('a session: what was taken', Fetch, 12, again(2, fetchBody(19, { topic })));
  await ask('a session: nothing new', Fetch, 12, again(3));
  await ask('a session: another partition', Fetch, 12, again(4, fetchBody(0, { topic, partition: 1 })));
  await ask('a session: an error', Fetch, 12, again(5, fetchBody(99, { topic })));
  await ask('a session: the error again', Fetch, 12, again(6));
  await ask('a session: a log that was cut', Fetch, 12, again(7, fetchBody(20, { topic, lastFetchedEpoch: 0 })));
  await ask('a session: out of step', Fetch, 12, again(9));
  await ask('a session: ids instead of names', Fetch, 13, again(8));
  await ask('a session: forgets', Fetch, 12, again(8, forgets));
  await ask('a session: of nothing', Fetch, 12, again(9, { forgottenTopicsData: [{ topic, partitions: [1] }] }));
  await ask('a session: over', Fetch, 12, again(10));
  const other = await ask('another session', Fetch, 12, { ...fetchBody(0, { topic }), sessionEpoch: 0 });
  await ask('another session: ended', Fetch, 12, { ...again(-1), sessionId: other.sessionId });
  await ask('another session: over', Fetch, 12, { ...again(1), sessionId: other.sessionId });
  const epochEnd = (leaderEpoch: number, { name = topic, partition = 0, currentLeaderEpoch = 0 } = {}) => ({
    replicaId: -1,
    topics: [{ topic: name, partitions: [{ partition, currentLeaderEpoch, leaderEpoch }] }],
  });
  for (const version of [2, 3, 4]) await ask('the end of an epoch', OffsetForLeaderEpoch, version, epochEnd(0));
  for (const epoch of [-1, 3]) await ask('the end of an unknown epoch', OffsetForLeaderEpoch, 4, epochEnd(epoch));
  await ask('the end of an epoch, of a newer leader', OffsetForLeaderEpoch, 4, epochEnd(0, { currentLeaderEpoch: 3 }));
  await ask('the end of an epoch, no topic', OffsetForLeaderEpoch, 4, epochEnd(0, { name: `${topic}-none` }));
  await ask('the end of an epoch, no partition', OffsetForLeaderEpoch, 4, epochEnd(0, { partition: 2 }));
  await ask('one batch whatever the limit', Fetch, 12, fetchBody(0, { topic, partitionMaxBytes: 1 }));
  await ask('the limit of all', Fetch, 12, fetchBody(0, { topic, maxBytes: 1 }));
  await ask('cut off', Fetch, 12, fetchBody(0, { topic, partitionMaxBytes: good.length + 20 }));
  await ask('no topic', Fetch, 12, fetchBody(0, { topic: `${topic}-none` }));
  await ask('no partition', Fetch, 12, fetchBody(0, { topic, partition: 2 }));
  await ask('an epoch to come', Fetch, 12, fetchBody(0, { topic, currentLeaderEpoch: 99 }));
  await ask('a session that is not', Fetch, 12, { ...fetchBody(0, { topic }), sessionId: 4242, sessionEpoch: 3 });
  const both = [0, 1].map(partition => ({ partition, fetchOffset: 0, partitionMaxBytes: 1 }));
  await ask('two partitions, no room', Fetch, 12, { maxWaitMs: 0, minBytes: 1, maxBytes: 1000, topics: [{ topic, partitions: both }] });
  const byId = (id: string) => ({
    maxWaitMs: 0,
    minBytes: 1,
    topics: [{ topicId: id, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
  });
  await ask('by id', Fetch, 13, byId(topicId));
  await ask('unknown id', Fetch, 13, byId('AAAAAAAAAAAAAAAAAAAABw'));

  for (const [timestamp, version] of [
    [-1, 1],
    [-1, 9],
    [-2, 9],
    [-3, 9],
    [-4, 9],
    [-3, 6],
    [0, 9],
    [1001, 9],
    [2600, 9],
    [3001, 9],
    [-9, 9],
  ] as const) {
    const partitions = [{ partitionIndex: 0, timestamp }];
    await ask(`time ${timestamp}`, ListOffsets, version, { replicaId: -1, topics: [{ name: topic, partitions }] });
  }
  const missing = [
    { partitionIndex: 5, timestamp: -1 },
    { partitionIndex: 0, timestamp: -1, currentLeaderEpoch: 99 },
  ];
  await ask('missing', ListOffsets, 9, { replicaId: -1, topics: [{ name: topic, partitions: missing }] });

  await ask('a key', FindCoordinator, 3, { key: topic });
  await ask('keys', FindCoordinator, 4, { coordinatorKeys: [topic] });
  const commit = (partitionIndex: number, committedMetadata: string | null, rest = {}) => ({
    groupId: topic,
    ...rest,
    topics: [{ name: topic, partitions: [{ partitionIndex, committedOffset: 5, committedLeaderEpoch: 0, committedMetadata }] }],
  });
  await ask('a generation, no group', OffsetCommit, 8, commit(0, '', { generationIdOrMemberEpoch: 1, memberId: 'm' }));
  const alone = { groupId: `${topic}-alone` };
  await ask('too long, no group', OffsetCommit, 8, commit(0, 'x'.repeat(4097), alone));
  await ask('a generation, behind that', OffsetCommit, 8, commit(0, '', { ...alone, generationIdOrMemberEpoch: 1, memberId: 'm' }));
  await ask('with text', OffsetCommit, 8, commit(0, 'note'));
  await ask('without', OffsetCommit, 8, commit(1, null));
  await ask('too long', OffsetCommit, 8, commit(0, 'x'.repeat(4097)));
  await ask('no partition', OffsetCommit, 8, commit(7, ''));
  await ask('a generation, a group without members', OffsetCommit, 8, commit(0, '', { generationIdOrMemberEpoch: 1, memberId: 'm' }));
  await ask('a member that is none', OffsetCommit, 8, commit(0, '', { memberId: 'm' }));
  for (const version of [1, 5, 7])
    await ask('named', OffsetFetch, version, { groupId: topic, topics: [{ name: topic, partitionIndexes: [0, 1, 7] }] });
  await ask('no topic', OffsetFetch, 7, { groupId: topic, topics: [{ name: `${topic}-none`, partitionIndexes: [0] }] });
  await ask('groups', OffsetFetch, 8, {
    groups: [
      { groupId: topic, topics: [{ name: topic, partitionIndexes: [0] }] },
      { groupId: `${topic}-none`, topics: null },
    ],
  });

  await ask('missing', DeleteTopics, 5, { topicNames: [`${topic}-none`], timeoutMs: 1000 });
  await ask('deleted', DeleteTopics, 6, { topics: [{ name: null, topicId }], timeoutMs: 1000 });
  await ask('unknown id', DeleteTopics, 6, { topics: [{ name: null, topicId: 'AAAAAAAAAAAAAAAAAAAABw' }], timeoutMs: 1000 });
  client.close();
  return questions;
}

kafkaTest('the embedded cluster answers as Kafka does', async (t, kafka) => {
  const cluster = await EmbeddedCluster.start({ cutBatches: true });
  t.after(() => cluster.close());
  const topic = uniqueName('interview');
  const theirs = await interview(kafka.bootstrap[0] ?? '', topic);
  const ours = await interview(cluster.brokers[0] ?? '', topic);
  assertSameAnswers(ours, theirs);
});

for (const [emulate, version] of [
  ['1.1', '1.1.1'],
  ['2.8', '2.8.2'],
  ['3.9', '3.9.2'],
  ['4.1', '4.1.2'],
] as const) {
  kafkaTest(
    `the versions offered as release ${emulate} are those of that release, as far as the embedded cluster goes`,
    async (t, kafka) => {
      const cluster = await EmbeddedCluster.start({ emulate });
      t.after(() => cluster.close());
      const theirs = await offered(kafka.bootstrap[0] ?? '');
      const ours = await offered(cluster.brokers[0] ?? '');
      for (const [key, [first, last]] of ours) {
        const { listedFrom, versions } = handlersByKey.get(key) ?? { versions: [0, 0] };
        const [theirFirst, theirLast] = theirs.get(key) ?? [];
        assert.ok(theirFirst !== undefined && theirLast !== undefined, `API ${key} is not offered by ${version}`);
        assert.deepEqual([first, last], [Math.max(theirFirst, listedFrom ?? versions[0]), Math.min(theirLast, versions[1])], `API ${key}`);
      }
      assert.ok(ours.size >= 11);
    },
    { version },
  );
}

/** What a broker says it speaks: first and last version by key. */
async function offered(address: string): Promise<ReadonlyMap<number, readonly [number, number]>> {
  const client = await RawClient.connect(address);
  const { apiKeys } = await client.request(ApiVersions, 0, {});
  client.close();
  return new Map(apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, [minVersion, maxVersion]]));
}
