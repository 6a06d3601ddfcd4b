import { OffsetCommitContext, withOffsets } from '../../src/context/index.js';
import { markMany } from './group-model-marking.js';
import type { Member } from './group-model-member.js';
import { leaveLoop, rewind } from './group-model-reading.js';
import type { Stage } from './group-model-stage.js';

const failure = new Error('the work failed');

export function begin(member: Member): void {
  if (member.context !== undefined || member.isAutomatic || member.loop !== undefined || member.state !== 'open') return;
  if (member.isExplicit) rewind(member);
  member.ask();
  for (const tenure of member.tenures.values()) tenure.initial = tenure.position;
  member.context = OffsetCommitContext.begin(member.consumer);
}

export function endContext(stage: Stage, member: Member, commits: boolean): void {
  const { context } = member;
  if (context === undefined) return;
  leaveLoop(member);
  member.isEnding = true;
  member.read('the end of a context', () =>
    ending(stage, member, () => (commits ? context.commit() : context.rollback().then(() => Promise.reject(failure)))),
  );
}

export function workWithOffsets(stage: Stage, member: Member, count: number, b: number): void {
  if (member.context !== undefined || member.isAutomatic || member.loop !== undefined || member.state !== 'open') return;
  if (member.isExplicit) rewind(member);
  member.ask();
  for (const tenure of member.tenures.values()) tenure.initial = tenure.position;
  const work = async (context: OffsetCommitContext): Promise<void> => {
    member.context = context;
    for (const message of await member.consumer.getMessages(count, { timeoutMs: 5 })) member.took(message);
    markMany(stage, member, Math.ceil(count / 2), b);
    member.isEnding = true;
    if (b % 3 === 0) throw failure;
  };
  member.read('withOffsets()', () => ending(stage, member, () => withOffsets(member.consumer, work)));
}

/** A context ends: every partition stands at what is marked of it, or where the context began. */
async function ending(stage: Stage, member: Member, end: () => Promise<unknown>): Promise<void> {
  let isKept = true;
  try {
    await end();
    stage.count('context committed');
  } catch (error) {
    isKept = false;
    stage.count('context failed');
    if (error !== failure) member.assertExpected(error, 'a context');
  } finally {
    member.context = undefined;
    member.isEnding = false;
    for (const tenure of member.tenures.values()) {
      const { topic, partition } = tenure.place;
      const { initial } = tenure;
      const position = member.consumer.position({ topic, partition });
      tenure.initial = undefined;
      if (position === undefined || initial === undefined) continue;
      if (!isKept && position === initial && position < (tenure.position ?? 0)) tenure.moveTo(initial);
      else if (position < (tenure.position ?? 0)) tenure.standAt(position);
    }
  }
}
