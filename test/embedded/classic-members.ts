import {
  AddOffsetsToTxn,
  DeleteGroups,
  DescribeGroups,
  FindCoordinator,
  Heartbeat,
  InitProducerId,
  JoinGroup,
  LeaveGroup,
  ListGroups,
  OffsetCommit,
  OffsetDelete,
  OffsetFetch,
  SyncGroup,
  TxnOffsetCommit,
} from '../../src/protocol/index.js';
import { type GroupQuestions, Member } from './group-questions.js';

/** Who is in no group, and who asks for what cannot be. */
export async function strangers(q: GroupQuestions): Promise<void> {
  const groupId = await q.group('none');
  const memberId = 'nobody';
  await q.ask('no group', Heartbeat, { groupId, memberId, generationId: 1 });
  await q.ask('no group', SyncGroup, { groupId, memberId, generationId: 1, protocolType: 'consumer', protocolName: 'range' });
  for (const version of [1, q.last(LeaveGroup)]) {
    await q.ask('no group', LeaveGroup, version < 3 ? { groupId, memberId } : { groupId, members: [{ memberId }] }, version);
  }
  for (const version of [4, q.last(DescribeGroups)]) await q.ask('no group', DescribeGroups, { groups: [groupId] }, version);
  await q.ask('no group', DeleteGroups, { groupsNames: [groupId] });
  await q.ask('no group', OffsetDelete, { groupId, topics: [{ name: q.topic, partitions: [{ partitionIndex: 0 }] }] });
  for (const version of [2, 8, Math.min(9, q.last(OffsetCommit))]) {
    await q.commit('a generation, no group', groupId, { generationIdOrMemberEpoch: 3, memberId }, version);
  }
  await q.commit('no topic', groupId, { generationIdOrMemberEpoch: 3, memberId }, 8, `${q.topic}-none`);
  if (q.last(OffsetFetch) >= 9) await q.ask('no group', OffsetFetch, { groups: [{ groupId, memberId, memberEpoch: 3, topics: null }] }, 9);

  const protocols = [{ name: 'range', metadata: Buffer.alloc(3) }];
  const joins = { groupId, sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 60_000, memberId: '', protocolType: 'consumer', protocols };
  for (const version of [0, 6, q.last(JoinGroup)]) {
    await q.ask('no group, an id', JoinGroup, { ...joins, memberId }, version);
    await q.ask('empty group', JoinGroup, { ...joins, groupId: '' }, version);
    for (const sessionTimeoutMs of [999, 1_800_001, -1]) {
      await q.ask(`session ${sessionTimeoutMs}`, JoinGroup, { ...joins, sessionTimeoutMs }, version);
    }
    await q.ask('no protocols', JoinGroup, { ...joins, protocols: [] }, version);
    await q.ask('no type', JoinGroup, { ...joins, protocolType: '' }, version);
    await q.ask('no type, an id', JoinGroup, { ...joins, protocolType: '', memberId }, version);
  }
  await q.until(groupId, 'Empty');
  await q.describe('behind all that', groupId);
  await q.ask('empty group', Heartbeat, { groupId: '', memberId, generationId: 1 });
  await q.ask('empty group', SyncGroup, { groupId: '', memberId, generationId: 1, protocolType: 'consumer', protocolName: 'range' });
  await q.ask('empty group', LeaveGroup, { groupId: '', members: [{ memberId }] });
  await q.ask('empty group', OffsetDelete, { groupId: '', topics: [{ name: q.topic, partitions: [{ partitionIndex: 0 }] }] });
}

