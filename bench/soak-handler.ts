import type { MessageHandler } from '../src/index.js';

/** Of so many messages of a partition one is tried in vain at first, one is answered by another message, and one ends its thread at first. */
const FAILS = 100_003;
const SENDS = 10_007;
const ENDS = 1_000_003;

const handler: MessageHandler = ({ offset }, context) => {
  if (offset % ENDS === ENDS - 1 && context.attempt === 1) process.exit(1);
  if (offset % FAILS === FAILS - 1 && context.attempt === 1) throw new Error('in vain');
  if (offset % SENDS === SENDS - 1) void context.send({ topic: 'out', key: 'one', value: `${offset}` });
  const until = performance.now() + 0.005;
  while (performance.now() < until);
  return offset % SENDS === 0 ? offset : undefined;
};
export default handler;
