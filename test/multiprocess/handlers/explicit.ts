import type { MessageContext } from '../../../src/multiprocess/index.js';
import type { Message } from '../../../src/records/index.js';

let kept: { readonly message: Message; readonly context: MessageContext }[] = [];

/** Keeps messages, and marks all it has kept, last first, when one says so. */
export default function handle(message: Message, context: MessageContext): number {
  kept.push({ message, context });
  if (message.value?.toString() === 'mark all') {
    for (const { message: each, context: of } of kept.reverse()) of.mark(each);
    kept = [];
  }
  return message.offset;
}
