import { setTimeout as delay } from 'node:timers/promises';
import { endContext } from './group-model-contexts.js';
import { get, leaveLoop, rewind } from './group-model-reading.js';
import type { Stage } from './group-model-stage.js';

/** Nobody holds anything: everybody comes back, and the partitions are divided among all. */
export async function rest(stage: Stage): Promise<void> {
  for (const member of stage.open()) if (member.tenures.size > 0) member.consumer.resume();
  await stage.inTime('every call comes back', released(stage));
  let looks = 0;
  await stage.until('the partitions are divided', () => {
    const isAsking = looks++ % 50 === 0; // one that the group did not take asks again
    for (const member of stage.open()) {
      if (isAsking && member.tenures.size === 0 && member.reading === undefined) get(member, 1, 3);
      const isHolding = [...member.tenures.values()].some(({ isInHand }) => isInHand);
      if (isHolding && member.reading === undefined) rewind(member);
    }
    return isDivided(stage);
  });
  await stage.inTime('every call comes back', released(stage));
  stage.check();
  stage.count('at rest');
}

/** Resolves when no call is under way; what they bring is let go of, so that nobody waits for it. */
async function released(stage: Stage): Promise<void> {
  for (;;) {
    for (const member of stage.open()) {
      leaveLoop(member);
      if (member.reading !== undefined) continue;
      if (member.context !== undefined) endContext(stage, member, false);
      else rewind(member);
    }
    stage.forget();
    if (stage.members.every(({ calls }) => calls.size === 0)) return;
    stage.check();
    await delay(1);
  }
}

/** Whether every partition that somebody wants is read by one of them. */
function isDivided(stage: Stage): boolean {
  const open = stage.open();
  return [...stage.ledger.places.values()].every(({ topic, name }) => {
    const isWanted = open.some(({ wants }) => wants(topic));
    return open.filter(({ tenures }) => tenures.has(name)).length === (isWanted ? 1 : 0);
  });
}
