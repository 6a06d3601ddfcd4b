import { setTimeout as sleep } from 'node:timers/promises';
import type { MessageContext } from '../../../src/multiprocess/index.js';
import type { Message } from '../../../src/records/index.js';

const running = new Map<string, number>();
let most = 0;

/** Takes as many turns as the value says, and gives how many ran at once: with the same key, and at all. */
export default async function handle({ key, value }: Message, _context: MessageContext): Promise<readonly [sameKey: number, all: number]> {
  const name = key?.toString() ?? '';
  const same = (running.get(name) ?? 0) + 1;
  running.set(name, same);
  const all = [...running.values()].reduce((sum, each) => sum + each, 0);
  most = Math.max(most, all);
  await sleep(Number(value?.toString() ?? 0));
  running.set(name, (running.get(name) ?? 0) - 1);
  return [same, most];
}
