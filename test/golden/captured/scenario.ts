import { crc32 } from 'node:zlib';
import * as kafka from '../../../src/protocol/index.js';
import { encodeBatch } from '../../../src/records/index.js';
import type { Capture } from './capture.js';

// What is asked of each release: requests that can be answered well, and some that cannot, in an order in which one makes sense after another.

/** The one topic that is there from the beginning, with two partitions on one broker. */
export const TOPIC = 'orders';

export async function askEverything(capture: Capture): Promise<void> {
  await capture.each(kafka.ApiVersions, () => ({ clientSoftwareName: 'tidemark', clientSoftwareVersion: '1.0' }));
  await topics(capture);
  const topicId = await capture.until(
    kafka.Metadata,
    () => ({ topics: [{ name: TOPIC }] }),
    ({ topics }) => topics.every(({ partitions }) => partitions.length === 2 && partitions.every(({ leaderId }) => leaderId >= 0)),
  );
  const ids = new Topic(topicId?.topics[0]?.topicId ?? '');
  await records(capture, ids);
  await offsets(capture, ids);
  await classicGroups(capture);
  await newGroups(capture);
  await transactions(capture, ids);
  await fetches(capture, ids);
  await administration(capture);
  await deletions(capture);
}

/** The topic, by name or by id as a version wants it. */
class Topic {
  readonly #id: string;
  constructor(id: string) {
    this.#id = id;
  }
  named(version: number, idsFrom: number): { name: string } | { topicId: string } {
    return version >= idsFrom ? { topicId: this.#id } : { name: TOPIC };
  }
  fetched(version: number): { topic: string } | { topicId: string } {
    return version >= 13 ? { topicId: this.#id } : { topic: TOPIC };
  }
  /** For Metadata, which takes ids from v12 on and has the field from v10 on. */
  described(version: number): { name: string } | { topicId: string; name: null } {
    return version >= 12 ? { topicId: this.#id, name: null } : { name: TOPIC };
  }
}

async function topics(capture: Capture): Promise<void> {
  const config = { name: 'retention.ms', value: '86400000' };
  await capture.each(kafka.CreateTopics, version => ({
    topics: [
      { name: `made-${version}`, numPartitions: 1, replicationFactor: 1, configs: [config] },
      { name: 'not a name', numPartitions: 1, replicationFactor: 1 },
    ],
    timeoutMs: 30_000,
  }));
  const first = capture.versions(kafka.CreateTopics).includes(3) ? 3 : 0; // of the topics made above
  await capture.each(kafka.CreatePartitions, version => ({
    topics: [
      { name: `made-${first + version}`, count: 2, assignments: null },
      { name: `made-${first + version + 1}`, count: 1, assignments: [{ brokerIds: [1] }] },
    ],
    timeoutMs: 30_000,
  }));
}

async function records(capture: Capture, topic: Topic): Promise<void> {
  await capture.each(kafka.Metadata, version => ({
    topics: [topic.described(version), ...(version >= 4 && version !== 12 ? [{ name: 'missing' }] : [])],
    allowAutoTopicCreation: version < 4,
    includeTopicAuthorizedOperations: version >= 8,
    includeClusterAuthorizedOperations: version >= 8 && version <= 10,
  }));
  await capture.each(kafka.Produce, version => ({
    acks: -1,
    timeoutMs: 30_000,
    topicData: [
      {
        ...topic.named(version, 13),
        partitionData: [
          { index: 0, records: version < 3 ? messageSet('old') : encodeBatch([{ value: `v${version}` }]) },
          { index: 9, records: version < 3 ? messageSet('old') : encodeBatch([{ value: 'nowhere' }]) },
        ],
      },
    ],
  }));
  await capture.each(kafka.ListOffsets, () => ({
    replicaId: -1,
    topics: [
      {
        name: TOPIC,
        partitions: [
          { partitionIndex: 0, timestamp: -1 },
          { partitionIndex: 1, timestamp: 0 },
        ],
      },
    ],
  }));
  await capture.each(kafka.OffsetForLeaderEpoch, () => ({
    topics: [{ topic: TOPIC, partitions: [{ partition: 0, leaderEpoch: 0, currentLeaderEpoch: -1 }] }],
  }));
  await capture.each(kafka.DeleteRecords, () => ({
    topics: [
      {
        name: TOPIC,
        partitions: [
          { partitionIndex: 0, offset: 1 },
          { partitionIndex: 9, offset: 1 },
        ],
      },
    ],
    timeoutMs: 30_000,
  }));
}

/** Message format v1, for brokers asked in versions that came before record batches. */
function messageSet(value: string): Buffer {
  const content = Buffer.alloc(2 + 8 + 4 + 4 + value.length);
  content.writeInt8(1, 0); // magic; the attributes behind it are none
  content.writeBigInt64BE(1_700_000_000_000n, 2);
  content.writeInt32BE(-1, 10); // no key
  content.writeInt32BE(value.length, 14);
  content.write(value, 18);
  const head = Buffer.alloc(8 + 4 + 4);
  head.writeInt32BE(4 + content.length, 8);
  head.writeUInt32BE(crc32(content), 12);
  return Buffer.concat([head, content]);
}

async function offsets(capture: Capture, topic: Topic): Promise<void> {
  await capture.each(kafka.FindCoordinator, version => (version < 4 ? { key: 'simple' } : { coordinatorKeys: ['simple', 'other'] }));
  for (const keyType of [0, 1]) {
    await capture.until(
      kafka.FindCoordinator,
      version => ({ ...(version < 4 ? { key: 'simple' } : { coordinatorKeys: ['simple'] }), ...(version >= 1 && { keyType }) }),
      ({ errorCode, coordinators }) => errorCode === 0 && coordinators.every(({ errorCode }) => errorCode === 0),
    );
  }
  const commit = (version: number, groupId: string): kafka.RequestOf<typeof kafka.OffsetCommit> => ({
    groupId,
    topics: [
      {
        ...topic.named(version, 10),
        partitions: [
          { partitionIndex: 0, committedOffset: 1, committedMetadata: 'half way' },
          { partitionIndex: 1, committedOffset: 0, committedMetadata: null },
        ],
      },
    ],
  });
  await capture.until(
    kafka.OffsetCommit,
    version => commit(version, 'simple'),
    ({ topics }) => topics.every(({ partitions }) => partitions.every(({ errorCode }) => errorCode === 0)),
  );
  await capture.each(kafka.FindCoordinator, version => (version < 4 ? { key: 'simple' } : { coordinatorKeys: ['simple', 'other'] }));
  await capture.each(kafka.OffsetCommit, version => commit(version, 'simple'));
  await capture.each(kafka.OffsetFetch, version => {
    const partitionIndexes = [0, 1, 9];
    if (version < 8) return { groupId: 'simple', topics: [{ name: TOPIC, partitionIndexes }] };
    return {
      groups: [
        { groupId: 'simple', topics: [{ ...topic.named(version, 10), partitionIndexes }] },
        { groupId: 'other', topics: null },
      ],
    };
  });
  await capture.each(kafka.OffsetDelete, () => ({ groupId: 'simple', topics: [{ name: TOPIC, partitions: [{ partitionIndex: 1 }] }] }));
  for (const version of capture.versions(kafka.DeleteGroups)) {
    await capture.until(
      kafka.OffsetCommit,
      newest => commit(newest, `gone-${version}`),
      ({ topics }) => topics.every(({ partitions }) => partitions.every(({ errorCode }) => errorCode === 0)),
    );
    await capture.ask(kafka.DeleteGroups, version, { groupsNames: [`gone-${version}`, 'never was'] });
  }
}

/** The group of one raw member, in every version of everything that has to do with it. */
async function classicGroups(capture: Capture): Promise<void> {
  const subscription = Buffer.concat([
    Buffer.from('000000000001', 'hex'),
    Buffer.from('0006', 'hex'),
    Buffer.from(TOPIC),
    Buffer.alloc(4, 255),
  ]);
  for (let wanted = 0; wanted <= kafka.JoinGroup.versions[1]; wanted++) {
    const groupId = `group-${wanted}`;
    const groupInstanceId = wanted === 7 ? 'seven' : null; // one static member
    const join = async (memberId: string) =>
      capture.near(kafka.JoinGroup, wanted, () => ({
        groupId,
        sessionTimeoutMs: 30_000,
        rebalanceTimeoutMs: 30_000,
        memberId,
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: subscription }],
        ...(groupInstanceId !== null && capture.versions(kafka.JoinGroup).includes(7) && { groupInstanceId }),
      }));
    let joined = await join('');
    if (joined?.errorCode === 79) joined = await join(joined.memberId); // MEMBER_ID_REQUIRED
    if (joined === undefined || joined.errorCode !== 0) throw new Error(`JoinGroup near v${wanted}: error ${joined?.errorCode}`);
    const { memberId, generationId } = joined;
    const assignments = [
      { memberId, assignment: Buffer.from(`000000000001${'0006'}${Buffer.from(TOPIC).toString('hex')}000000010000000000000000`, 'hex') },
    ];
    await capture.near(kafka.SyncGroup, wanted, version => ({
      groupId,
      generationId,
      memberId,
      assignments,
      ...(version >= 5 && { protocolType: 'consumer', protocolName: 'range' }),
    }));
    await capture.near(kafka.Heartbeat, wanted, () => ({ groupId, generationId, memberId }));
    await capture.near(kafka.DescribeGroups, wanted, version => ({
      groups: [groupId, 'never was'],
      includeAuthorizedOperations: version >= 3,
    }));
    await capture.near(kafka.ListGroups, wanted, version => (version >= 4 ? { statesFilter: ['Stable'] } : {}));
    await capture.near(kafka.LeaveGroup, wanted, version =>
      version < 3 ? { groupId, memberId } : { groupId, members: [{ memberId }, { memberId: 'nobody', groupInstanceId: 'nobody' }] },
    );
  }
}

async function newGroups(capture: Capture): Promise<void> {
  const [groupId, memberId] = ['new', 'AbCdEfGhIjKlMnOpQrStUv'];
  const beat = (memberEpoch: number): kafka.RequestOf<typeof kafka.ConsumerGroupHeartbeat> => ({
    groupId,
    memberId,
    memberEpoch,
    ...(memberEpoch === 0 && { rebalanceTimeoutMs: 30_000, subscribedTopicNames: [TOPIC], topicPartitions: [] }),
  });
  let epoch = 0;
  for (let beats = 0; beats < 3; beats++) {
    const answer = await capture.near(kafka.ConsumerGroupHeartbeat, 1, () => beat(epoch));
    epoch = answer?.memberEpoch ?? 0;
  }
  await capture.each(kafka.ConsumerGroupDescribe, () => ({ groupIds: [groupId, 'never was'], includeAuthorizedOperations: true }));
  await capture.near(kafka.ConsumerGroupHeartbeat, 1, () => beat(-1));
}

async function transactions(capture: Capture, topic: Topic): Promise<void> {
  for (let wanted = 0; wanted <= 5; wanted++) {
    const transactionalId = `transaction-${wanted}`;
    await capture.until(
      kafka.InitProducerId,
      () => ({ transactionalId, transactionTimeoutMs: 60_000 }),
      ({ errorCode }) => errorCode === 0,
    );
    const begun = await capture.near(kafka.InitProducerId, wanted, () => ({ transactionalId, transactionTimeoutMs: 60_000 }));
    if (begun === undefined || begun.errorCode !== 0) throw new Error(`InitProducerId near v${wanted}: error ${begun?.errorCode}`);
    const { producerId, producerEpoch } = begun;
    await capture.near(kafka.AddPartitionsToTxn, wanted, () => ({
      v3AndBelowTransactionalId: transactionalId,
      v3AndBelowProducerId: producerId,
      v3AndBelowProducerEpoch: producerEpoch,
      v3AndBelowTopics: [{ name: TOPIC, partitions: [0, 1] }],
    }));
    const records = encodeBatch([{ value: transactionalId }], { producerId, producerEpoch, baseSequence: 0, isTransactional: true });
    await capture.near(kafka.Produce, 11, version => ({
      transactionalId,
      acks: -1,
      timeoutMs: 30_000,
      topicData: [{ ...topic.named(version, 13), partitionData: [{ index: 0, records }] }],
    }));
    await capture.near(kafka.AddOffsetsToTxn, wanted, () => ({ transactionalId, producerId, producerEpoch, groupId: 'paid' }));
    await capture.near(kafka.TxnOffsetCommit, wanted, () => ({
      transactionalId,
      groupId: 'paid',
      producerId,
      producerEpoch,
      topics: [{ name: TOPIC, partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }] }],
    }));
    await capture.near(kafka.DescribeTransactions, wanted, () => ({ transactionalIds: [transactionalId, 'never was'] }));
    await capture.near(kafka.ListTransactions, wanted, () => ({ stateFilters: ['Ongoing', 'Imaginary'] }));
    await capture.near(kafka.DescribeProducers, wanted, () => ({ topics: [{ name: TOPIC, partitionIndexes: [0, 9] }] }));
    await capture.near(kafka.EndTxn, wanted, () => ({ transactionalId, producerId, producerEpoch, committed: wanted % 2 === 0 }));
  }
}

