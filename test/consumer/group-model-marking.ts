import assert from 'node:assert/strict';
import type { Message } from '../../src/records/index.js';
import type { Member } from './group-model-member.js';
import type { Stage } from './group-model-stage.js';

/* Members say what is done, and commit that. */

export function markable(member: Member) {
  return member.hands.filter(({ tenure, lease }) => tenure.ended === undefined && tenure.lease === lease).map(({ message }) => message);
}

export function mark(stage: Stage, member: Member, choice: number): void {
  const hand = member.hands[choice % Math.max(1, member.hands.length)];
  if (hand === undefined || !isFree(member)) return;
  const { message, tenure, epoch, lease } = hand;
  const { topic, partition, offset } = message;
  const by = member.context ?? member.consumer;
  const counts = lease === tenure.lease || (epoch === tenure.epoch && offset < tenure.done);
  const code = tenure.ended !== undefined ? 'TIDE_PARTITION_LOST' : counts ? undefined : 'TIDE_STALE';
  if (code !== undefined) {
    assert.throws(() => by.mark(message), { code }, `a late mark of ${tenure.place.name} offset ${offset}`);
    stage.count(`mark: ${code}`);
  } else if (choice % 3 === 0 && lease === tenure.lease && tenure.handedOut.has(offset)) {
    by.mark({ topic, partition }, offset);
  } else by.mark(message);
  if (tenure.ended === undefined && lease === tenure.lease) tenure.mark(offset, offset);
}

export function markMany(stage: Stage, member: Member, count: number, b: number): void {
  for (let i = 0; i < count; i++) mark(stage, member, Math.max(0, member.hands.length - 1 - ((b + i * 7) % Math.max(1, count))));
}

export function markAll(stage: Stage, member: Member): void {
  for (const i of member.hands.keys()) mark(stage, member, i);
}

export function markUpTo(member: Member, choice: number): void {
  const hand = member.hands[choice % Math.max(1, member.hands.length)];
  if (hand === undefined || hand.tenure.ended !== undefined || hand.lease !== hand.tenure.lease || !isFree(member)) return;
  (member.context ?? member.consumer).markUpTo(hand.message);
  hand.tenure.mark(0, hand.message.offset);
}

export function commit(stage: Stage, member: Member, messages: readonly Message[]): void {
  if (member.context !== undefined) return;
  const { consumer } = member;
  for (const { topic, partition, offset } of messages) member.tenures.get(`${topic}/${partition}`)?.mark(offset, offset);
  const due = [...member.tenures.values()]
    .filter(({ position }) => position !== undefined)
    .map(tenure => ({ tenure, epoch: tenure.epoch, done: tenure.done }));
  member.call(async () => {
    try {
      await (messages.length > 0 ? consumer.commit(messages) : consumer.commit());
    } catch (error) {
      member.assertExpected(error, 'commit()');
      return;
    }
    for (const { tenure, epoch, done } of due) {
      if (tenure.ended !== undefined || tenure.epoch !== epoch) continue;
      const stored = stage.ledger.stored(tenure.place) ?? 0;
      assert.ok(stored >= done, `commit() has ended, ${tenure.place.name} was done to ${done}, and ${stored} is stored`);
    }
  });
}

/** Whether something can be marked: not while a context ends. */
const isFree = ({ state, isEnding }: Member): boolean => state === 'open' && !isEnding;
