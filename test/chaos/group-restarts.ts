import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MainJobOptions } from '../interop/main-job.js';
import type { KafkaHandle } from '../kafka/handle.js';
import { commitHistory } from './commit-history.js';
import { groupGround } from './group-ground.js';
import { judgeGroup } from './group-judge.js';
import { endOf } from './group-notes.js';
import type { TroupeMember } from './group-troupe.js';
import { type GroupProtocol, viewGroup } from './group-view.js';

const PARTITIONS = 4;
/** As long as the brokers allow for both protocols: nothing here happens because a session is over. */
const LONG_SESSION_MS = 60_000;

/** Which of two members ends before it is started again, and how: in good order, or like a power cut. */
export interface Restart {
  readonly at: 0 | 1;
  readonly ending: 'leave' | 'kill';
}

/**
 * Two static members, of which one after the other ends and is started again within its session.
 * @throws AssertionError unless it has what it had, in the same generation, the other one hears of nothing, and every message is worked on.
 */
export async function staticRestarts(
  kafka: KafkaHandle,
  protocol: GroupProtocol,
  restarts: readonly Restart[],
  { say = () => {} }: MainJobOptions = {},
): Promise<void> {
  await using ground = await groupGround(kafka, protocol, PARTITIONS, LONG_SESSION_MS);
  const { troupe, client, groupId, topic } = ground;
  const work = (groupInstanceId: string) => ({ consumer: { groupInstanceId, sessionTimeoutMs: LONG_SESSION_MS, heartbeatMs: 200 } });
  await ground.fill(50);
  let members = [troupe.join(work('one')), troupe.join(work('two'))] as const;
  const isShared = () => members.every(({ notes: { owned, restCount } }) => restCount > 0 && owned.length === PARTITIONS / 2);
  /** The generation that a member knows; by the new protocol the group's epoch, of which a member need not know the last. */
  const generation = async (member: TroupeMember) =>
    protocol === 'classic' ? member.notes.generationId : (await viewGroup(client, groupId, protocol, topic)).epoch;
  await troupe.until('a share for both', async () => isShared() && (await generation(members[0])) === (await generation(members[1])));
  await ground.untilDone();
  for (const { at, ending } of restarts) {
    const [member, other] = at === 0 ? members : [members[1], members[0]];
    const [had, generationId, memberId] = [member.notes.owned, await generation(member), member.notes.memberId];
    const heard = () => [other.notes.restCount, other.notes.generationId, other.notes.ownerships.length, [...other.notes.owned]];
    const before = heard();
    await ground.fill(50);
    await troupe[ending](member);
    await ground.fill(50);
    const again = troupe.join(work(at === 0 ? 'one' : 'two'));
    members = at === 0 ? [again, other] : [other, again];
    await troupe.until('back', () => again.notes.restCount > 0);
    await ground.untilDone();
    const what = `${ending === 'kill' ? 'killed' : 'ended'} and started again`;
    assert.deepEqual([[...again.notes.owned].sort(), await generation(again)], [[...had].sort(), generationId], `it was ${what}`);
    assert.deepEqual(heard(), before, `the other was ${what}`);
    assert.equal(again.notes.memberId === memberId, false, 'another member in its place');
  }
  for (const member of members) await troupe.leave(member);
  say(
    `${restarts.length} restarts of static members (${restarts.map(({ ending }) => (ending === 'kill' ? 'killed' : 'ended')).join(', ')}): the same partitions in the same generation, nobody else heard of it`,
  );
}

/**
 * A member is ended in good order.
 * @throws AssertionError unless the group is without it when its process is gone, long before its session is over, and the other one takes
 * over where it has ended.
 */
