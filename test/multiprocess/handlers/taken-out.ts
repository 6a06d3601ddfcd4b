import type { MessageContext } from '../../../src/multiprocess/index.js';
import type { Message } from '../../../src/records/index.js';

/** Takes what the context offers out of it, as handlers of other clients do. */
export default async function handle(message: Message, { send, mark }: MessageContext): Promise<string> {
  await send({ topic: 'out', key: message.key, value: message.value });
  mark(message);
  return String(message.value);
}
