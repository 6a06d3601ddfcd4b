import type { MessageBatch } from '../../../src/consumer/index.js';
import type { BatchContext } from '../../../src/multiprocess/index.js';
import { act, offsetsOf } from './drawn.js';

export async function handleBatch(batch: MessageBatch, context: BatchContext): Promise<readonly number[]> {
  for (const message of batch) await act(message, context.attempt);
  context.mark(batch);
  return offsetsOf(batch);
}