/** One member, in every version there is. */
export async function alone(q: GroupQuestions): Promise<void> {
  for (let version = 0; version <= q.last(JoinGroup); version++) {
    const groupId = await q.group(`alone-${version}`);
    const me = await Member.of(q, groupId, 'me');
    await me.joined('alone', { version });
    const others = Math.min(version, q.last(SyncGroup));
    await me.sync('alone', [me], { version: others })();
    const { memberId, generationId } = me;
    const beats = Math.min(version, q.last(Heartbeat));
    await q.ask('alone', Heartbeat, { groupId, memberId, generationId }, beats);
    await q.ask('another generation', Heartbeat, { groupId, memberId, generationId: generationId + 1 }, beats);
    await q.ask('another member', Heartbeat, { groupId, memberId: 'nobody', generationId }, beats);
    const described = Math.min(version, q.last(DescribeGroups));
    await q.ask('alone', DescribeGroups, { groups: [groupId] }, described);
    await q.commit('alone', groupId, { memberId, generationIdOrMemberEpoch: generationId }, Math.max(2, Math.min(version, 8)));
    const leaves = Math.min(version, q.last(LeaveGroup));
    const leaving = (id: string) => (leaves < 3 ? { groupId, memberId: id } : { groupId, members: [{ memberId: id }] });
    await q.ask('a stranger', LeaveGroup, leaving('nobody'), leaves);
    await q.ask('left', LeaveGroup, leaving(memberId), leaves);
    await q.ask('left again', LeaveGroup, leaving(memberId), leaves);
    await q.ask('left', DescribeGroups, { groups: [groupId] }, described);
    await q.ask('left', Heartbeat, { groupId, memberId, generationId }, beats);
    await me.joined('back with the old id', { version });
    await me.sync('left', [], { version: others })();
    await q.commit('left', groupId, { memberId, generationIdOrMemberEpoch: generationId });
    await q.commit('left, nobody in particular', groupId, {});
    await q.ask('stored', OffsetFetch, { groupId, topics: [{ name: q.topic, partitionIndexes: [0] }] }, 7);
    await q.ask('deleted', DeleteGroups, { groupsNames: [groupId] }, Math.min(version, 2));
    await q.describe('deleted', groupId);
    await q.ask('deleted', OffsetFetch, { groupId, topics: [{ name: q.topic, partitionIndexes: [0] }] }, 7);
  }
}