export async function takenOver(kafka: KafkaHandle, protocol: GroupProtocol, { say = () => {} }: MainJobOptions = {}): Promise<void> {
  await using ground = await groupGround(kafka, protocol, PARTITIONS, LONG_SESSION_MS);
  const { troupe, client, groupId, topic } = ground;
  const work = { consumer: { sessionTimeoutMs: LONG_SESSION_MS, heartbeatMs: 200 }, perMs: 1 };
  const [leaver, heir] = [troupe.join(work), troupe.join(work)];
  const both = [leaver, heir];
  await troupe.until('a share for both', () => both.every(({ notes: { owned } }) => owned.length === PARTITIONS / 2));
  await ground.fill(600);
  await troupe.until('both at work', () => both.every(({ notes: { ownerships } }) => ownerships.some(each => endOf(each) > 0)));
  const [memberId, had] = [leaver.notes.memberId, leaver.notes.owned];
  const before = performance.now();
  await troupe.leave(leaver);
  const view = await viewGroup(client, groupId, protocol, topic);
  assert.ok(!view.members.some(each => each.memberId === memberId), 'it is still a member');
  await troupe.until('everything with the other', () => heir.notes.owned.length === PARTITIONS);
  const ms = performance.now() - before;
  await ground.untilDone();
  await troupe.leave(heir);
  const { ownerships } = troupe;
  const { repeatCount } = judgeGroup({ ownerships, commits: await commitHistory(client, groupId, topic), freezes: [], ends: ground.ends });
  assert.equal(repeatCount, 0);
  say(
    `a member with ${had.length} partitions was ended: the other had them after ${ms.toFixed(0)} ms, with the end of the process, where a session lasts ${LONG_SESSION_MS} ms; nothing was repeated`,
  );
}

/**
 * The event loop of a member stands still for longer than its session, with a message in hand and more done than is committed.
 * @throws AssertionError unless it loses its membership and commits nothing any more, what it had not committed comes again to the other, and it is
 * a member again afterwards.
 */
export async function blockedLoop(
  kafka: KafkaHandle,
  protocol: GroupProtocol,
  { sessionTimeoutMs, say = () => {} }: MainJobOptions & { readonly sessionTimeoutMs: number },
): Promise<void> {
  await using ground = await groupGround(kafka, protocol, PARTITIONS, sessionTimeoutMs);
  const { troupe, client, groupId, topic, directory } = ground;
  const consumer = { sessionTimeoutMs, heartbeatMs: Math.floor(sessionTimeoutMs / 6), autoCommit: { everyMs: 300 } };
  const untilFile = join(directory, 'go');
  await ground.fill(500);
  const blocked = troupe.join({ consumer, block: { offset: 100, untilFile } });
  await troupe.until('it stands still', () => blocked.notes.blockedAt !== undefined);
  const other = troupe.join({ consumer });
  await troupe.until('the other has everything', () => other.notes.owned.length === PARTITIONS);
  await ground.untilDone();
  const { partition, offset } = blocked.notes.blockedAt ?? assert.fail();
  const committed = await troupe.committed();
  const { restCount } = blocked.notes;
  writeFileSync(untilFile, '');
  await troupe.until('it is a member again', () => blocked.notes.restCount > restCount && blocked.notes.owned.length > 0);
  const [first] = blocked.notes.ownerships.filter(each => each.partition === partition);
  const taken = other.notes.ownerships.find(each => each.partition === partition && endOf(each) > 0);
  assert.equal(first?.end, 'lost');
  assert.ok((taken?.first ?? offset + 1) <= offset && taken !== undefined && endOf(taken) > offset, 'the message in hand comes again');
  for (const [at, stood] of await troupe.committed()) assert.ok(stood >= (committed.get(at) ?? 0), `partition ${at} went back`);
  await ground.fill(50);
  await ground.untilDone();
  for (const member of [blocked, other]) await troupe.leave(member);
  const { ownerships } = troupe;
  const commits = await commitHistory(client, groupId, topic);
  const { repeatCount } = judgeGroup({ ownerships, commits, freezes: [], ends: ground.ends });
  say(
    `an event loop stood still past ${sessionTimeoutMs} ms with ${partition}/${offset} in hand: its partitions went to the other, ${repeatCount} messages behind the last commit came again, none of the ${commits.length} commits was late, and it is a member again`,
  );
}
