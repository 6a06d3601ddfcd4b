import type { MessageBatch } from '../../../src/consumer/index.js';
import type { BatchContext } from '../../../src/multiprocess/index.js';

/** Gives the offsets it was given, or what cannot be taken. Marks the messages that say "mark"; fails as often as the first that says "fail N" asks for; ends its thread. */
export async function handleBatch(batch: MessageBatch, context: BatchContext): Promise<unknown> {
  for (const message of batch) {
    const [what, times = '0'] = message.value?.toString().split(' ') ?? [];
    if (what === 'mark') context.mark(message);
    if (what === 'fail' && context.attempt <= Number(times)) throw new Error('not this batch');
    if (what === 'exit' && context.attempt <= Number(times)) process.exit(1);
  }
  if ([...batch].some(({ value }) => value?.toString() === 'function')) return () => {};
  return `${batch.firstOffset}-${batch.lastOffset}#${context.attempt}`;
}
