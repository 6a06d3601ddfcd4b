// What the threads of threads.ts do with each message.
import type { MessageHandler } from 'tidemark';

const handler: MessageHandler = ({ key, value, offset }, { attempt }) => {
  if (offset === 3 && attempt === 1) process.exit(1); // takes the whole thread with it, once
  let sum = 0;
  for (let i = 0; i < 1e6; i++) sum += i % 7; // the work, which blocks this thread and no other
  return `${key}: ${value} (${sum})`;
};
export default handler;