/** Two members and what they are told while a group rebalances, and around that. */
export async function together(q: GroupQuestions): Promise<void> {
  const groupId = await q.group('together');
  const a = await Member.of(q, groupId, 'a');
  const b = await Member.of(q, groupId, 'b');
  await q.ask('a', JoinGroup, { ...pendingJoin(groupId), protocols: [{ name: 'range', metadata: Buffer.alloc(1) }] }, 5);
  await q.until(groupId, 'Empty');
  await q.ask('somebody was told an id', DeleteGroups, { groupsNames: [groupId] });

  await a.joined('first');
  await q.until(groupId, 'CompletingRebalance'); // a group that was just made is not shown at once
  await q.describe('first, not synced', groupId);
  const unsynced = { memberId: a.memberId, generationIdOrMemberEpoch: a.generationId };
  await q.commit('not synced', groupId, unsynced);
  await q.commit('not synced, another generation', groupId, { ...unsynced, generationIdOrMemberEpoch: 7 });
  await q.ask('not synced', Heartbeat, { groupId, memberId: a.memberId, generationId: a.generationId });
  await a.joined('the same again');
  for (const name of ['other', null]) await a.sync(`protocol ${name}`, [a], { protocolName: name })();
  await a.sync('type', [a], { protocolType: 'connect' })();
  await a.sync('generation', [a], { generationId: 9 })();
  await a.sync('first', [a])();
  await a.sync('again', [a, a])();
  await q.describe('first, synced', groupId);

  const comesB = await b.join('second');
  await q.until(groupId, 'PreparingRebalance');
  await q.describe('a does not know yet', groupId);
  await q.ask('a hears', Heartbeat, { groupId, memberId: a.memberId, generationId: a.generationId });
  await q.ask('a hears, of another generation', Heartbeat, { groupId, memberId: a.memberId, generationId: a.generationId + 1 });
  await a.sync('a while others join', [a])();
  await q.commit('a may still commit', groupId, { memberId: a.memberId, generationIdOrMemberEpoch: a.generationId });
  await q.commit('a without a name may not', groupId, {});
  await q.ask('not empty', DeleteGroups, { groupsNames: [groupId] });
  const comesA = await a.join('back');
  await comesB();
  await comesA();
  await q.describe('both, not synced', groupId);
  await q.commit('both, not synced', groupId, { memberId: b.memberId, generationIdOrMemberEpoch: b.generationId });
  const bHears = b.sync('waits for a');
  const aHears = a.sync('assigns', [a, b]);
  await aHears();
  await bHears();
  await q.describe('both', groupId);
  await b.sync('again')();
  await b.joined('b, nothing new');
  await q.describe('b asked, nothing new', groupId);
  const deleting = [`${q.topic}-none`, q.topic].map(name => ({ groupId, topics: [{ name, partitions: [{ partitionIndex: 0 }] }] }));
  for (const body of deleting) await q.ask('a topic that is read', OffsetDelete, body);

  for (const [step, protocols, protocolType] of [
    ['no common protocol', { sticky: 0 }, 'consumer'],
    ['another type', { range: 0 }, 'connect'],
  ] as const) {
    const stranger = await Member.of(q, groupId, 'stranger');
    await stranger.joined(step, { protocols, protocolType, version: 3 });
    stranger.memberId = b.memberId;
    await stranger.joined(`${step}, b`, { protocols, protocolType, version: q.last(JoinGroup) });
  }

  // A leader that asks again wants another assignment; a follower, when it says something new.
  const leads = await a.join('leader again');
  await q.until(groupId, 'PreparingRebalance');
  const follows = await b.join('with it');
  await follows();
  await leads();
  const waits = b.sync('waits');
  await q.until(groupId, 'CompletingRebalance');
  const changes = await a.join('something new while it completes', { protocols: { roundrobin: 1, range: 3 } });
  await waits();
  const comes = await b.join('also something', { protocols: { roundrobin: 5, range: 0 } });
  await comes();
  await changes();
  await a.sync('not that one', [a, b])();
  const waiting = b.sync('chosen', [], { protocolName: 'roundrobin' });
  await a.sync('chosen', [b, a], { protocolName: 'roundrobin' })();
  await waiting();
  await q.describe('another protocol', groupId);
  const narrower = await b.join('one that it did not know alone', { protocols: { sticky: 1 } });
  await narrower();

  await q.ask('both wrong', LeaveGroup, {
    groupId,
    members: [{ memberId: 'x' }, { memberId: '', groupInstanceId: 'y' }, { memberId: '' }],
  });
  await q.ask('a leaves', LeaveGroup, { groupId, members: [{ memberId: a.memberId }, { memberId: 'x' }] });
  await q.describe('a left', groupId);
  await q.ask('b hears', Heartbeat, { groupId, memberId: b.memberId, generationId: b.generationId });
  await b.joined('alone', { protocols: { roundrobin: 5 } });
  await b.sync('alone', [b], { protocolName: 'roundrobin' })();
  await q.ask('b leaves', LeaveGroup, { groupId, members: [{ memberId: b.memberId }] });
  await q.describe('all left', groupId);
  for (const body of deleting) await q.ask('nobody reads', OffsetDelete, body);
  await q.ask('empty', DeleteGroups, { groupsNames: [groupId] });

  const alone = await q.group('together alone');
  const one = await Member.of(q, alone, 'one');
  await one.joined('alone');
  await q.until(alone, 'CompletingRebalance');
  const other = await q.group('connectors');
  const worker = await Member.of(q, other, 'worker');
  await worker.joined('another kind', { protocolType: 'connect', protocols: { x: 0 } });
  for (const body of deleting) await q.ask('another kind', OffsetDelete, { ...body, groupId: other });
  await worker.sync('another kind', [worker], { protocolType: 'connect', protocolName: 'x' })();
  await q.describe('another kind', other);
  const groups = [groupId, alone, other];
  for (const version of [1, 4]) await q.listed('all', groups, {}, version);
  await q.listed('some states', groups, { statesFilter: ['empty', 'Imaginary', 'Stable'] });
  if (q.last(ListGroups) >= 5) await q.listed('of types', groups, { typesFilter: ['Classic', 'imaginary'] });
}

const pendingJoin = (groupId: string) => ({
  groupId,
  sessionTimeoutMs: 1000,
  rebalanceTimeoutMs: 60_000,
  memberId: '',
  protocolType: 'consumer',
});

