import {
  AddOffsetsToTxn,
  ConsumerGroupDescribe,
  ConsumerGroupHeartbeat,
  CreateTopics,
  DeleteGroups,
  DescribeGroups,
  FindCoordinator,
  Heartbeat,
  InitProducerId,
  LeaveGroup,
  OffsetDelete,
  OffsetFetch,
  type RequestOf,
  type ResponseOf,
  SyncGroup,
  TxnOffsetCommit,
} from '../../src/protocol/index.js';
import { type GroupQuestions, Member } from './group-questions.js';

type Beat = RequestOf<typeof ConsumerGroupHeartbeat>;

/** A member of the new protocol; all of them ask over one connection, since none of their requests waits. */
class Consumer {
  readonly q: GroupQuestions;
  readonly groupId: string;
  readonly memberId: string;
  readonly instanceId: string | null;
  epoch = 0;
  /** What it was last told to read. */
  partitions: NonNullable<Beat['topicPartitions']> = [];

  constructor(q: GroupQuestions, groupId: string, memberId: string, instanceId: string | null = null) {
    this.q = q;
    this.groupId = groupId;
    this.memberId = memberId;
    this.instanceId = instanceId;
  }

  async beat(step: string, given: Partial<Beat> = {}): Promise<ResponseOf<typeof ConsumerGroupHeartbeat>> {
    const { groupId, memberId, instanceId, epoch: memberEpoch } = this;
    const body = { groupId, memberId, instanceId, memberEpoch, ...given };
    return this.#heard(await this.q.ask(`${step}, ${memberId}`, ConsumerGroupHeartbeat, body));
  }

  #heard(answer: ResponseOf<typeof ConsumerGroupHeartbeat>): ResponseOf<typeof ConsumerGroupHeartbeat> {
    if (answer.errorCode === 0) this.epoch = answer.memberEpoch;
    if (answer.assignment !== null) this.partitions = answer.assignment.topicPartitions;
    return answer;
  }

  joins(step: string, given: Partial<Beat> = {}) {
    const first = { memberEpoch: 0, rebalanceTimeoutMs: 60_000, subscribedTopicNames: [this.q.topic], topicPartitions: [] };
    return this.beat(step, { ...first, ...given });
  }

  /** Says that it has what it was told to. */
  has(step: string, given: Partial<Beat> = {}) {
    return this.beat(step, { topicPartitions: this.partitions, ...given });
  }

  leaves(step: string, memberEpoch = -1) {
    return this.beat(step, { memberEpoch });
  }

  /** Beats until it is told something new. */
  async untilTold(step: string, given: Partial<Beat> = {}): Promise<void> {
    const { groupId, memberId, instanceId } = this;
    for (;;) {
      const body = { groupId, memberId, instanceId, memberEpoch: this.epoch, ...given };
      const answer = this.#heard(await this.q.all.client.request(ConsumerGroupHeartbeat, 1, body));
      if (answer.assignment !== null) break;
      await new Promise(resolve => setTimeout(resolve, 20)); // nobody tells when a broker goes on
    }
    this.told(step);
  }

  /** What it was told to read last, of however many epochs. */
  told(step: string): void {
    const told = this.partitions.map(({ partitions }) => partitions.join());
    this.q.all.answers.push([`${step}, ${this.memberId}`, told.sort()]);
  }
}

async function describe(q: GroupQuestions, step: string, groupId: string, version = 1): Promise<void> {
  await q.ask(step, ConsumerGroupDescribe, { groupIds: [groupId] }, version);
}

/** What cannot be asked, and who is nobody. */
export async function strangers(q: GroupQuestions): Promise<void> {
  const groupId = await q.group('none');
  const nobody = new Consumer(q, groupId, 'nobody');
  for (const memberEpoch of [5, -1]) await nobody.beat(`no group, ${memberEpoch}`, { memberEpoch });
  await nobody.beat('no group, -2', { memberEpoch: -2, instanceId: 'one' });
  await describe(q, 'no group', groupId);
  await describe(q, 'no name', '');
  const wrong: [string, Partial<Beat>][] = [
    ['empty group', { groupId: '' }],
    ['empty member', { memberId: '' }],
    ['empty instance', { instanceId: '' }],
    ['empty rack', { rackId: '' }],
    ['epoch -3', { memberEpoch: -3 }],
    ['epoch -2 without an instance', { memberEpoch: -2 }],
    ['no time limit', { rebalanceTimeoutMs: -1 }],
    ['nothing said of partitions', { topicPartitions: null }],
    ['partitions', { topicPartitions: [{ topicId: q.topicId, partitions: [0] }] }],
    ['no subscription', { subscribedTopicNames: null }],
    ['assignor', { serverAssignor: 'cooperative' }],
    ['empty assignor', { serverAssignor: '' }],
    ['pattern', { subscribedTopicNames: null, subscribedTopicRegex: '[a' }],
  ];
  for (const [step, given] of wrong) await nobody.joins(step, given);
  await describe(q, 'behind all that', groupId);
}

