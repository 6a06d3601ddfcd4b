// What the threads of thread-batches.ts do: messages as they were stored together, marked one by one.
import type { BatchHandler } from 'tidemark';

export const handleBatch: BatchHandler = async (batch, context) => {
  let total = 0;
  for (const message of batch) {
    if (context.signal.aborted) break; // the partition is another member's: nobody waits for the rest
    total += Number(message.value);
    context.mark(message); // what is not marked when this returns comes again
  }
  await context.send({ topic: 'totals', key: String(batch.partition), value: `${batch.count} orders for ${total}` });
};
