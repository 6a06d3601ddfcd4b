import { setTimeout as sleep } from 'node:timers/promises';
import type { MessageBatch } from '../../../src/consumer/index.js';
import type { MessageContext } from '../../../src/multiprocess/index.js';
import type { Message } from '../../../src/records/index.js';

/** Does at first attempts what the value says: `throw N`, `exit N`, `wait MS`; marks. Gives which messages it was. */
export default async function handle(message: Message, context: MessageContext): Promise<number> {
  await act(message, context.attempt);
  context.mark(message);
  return message.offset;
}

export async function act(message: Message, attempt: number): Promise<void> {
  const [what, number = '0'] = message.value?.toString().split(' ') ?? [];
  if (what === 'wait') await sleep(Number(number));
  if (attempt > Number(number)) return;
  if (what === 'throw') throw new Error('drawn');
  if (what === 'exit') process.exit(1);
}

export const offsetsOf = (batch: MessageBatch): readonly number[] => Array.from(batch, ({ offset }) => offset);
