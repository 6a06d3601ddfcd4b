import type { MessageContext, ThreadContext } from '../../../src/multiprocess/index.js';
import type { Message } from '../../../src/records/index.js';

/** What a message asks its handler to do; see `asks`. */
export interface Ask {
  /** At attempts up to this one; at all of them when it is left out. Later the message is handled as any other. */
  readonly until?: number;
  readonly what: 'throw' | 'exit' | 'memory' | 'spin' | 'hang' | 'uncaught' | 'send' | 'strange';
  readonly topic?: string;
}

/** Does what the message's value asks for, and gives where and which attempt it was. */
export default async function handle(message: Message, context: MessageContext): Promise<unknown> {
  const text = message.value?.toString() ?? '';
  const ask: Ask | undefined = text.startsWith('{') ? JSON.parse(text) : undefined;
  if (ask !== undefined && context.attempt <= (ask.until ?? Number.POSITIVE_INFINITY)) await act(ask, context);
  return ask?.what === 'strange' && context.attempt <= (ask.until ?? Number.POSITIVE_INFINITY)
    ? () => {}
    : `${message.partition}:${message.offset}#${context.attempt}`;
}

async function act({ what, topic = 'out' }: Ask, context: MessageContext): Promise<void> {
  switch (what) {
    case 'throw':
      throw Object.assign(new TypeError('no'), { code: 'E_NO' });
    case 'exit':
      process.exit(3);
      break;
    case 'memory': {
      const all: unknown[] = [];
      for (;;) all.push(new Array(100_000).fill({}));
    }
    case 'spin':
      for (;;);
    case 'hang':
      await new Promise(() => {});
      break;
    case 'uncaught':
      queueMicrotask(() => {
        throw new Error('nobody catches this');
      });
      await new Promise(() => {});
      break;
    case 'send':
      void context.send({ topic, key: 'k', value: `from ${context.topic}` }).catch(() => {});
      break;
    case 'strange':
      break;
    default:
      what satisfies never;
  }
}

export function setup({ workerData, threadIndex }: ThreadContext): unknown {
  if (Array.isArray(workerData)) Atomics.add(new Int32Array(workerData[0]), 0, 1);
  if (workerData === 'bad setup') throw new Error(`no setup in thread ${threadIndex}`);
  return workerData === 'endless setup' ? new Promise(() => {}) : undefined;
}

export function teardown({ workerData, threadIndex }: ThreadContext): void {
  if (workerData === 'bad teardown') throw new Error(`no teardown in thread ${threadIndex}`);
  if (!Array.isArray(workerData)) return;
  const words = new Int32Array(workerData[0]);
  Atomics.add(words, 1, 1);
  if (words.length > 2) Atomics.wait(words, 2, 0); // until it may end
}