async function fetches(capture: Capture, topic: Topic): Promise<void> {
  await capture.each(kafka.Fetch, version => ({
    maxWaitMs: 1000,
    minBytes: 1,
    maxBytes: 1_000,
    isolationLevel: version >= 4 ? 1 : 0,
    topics: [
      {
        ...topic.fetched(version),
        partitions: [
          { partition: 0, fetchOffset: 1, partitionMaxBytes: 300 },
          { partition: 1, fetchOffset: 77, partitionMaxBytes: 300 },
        ],
      },
    ],
  }));
}

async function administration(capture: Capture): Promise<void> {
  await capture.each(kafka.DescribeConfigs, version => ({
    resources: [
      { resourceType: 2, resourceName: TOPIC, configurationKeys: ['retention.ms', 'cleanup.policy'] },
      { resourceType: 4, resourceName: '1', configurationKeys: ['log.retention.ms'] },
    ],
    includeSynonyms: true,
    ...(version >= 3 && { includeDocumentation: true }),
  }));
  await capture.each(kafka.IncrementalAlterConfigs, () => ({
    resources: [
      { resourceType: 2, resourceName: TOPIC, configs: [{ name: 'retention.ms', configOperation: 0, value: '86400000' }] },
      { resourceType: 2, resourceName: TOPIC.repeat(2), configs: [{ name: 'retention.ms', configOperation: 1, value: null }] },
    ],
  }));
  await capture.each(kafka.DescribeLogDirs, () => ({ topics: [{ topic: TOPIC, partitions: [0, 1] }] }));
  await capture.each(kafka.ElectLeaders, () => ({
    topicPartitions: [
      { topic: TOPIC, partitions: [0] },
      { topic: 'missing', partitions: [0] },
    ],
    timeoutMs: 30_000,
  }));
  await capture.each(kafka.AlterPartitionReassignments, () => ({
    timeoutMs: 30_000,
    topics: [
      {
        name: TOPIC,
        partitions: [
          { partitionIndex: 0, replicas: [1] },
          { partitionIndex: 1, replicas: [99] },
          { partitionIndex: 9, replicas: null },
        ],
      },
    ],
  }));
  await capture.each(kafka.ListPartitionReassignments, () => ({ timeoutMs: 30_000, topics: null }));
  await capture.each(kafka.DescribeCluster, () => ({ includeClusterAuthorizedOperations: true }));
  await capture.each(kafka.DescribeTopicPartitions, () => ({ topics: [{ name: TOPIC }, { name: 'missing' }], responsePartitionLimit: 1 }));
  const rule = { resourceType: 2, resourceName: 'secret', principal: 'User:eve', host: '*', operation: 3, permissionType: 2 };
  await capture.each(kafka.CreateAcls, () => ({ creations: [rule, { ...rule, resourceType: 99 }] }));
  await capture.each(kafka.DescribeAcls, () => ({
    resourceTypeFilter: 1,
    resourceNameFilter: null,
    patternTypeFilter: 1,
    principalFilter: null,
    hostFilter: null,
    operation: 1,
    permissionType: 1,
  }));
  await capture.each(kafka.DeleteAcls, () => ({
    filters: [
      {
        resourceTypeFilter: 2,
        resourceNameFilter: 'secret',
        patternTypeFilter: 3,
        principalFilter: null,
        hostFilter: null,
        operation: 1,
        permissionType: 1,
      },
    ],
  }));
  await capture.each(kafka.AlterClientQuotas, () => ({
    entries: [
      { entity: [{ entityType: 'user', entityName: 'eve' }], ops: [{ key: 'request_percentage', value: 12.5 }] },
      { entity: [{ entityType: 'planet', entityName: null }], ops: [{ key: 'producer_byte_rate', value: 1 }] },
    ],
  }));
  await capture.each(kafka.AlterUserScramCredentials, () => ({
    deletions: [{ name: 'nobody', mechanism: 1 }],
    upsertions: [{ name: 'eve', mechanism: 1, iterations: 4096, salt: Buffer.from('salt'), saltedPassword: Buffer.alloc(32, 7) }],
  }));
  const everyUser = { components: [{ entityType: 'user', matchType: 2, match: null }] };
  await capture.until(
    kafka.DescribeClientQuotas,
    () => everyUser,
    ({ entries }) => (entries ?? []).length > 0,
  );
  await capture.each(kafka.DescribeClientQuotas, () => everyUser);
  await capture.until(
    kafka.DescribeUserScramCredentials,
    () => ({ users: null }),
    ({ results }) => results.length > 0,
  );
  await capture.each(kafka.DescribeUserScramCredentials, () => ({ users: [{ name: 'eve' }, { name: 'nobody' }] }));
}

