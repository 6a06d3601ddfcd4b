import { writeSync } from 'node:fs';
import type { MessageHandler, ThreadContext } from '../../src/index.js';

/** What the handler is told. */
export interface FleetWork {
  readonly seed: number;
  /** One message in so many ends its thread, once. */
  readonly oneIn: number;
}

/*
 * Notes each message on stdout when it has worked on it: the kernel keeps that, whatever becomes of the thread or the process. Some end their
 * thread at their first attempt: by leaving, by taking memory without end, or by never coming back.
 *   PARTITION OFFSET NUMBER ATTEMPT MS     worked on; the number is the one its value begins with
 *   x PARTITION OFFSET HOW MS              ends its thread now
 */
let work: FleetWork = { seed: 0, oneIn: 0 };
export const setup = ({ workerData }: ThreadContext): void => {
  work = workerData as FleetWork;
};

const ways = ['exit', 'memory', 'spin'] as const;

const handler: MessageHandler = ({ partition, offset, value }, { attempt }) => {
  const draw = mixed(work.seed + partition * 1_000_003 + offset);
  if (attempt === 1 && draw % work.oneIn === 0) {
    const how = ways[Math.floor(draw / work.oneIn) % ways.length] ?? 'exit';
    writeSync(1, `x ${partition} ${offset} ${how} ${Date.now()}\n`);
    if (how === 'exit') process.exit(1);
    const all: unknown[] = [];
    for (;;) if (how === 'memory') all.push(new Array(100_000).fill({}));
  }
  writeSync(1, `${partition} ${offset} ${Number.parseInt(String(value), 10)} ${attempt} ${Date.now()}\n`);
};
export default handler;

/** A number that looks drawn, the same for the same one. */
function mixed(from: number): number {
  const once = Math.imul(from ^ (from >>> 16), 0x45d9f3b);
  const twice = Math.imul(once ^ (once >>> 16), 0x45d9f3b);
  return (twice ^ (twice >>> 16)) >>> 0;
}