export async function votes(q: GroupQuestions): Promise<void> {
  const groupId = await q.group('votes');
  const all = [];
  for (const name of ['a', 'b', 'c']) all.push(await Member.of(q, groupId, name));
  const [a, b, c] = all;
  if (a === undefined || b === undefined || c === undefined) return;
  const preferred = [
    [a, { one: 1, two: 1, three: 1 }],
    [b, { three: 2, two: 2 }],
    [c, { three: 3, two: 3, four: 3 }],
  ] as const;
  await a.joined('a votes', { protocols: preferred[0][1] });
  const comes = [];
  for (const [member, protocols] of preferred.slice(1)) comes.push(await member.join('votes', { protocols }));
  await q.until(groupId, 'PreparingRebalance', 3);
  comes.push(await a.join('votes', { protocols: preferred[0][1] }));
  for (const come of comes) await come();
}

export async function statics(q: GroupQuestions): Promise<void> {
  const groupId = await q.group('statics');
  const a = await Member.of(q, groupId, 'a', 'one');
  const b = await Member.of(q, groupId, 'b', 'two');
  await a.joined('first');
  const comesB = await b.join('second');
  await q.until(groupId, 'PreparingRebalance', 2);
  const comesA = await a.join('back');
  await comesB();
  await comesA();
  const hears = b.sync('both');
  await a.sync('both', [a, b])();
  await hears();
  await q.describe('both', groupId);

  for (const [name, instance, old] of [
    ['b', 'two', b],
    ['a', 'one', a],
  ] as const) {
    for (const version of [5, 8, 9].filter(each => each <= q.last(JoinGroup))) {
      const again = await Member.of(q, groupId, `${name} again`, instance);
      await again.joined('in its place', { version });
      const { generationId } = again;
      const former = { memberId: old.memberId, generationId: old.generationId };
      await q.ask('fenced', Heartbeat, { groupId, ...former, groupInstanceId: instance });
      await q.ask('gone', Heartbeat, { groupId, ...former });
      await q.ask('there', Heartbeat, { groupId, memberId: again.memberId, groupInstanceId: instance, generationId });
      await q.ask('another instance', Heartbeat, { groupId, memberId: again.memberId, groupInstanceId: 'three', generationId });
      const commits = { memberId: old.memberId, groupInstanceId: instance, generationIdOrMemberEpoch: generationId };
      await q.commit('fenced', groupId, commits);
      await q.commit('there', groupId, { ...commits, memberId: again.memberId });
      await q.ask('fenced', LeaveGroup, { groupId, members: [{ memberId: old.memberId, groupInstanceId: instance }] });
      await old.sync('fenced')();
      await old.joined('fenced');
      await again.sync('there')();
      old.memberId = again.memberId;
    }
  }
  await q.describe('replaced', groupId);

  const changed = await Member.of(q, groupId, 'b changed', 'two');
  const comes = await changed.join('with another protocol too', { protocols: { range: 4, sticky: 1 } });
  await comes();
  await q.describe('that is no reason', groupId);
  const more = await Member.of(q, groupId, 'c', 'three');
  const waits = await more.join('c comes');
  await q.until(groupId, 'PreparingRebalance', 3);
  const anew = await Member.of(q, groupId, 'c anew', 'three');
  const waitsToo = await anew.join('c comes again');
  await waits();
  const others = [await changed.join('with c', { protocols: { range: 4 } }), await a.join('with c')];
  await waitsToo();
  for (const other of others) await other();
  const fenced = anew.sync('fenced while it waits');
  const third = await Member.of(q, groupId, 'c once more', 'three');
  await q.until(groupId, 'CompletingRebalance');
  const waitsAgain = await third.join('while it completes');
  await fenced();
  await q.describe('begins again', groupId);
  const back = [await changed.join('again', { protocols: { range: 4 } }), await a.join('again')];
  await waitsAgain();
  for (const other of back) await other();
  const syncs = [changed.sync('three'), third.sync('three')];
  await a.sync('three', [a, changed, third])();
  for (const sync of syncs) await sync();
  await q.ask('taken out by name', LeaveGroup, { groupId, members: [{ memberId: '', groupInstanceId: 'two' }] });
  await q.describe('taken out', groupId);
  const gone = ['one', 'three', 'two'].map(groupInstanceId => ({ memberId: '', groupInstanceId }));
  await q.ask('all taken out', LeaveGroup, { groupId, members: gone });
  await q.describe('all taken out', groupId);
}