async function deletions(capture: Capture): Promise<void> {
  await capture.each(kafka.DeleteTopics, version => {
    const names = [`made-${version}`, `missing-${version}`];
    return version < 6 ? { topicNames: names, timeoutMs: 30_000 } : { topics: names.map(name => ({ name })), timeoutMs: 30_000 };
  });
}

/** What is asked on a listener with SASL, each exchange on a connection of its own. */
export async function authenticate(connect: () => Promise<Capture>, user: string, password: string): Promise<void> {
  const alone = async (exchange: (capture: Capture) => Promise<unknown>): Promise<void> => {
    const capture = await connect();
    await exchange(capture).finally(() => capture.close());
  };
  await alone(capture => capture.ask(kafka.SaslHandshake, 0, { mechanism: 'PLAIN' }));
  await alone(capture => capture.ask(kafka.SaslHandshake, 1, { mechanism: 'MORSE' }));
  for (let wanted = 0; wanted <= kafka.SaslAuthenticate.versions[1]; wanted++) {
    for (const secret of [password, `not ${password}`]) {
      await alone(async capture => {
        await capture.ask(kafka.SaslHandshake, 1, { mechanism: 'PLAIN' });
        await capture.near(kafka.SaslAuthenticate, wanted, () => ({ authBytes: Buffer.from(`\0${user}\0${secret}`) }));
      });
    }
  }
}
