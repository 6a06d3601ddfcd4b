import type { MessageContext } from '../../../src/multiprocess/index.js';
import type { Message } from '../../../src/records/index.js';

let seen = 0;
let before: { readonly message: Message; readonly context: MessageContext } | undefined;

/** Marks each message but the third that it is given; tells what comes of marking one too late, and one of another call. */
export default function handle(message: Message, context: MessageContext): string {
  seen += 1;
  const late = before === undefined ? '' : refusal(() => before?.context.mark(before.message));
  const foreign = before === undefined ? '' : refusal(() => context.mark((before as { readonly message: Message }).message));
  before = { message, context };
  if (seen !== 3) context.mark(message);
  return `${message.offset} ${late} ${foreign}`.trim();
}

function refusal(work: () => void): string {
  try {
    work();
    return 'taken';
  } catch (error) {
    return (error as { readonly code: string }).code;
  }
}