export async function alone(q: GroupQuestions): Promise<void> {
  const groupId = await q.group('alone');
  const a = new Consumer(q, groupId, 'member-a');
  const nobody = new Consumer(q, groupId, 'nobody');
  await a.joins('joins');
  for (const version of [0, 1]) await describe(q, 'joined', groupId, version);
  await a.beat('nothing new');
  await a.has('has all');
  await a.joins('joins again');
  await a.beat('knows more', { memberEpoch: a.epoch + 1 });
  await a.beat('knows less', { memberEpoch: a.epoch - 1 });
  await a.beat('knows less, has more', { memberEpoch: a.epoch - 1, topicPartitions: [{ topicId: q.topicId, partitions: [9] }] });
  await a.beat('knows less, has that', { memberEpoch: a.epoch - 1, topicPartitions: a.partitions });
  await a.has('says everything', { rebalanceTimeoutMs: 60_000, subscribedTopicNames: [q.topic] });
  await nobody.beat('a stranger', { memberEpoch: 1 });
  await nobody.leaves('a stranger leaves');
  await nobody.beat('an instance that nobody is', { memberEpoch: 1, instanceId: 'one' });

  const { memberId, epoch } = a;
  for (const version of [8, 9]) {
    await q.commit('its epoch', groupId, { memberId, generationIdOrMemberEpoch: epoch }, version);
    await q.commit('another epoch', groupId, { memberId, generationIdOrMemberEpoch: epoch + 1 }, version);
    await q.commit('a stranger', groupId, { memberId: 'nobody', generationIdOrMemberEpoch: epoch }, version);
    await q.commit('nobody in particular', groupId, {}, version);
  }
  for (const [step, who] of [
    ['its epoch', { memberId, memberEpoch: epoch }],
    ['another epoch', { memberId, memberEpoch: epoch - 1 }],
    ['a stranger', { memberId: 'nobody', memberEpoch: epoch }],
    ['nobody in particular', {}],
    ['no epoch', { memberId }],
    ['an empty name', { memberId: '' }],
  ] as const) {
    const topics = [{ name: q.topic, partitionIndexes: [0] }];
    await q.ask(step, OffsetFetch, { groups: [{ groupId, ...who, topics }] }, 9);
    await q.ask(`${step}, all`, OffsetFetch, { groups: [{ groupId, ...who, topics: null }], requireStable: true }, 9);
  }
  for (const version of [5, 6]) await q.ask('not a classic one', DescribeGroups, { groups: [groupId] }, version);
  await q.listed('all', [groupId], {}, 5);
  await q.listed('its state', [groupId], { statesFilter: ['stable'], typesFilter: ['consumer'] }, 5);
  await q.listed('another state', [groupId], { statesFilter: ['reconciling'] }, 5);
  await q.listed('another type', [groupId], { typesFilter: ['classic'] }, 5);
  await q.ask('not empty', DeleteGroups, { groupsNames: [groupId] });
  const topics = [{ name: q.topic, partitions: [{ partitionIndex: 0 }] }];
  await q.ask('is read', OffsetDelete, { groupId, topics });
  const classic = { groupId, memberId, generationId: epoch };
  await q.ask('a classic heartbeat', Heartbeat, { groupId, memberId: 'nobody', generationId: epoch });
  await q.ask('a classic sync', SyncGroup, { ...classic, memberId: 'nobody', protocolType: 'consumer', protocolName: 'range' });
  await q.ask('leaves the classic way', LeaveGroup, { groupId, members: [{ memberId: 'nobody' }] });

  await a.has('wants a topic that is not', { subscribedTopicNames: [`${q.topic}-none`] });
  await describe(q, 'must give up all', groupId);
  await a.has('has them still');
  await a.beat('says nothing of it');
  await a.beat('gave them up', { topicPartitions: [] });
  await describe(q, 'wants a topic that is not', groupId);
  await a.beat('wants both', { subscribedTopicNames: [q.topic, `${q.topic}-none`] });
  await a.beat('wants nothing', { subscribedTopicNames: [], topicPartitions: [] });
  await a.beat('wants it again', { subscribedTopicNames: [q.topic], topicPartitions: [] });
  await a.has('another client', { rackId: 'rack', serverAssignor: 'range' });
  await describe(q, 'says more', groupId);
  await a.leaves('leaves');
  await describe(q, 'left', groupId);
  await a.leaves('leaves again');
  await a.beat('is not there', { memberEpoch: 1 });
  await q.ask('is not read', OffsetDelete, { groupId, topics });
  await q.commit('left, nobody in particular', groupId, {}, 9);
  await q.commit('left', groupId, { memberId, generationIdOrMemberEpoch: epoch }, 9);
  await a.joins('is back');
  await a.leaves('leaves for good');
  await q.ask('empty', DeleteGroups, { groupsNames: [groupId] });
  await describe(q, 'deleted', groupId);
}