/** Sessions and rebalances that last too long. */
export async function late(q: GroupQuestions): Promise<void> {
  const groupId = await q.group('late');
  const quick = { sessionTimeoutMs: 1000, rebalanceTimeoutMs: 1500 };
  const a = await Member.of(q, groupId, 'a');
  await a.joined('alone', quick);
  await a.sync('alone', [a])();
  await q.until(groupId, 'Empty');
  await q.describe('its session is over', groupId);
  const { memberId, generationId } = a;
  await q.ask('its session is over', Heartbeat, { groupId, memberId, generationId });
  await a.joined('its session is over');

  const slow = { rebalanceTimeoutMs: 1500 };
  const b = await Member.of(q, groupId, 'b');
  const c = await Member.of(q, groupId, 'c');
  await b.joined('another', slow);
  await b.sync('another', [b])();
  const comes = await c.join('b does not come back', slow);
  await comes();
  await q.describe('without b', groupId);
  await q.ask('left behind', Heartbeat, { groupId, memberId: b.memberId, generationId: b.generationId });
  await c.sync('alone', [c])();

  const told = await Member.of(q, groupId, 'told its id only');
  await q.all.heard('told', JoinGroup, 5, told.client.request(JoinGroup, 5, { ...pendingJoin(groupId), protocols: PROTOCOLS }));
  const again = await c.join('waits for the other one', slow);
  await again();
}

const PROTOCOLS = [{ name: 'range', metadata: Buffer.alloc(1) }];

/** Members that were told of a generation and do not ask for their part of it. */
export async function neverSynced(q: GroupQuestions): Promise<void> {
  const groupId = await q.group('unsynced');
  const slow = { rebalanceTimeoutMs: 1500 };
  const a = await Member.of(q, groupId, 'a');
  const b = await Member.of(q, groupId, 'b');
  await a.joined('a', slow);
  const comesB = await b.join('b', slow);
  await q.until(groupId, 'PreparingRebalance', 2);
  const comesA = await a.join('a again', slow);
  await comesB();
  await comesA();
  const waits = b.sync('a says nothing');
  await waits();
  await q.describe('a is out', groupId);
}

export async function transactional(q: GroupQuestions): Promise<void> {
  const groupId = await q.group('transactional');
  const transactionalId = groupId;
  const init = { transactionalId, transactionTimeoutMs: 60_000 };
  while ((await q.all.client.request(FindCoordinator, 3, { key: transactionalId, keyType: 1 })).errorCode !== 0);
  let producer = await q.all.client.request(InitProducerId, 4, init);
  while (producer.errorCode !== 0) producer = await q.all.client.request(InitProducerId, 4, init);
  const { producerId, producerEpoch } = producer;
  const a = await Member.of(q, groupId, 'a');
  await a.joined('a');
  await q.ask('added', AddOffsetsToTxn, { transactionalId, producerId, producerEpoch, groupId }, 3);
  const commit = async (step: string, who: object) => {
    const topics = [{ name: q.topic, partitions: [{ partitionIndex: 0, committedOffset: 7, committedMetadata: '' }] }];
    await q.ask(step, TxnOffsetCommit, { transactionalId, groupId, producerId, producerEpoch, ...who, topics }, 3);
  };
  const all = async (step: string) => {
    const { memberId, generationId } = a;
    await commit(`${step}, nobody`, {});
    await commit(`${step}, a`, { memberId, generationId });
    await commit(`${step}, another generation`, { memberId, generationId: 9 });
    await commit(`${step}, no generation`, { memberId });
    await commit(`${step}, a stranger`, { memberId: 'x', generationId });
    await commit(`${step}, an instance`, { memberId, generationId, groupInstanceId: 'x' });
  };
  await all('not synced');
  await a.sync('a', [a])();
  await all('stable');
  await q.ask('left', LeaveGroup, { groupId, members: [{ memberId: a.memberId }] });
  await all('left');
}
