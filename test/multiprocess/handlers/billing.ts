import type { MessageContext } from '../../../src/multiprocess/index.js';
import type { Message } from '../../../src/records/index.js';

/** Sends a bill for each order, some slowly; then, at first attempts, fails or ends its thread where the order says so. */
export default async function handle({ key, value }: Message, context: MessageContext): Promise<string> {
  const [order = '', what, times = '0'] = value?.toString().split(' ') ?? [];
  if (what === 'slow') await new Promise(resolve => setTimeout(resolve, Number(times)));
  const topic = typeof context.workerData === 'string' ? context.workerData : 'out';
  await context.send({ topic, key, value: `bill for ${order}` });
  if (what !== undefined && what !== 'slow' && context.attempt <= Number(times)) {
    if (what === 'exit') process.exit(1);
    throw new Error(`${what} at attempt ${context.attempt}`);
  }
  return order;
}