/** Partitions that go from one member to others. */
export async function together(q: GroupQuestions): Promise<void> {
  const groupId = await q.group('together');
  const [a, b, c] = ['member-a', 'member-b', 'member-c'].map(memberId => new Consumer(q, groupId, memberId));
  if (a === undefined || b === undefined || c === undefined) return;
  await a.joins('first');
  await a.has('first');
  await b.joins('second');
  await describe(q, 'b waits', groupId);
  await b.has('still waits');
  await a.beat('must give up two');
  await describe(q, 'a gives up two', groupId);
  await a.beat('is told once');
  await q.commit('may still commit', groupId, { memberId: a.memberId, generationIdOrMemberEpoch: a.epoch }, 9);
  await b.has('waits for a');
  await a.has('gave them up');
  await describe(q, 'a gave them up', groupId);
  await b.has('gets them');
  await b.has('has them');
  await describe(q, 'both', groupId);
  await c.joins('third');
  await a.has('three');
  await b.has('three');
  await a.has('three, has');
  await b.has('three, has');
  await c.has('three');
  await c.has('three, has');
  await a.has('all have');
  await describe(q, 'all three', groupId);
  await a.leaves('leaves');
  await describe(q, 'without a', groupId);
  await b.has('without a');
  await c.has('without a');
  await b.has('without a, has');
  await c.has('without a, has');
  await describe(q, 'two', groupId);
}

export async function statics(q: GroupQuestions): Promise<void> {
  const groupId = await q.group('statics');
  const a = new Consumer(q, groupId, 'member-a', 'one');
  const b = new Consumer(q, groupId, 'member-b', 'two');
  await a.joins('first');
  await b.joins('second');
  for (const member of [a, b, a, b, a]) await member.has('both');
  await describe(q, 'both', groupId);
  const other = new Consumer(q, groupId, 'member-z', 'one');
  await other.joins('in the name of a');
  await other.beat('in the name of a, later', { memberEpoch: a.epoch });
  await other.leaves('in the name of a, leaves');
  await a.leaves('leaves for a while', -2);
  await describe(q, 'a is away', groupId);
  await b.has('a is away');
  await a.beat('is away', { memberEpoch: 3 });
  await other.joins('comes in its place');
  await describe(q, 'another is a', groupId);
  await a.beat('is not it any more', { memberEpoch: 3 });
  await a.leaves('is not it any more, leaves');
  await other.has('has them');
  await b.beat('without its instance', { instanceId: null });
  await other.leaves('leaves for a while', -2);
  await other.joins('the same again');
  await other.leaves('leaves for good');
  await b.has('alone');
  await b.has('alone, has');
  await describe(q, 'alone', groupId);

  const dynamic = new Consumer(q, groupId, 'member-c');
  await dynamic.joins('third');
  await new Consumer(q, groupId, 'member-d', 'three').joins('fourth');
  const named = { memberId: '', groupInstanceId: 'three' };
  for (const members of [
    [{ memberId: 'member-c', groupInstanceId: 'two' }],
    [{ memberId: 'member-b', groupInstanceId: 'none' }, { memberId: 'member-b' }, { memberId: '' }],
    [named, { memberId: 'member-c' }],
    [named],
  ]) {
    await q.ask('the classic way', LeaveGroup, { groupId, members });
  }
  await describe(q, 'the classic way', groupId);
}

/** Offsets that a transaction stores for members. */
export async function transactional(q: GroupQuestions): Promise<void> {
  const groupId = await q.group('transactional');
  const transactionalId = groupId;
  const { client } = q.all;
  const init = { transactionalId, transactionTimeoutMs: 60_000 };
  while ((await client.request(FindCoordinator, 3, { key: transactionalId, keyType: 1 })).errorCode !== 0);
  let producer = await client.request(InitProducerId, 4, init);
  while (producer.errorCode !== 0) producer = await client.request(InitProducerId, 4, init);
  const { producerId, producerEpoch } = producer;
  await q.ask('added', AddOffsetsToTxn, { transactionalId, producerId, producerEpoch, groupId }, 3);
  const a = new Consumer(q, groupId, 'member-a');
  await a.joins('joins');
  await a.has('has all', { subscribedTopicNames: [q.topic, `${q.topic}-none`] });
  const { memberId, epoch } = a;
  const topics = [{ name: q.topic, partitions: [{ partitionIndex: 0, committedOffset: 7, committedMetadata: '' }] }];
  for (const [step, who] of [
    ['nobody in particular', {}],
    ['its epoch', { memberId, generationId: epoch }],
    ['another epoch', { memberId, generationId: epoch - 1 }],
    ['no epoch', { memberId }],
    ['a stranger', { memberId: 'nobody', generationId: epoch }],
    ['an instance', { groupInstanceId: 'one' }],
  ] as const) {
    for (const version of [3, 5]) {
      await q.ask(step, TxnOffsetCommit, { transactionalId, groupId, producerId, producerEpoch, ...who, topics }, version);
    }
  }
}

