import assert from 'node:assert/strict';
import { GROUP } from './group-ledger.js';
import { markAll } from './group-model-marking.js';
import { Member } from './group-model-member.js';
import { get, leaveLoop } from './group-model-reading.js';
import { LATE_MS, SLOTS, type Stage } from './group-model-stage.js';
import { optionsOf } from './group-model-variants.js';

/* Members come, go, and are thrown out. */

export function join(stage: Stage, a: number): void {
  const slot = a % SLOTS;
  if (stage.slots[slot] !== undefined) return;
  const options = optionsOf(stage.variant, slot);
  const member = new Member(`m${stage.members.length}`, stage.ledger, options, stage.count, error => stage.fail(error));
  stage.slots[slot] = member;
  stage.members.push(member);
  get(member, 3, a);
}

/** Somebody closes its consumer, whatever it is busy with. */
export function leave(stage: Stage, member: Member, b: number): void {
  if (member.context !== undefined) return;
  if (b % 2 === 0) leaveLoop(member);
  if (member.loop !== undefined && member.isExplicit === false && member.reading === undefined) leaveLoop(member);
  if (member.isExplicit) markAll(stage, member);
  member.state = 'closing';
  const held = [...member.tenures.values()];
  let isInOrder = true;
  member.call(async () => {
    try {
      await member.consumer.close({ timeoutMs: member.isExplicit ? 50 : LATE_MS / 2 });
    } catch (error) {
      isInOrder = false;
      if ((error as { code?: string }).code !== 'TIDE_TIMEOUT' || !member.isExplicit) member.assertExpected(error, 'close()');
    }
    if (isInOrder && member.isAutomatic)
      for (const { place, position, done } of held.filter(({ ended, couldNotCommit }) => ended === 'revoked' && !couldNotCommit))
        assert.ok(
          position === undefined || (stage.ledger.stored(place) ?? 0) >= done,
          `${member.name} is closed, ${place.name} was done to ${done}`,
        );
    assert.equal(member.tenures.size, 0, `${member.name} is closed, and has given up everything`);
    member.state = 'closed';
    stage.slots[stage.slots.indexOf(member)] = undefined;
    if (b % 3 > 0) stage.forget();
    await member.client.close({ timeoutMs: 1000 }).catch(() => {});
  });
  stage.count('left');
}

export function expire(stage: Stage, b: number): void {
  const members = stage.cluster.members(GROUP);
  const one = members[b % Math.max(1, members.length)];
  // A session does not run out while its member waits for its assignment.
  const waits = stage.cluster.groupState(GROUP) === 'CompletingRebalance';
  if (one !== undefined && !waits) stage.cluster.expireMember(GROUP, one.memberId);
}
