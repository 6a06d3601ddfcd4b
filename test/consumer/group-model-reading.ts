import { KafkaError } from '../../src/base/errors.js';
import type { GetOptions } from '../../src/consumer/index.js';
import type { Member } from './group-model-member.js';
import type { Stage } from './group-model-stage.js';

/* Members read, by each way that there is, and say what and from where. */

export function get(member: Member, count: number, b: number): void {
  if (member.loop !== undefined) return;
  const how = ([{ timeoutMs: 4 }, { block: 1, timeoutMs: 8 }, { block: false }, { timeoutMs: 1 }] as const)[b % 4];
  member.ask();
  member.read('getMessages()', async () => {
    for (const message of await member.consumer.getMessages(count, how)) member.took(message);
  });
}

/** As {@link get}, when nothing goes wrong any more: only that a place could not be stored before may have to be told yet. */
export async function getTold(member: Member, count: number, how: GetOptions): Promise<void> {
  member.ask();
  const given = await member.consumer.getMessages(count, how).catch((error: unknown) => {
    if (!(error instanceof KafkaError && error.code === 'OFFSET_METADATA_TOO_LARGE')) throw error;
    return [];
  });
  for (const message of given) member.took(message);
}

/** Asks a loop for some more, and is left with the last of them in hand. */
export function next(member: Member, kind: 'messages' | 'batches', times: number): void {
  const stop = new AbortController();
  const { consumer } = member;
  member.loop ??= {
    items: kind === 'messages' ? consumer.messages({ signal: stop.signal }) : consumer.batches({ signal: stop.signal }),
    stop,
  };
  const { loop } = member;
  member.read('a loop', async () => {
    let isOver = true;
    try {
      for (let i = 0; i < times && member.loop === loop; i++) {
        member.ask();
        const { value, done } = await loop.items.next();
        isOver = done === true;
        if (isOver) break;
        member.tookAll(value);
        isOver = false;
      }
    } finally {
      if (isOver && member.loop === loop) member.loop = undefined;
    }
  });
}

/** By `break`, or an exception: both call this. */
export function leaveLoop(member: Member): void {
  const { loop } = member;
  if (loop === undefined) return;
  member.loop = undefined;
  loop.items.return?.();
  member.left();
}

export function rewind(member: Member): void {
  if (member.context !== undefined) return;
  member.consumer.rewind();
  member.putBack();
}

export function seek(stage: Stage, member: Member, a: number, b: number): void {
  const tenures = [...member.tenures.values()].filter(({ position, isOpen }) => isOpen && position !== undefined);
  const tenure = tenures[a % Math.max(1, tenures.length)];
  if (tenure === undefined || member.context !== undefined) return;
  const { place, position = 0 } = tenure;
  const { topic, partition } = place;
  const { end } = stage.cluster.offsets(topic, partition);
  const target = b % 4 === 0 ? Math.min(end, position + (b % 3)) : b % (position + 1);
  member.call(async () => {
    await member.consumer.seek(target, undefined, { topic, partition }).catch((error: unknown) => {
      if (tenure.ended === undefined) throw error;
    });
  });
  tenure.seek(target);
  stage.count('seek');
}

export function pause(member: Member, b: number, isPaused: boolean): void {
  const tenures = [...member.tenures.values()];
  const tenure = tenures[b % Math.max(1, tenures.length)];
  if (tenure === undefined || member.state !== 'open') return;
  const { topic, partition } = tenure.place;
  if (isPaused) member.consumer.pause([{ topic, partition }]);
  else member.consumer.resume();
}

export function subscribe(stage: Stage, member: Member, b: number): void {
  if (member.context !== undefined || member.state !== 'open') return;
  const topics = [['orders'], ['bills'], ['orders', 'bills'], [/^(orders|bills|more)/]][b % 4] ?? [];
  member.call(() => member.consumer.setTopicPartitions(...topics));
  member.wants = topic => topics.some(each => (typeof each === 'string' ? each === topic : each.test(topic)));
  stage.count('subscribed');
}