/** Who does not give up in time what it should. */
export async function late(q: GroupQuestions): Promise<void> {
  const groupId = await q.group('late');
  const a = new Consumer(q, groupId, 'member-a');
  const b = new Consumer(q, groupId, 'member-b');
  await a.joins('first', { rebalanceTimeoutMs: 500 });
  await a.has('first');
  await b.joins('second');
  await a.beat('must give up two');
  await b.untilTold('gets them in the end');
  await a.has('too late');
  await describe(q, 'without a', groupId);
}

export async function patterns(q: GroupQuestions): Promise<void> {
  const groupId = await q.group('patterns');
  const a = new Consumer(q, groupId, 'member-a');
  const joins = { memberEpoch: 0, rebalanceTimeoutMs: 60_000, topicPartitions: [], subscribedTopicRegex: `${q.topic}-m.*` };
  await q.all.client.request(CreateTopics, 4, { topics: [{ name: `${q.topic}-more`, numPartitions: 2, replicationFactor: 1 }] });
  const { groupId: group, memberId } = a;
  let heard = await q.all.client.request(ConsumerGroupHeartbeat, 1, { groupId: group, memberId, ...joins });
  const { topicPartitions = [] } = heard.assignment ?? {};
  a.epoch = heard.memberEpoch;
  a.partitions = topicPartitions;
  // Kafka looks for topics only when the first answer is on its way.
  if (topicPartitions.length === 0) await a.untilTold('by pattern');
  else a.told('by pattern');
  heard = await q.all.client.request(ConsumerGroupHeartbeat, 1, {
    groupId: group,
    memberId,
    memberEpoch: a.epoch,
    topicPartitions: a.partitions,
  });
  q.all.answers.push(['has them', heard.errorCode]);
  await a.untilTold('and by name', { subscribedTopicNames: [q.topic], topicPartitions: a.partitions });
  await a.beat('a wrong one', { subscribedTopicRegex: '(' });
  await a.untilTold('by name alone', { subscribedTopicRegex: '', topicPartitions: a.partitions });
}

export async function ranges(q: GroupQuestions): Promise<void> {
  const groupId = await q.group('ranges');
  const a = new Consumer(q, groupId, 'member-a');
  const b = new Consumer(q, groupId, 'member-b');
  const c = new Consumer(q, groupId, 'member-c', 'a static one');
  const other = `${q.topic}-other`;
  const ranged = { serverAssignor: 'range', subscribedTopicNames: [q.topic, other] };
  await a.joins('of a topic to come', ranged);
  await describe(q, 'of a topic to come', groupId);
  await a.has('of a topic to come');
  await q.all.client.request(CreateTopics, 4, { topics: [{ name: other, numPartitions: 3, replicationFactor: 1 }] });
  await a.untilTold('the topic has come', { topicPartitions: a.partitions });
  await a.has('has both');
  await b.joins('second', { ...ranged, subscribedTopicNames: [other] });
  await c.joins('third', ranged);
  for (const member of [a, b, c, a, b, c, a]) await member.has('shares');
  q.all.answers.push(['the same epochs', [a.epoch - b.epoch, a.epoch - c.epoch]]);
}

/** A group without members becomes one of the other kind. */
export async function kinds(q: GroupQuestions): Promise<void> {
  const groupId = await q.group('kinds');
  const classic = await Member.of(q, groupId, 'classic');
  await q.commit('stored first', groupId, {}, 9);
  await classic.joined('classic');
  await classic.sync('classic', [classic])();
  await q.ask('leaves', LeaveGroup, { groupId, members: [{ memberId: classic.memberId }] });
  const a = new Consumer(q, groupId, 'member-a');
  await a.joins('new');
  await a.has('new');
  await q.ask('stored first', OffsetFetch, { groups: [{ groupId, topics: null }] }, 9);
  await a.leaves('leaves');
  const again = await Member.of(q, groupId, 'classic again');
  await again.joined('classic again', { version: 3 });
  await q.until(groupId, 'CompletingRebalance');
  await q.describe('classic again', groupId);
  await describe(q, 'not of the new kind', groupId);
  await q.ask('stored first', OffsetFetch, { groups: [{ groupId, topics: null }] }, 9);
}
