import { setTimeout as sleep } from 'node:timers/promises';
import type { MessageContext, ThreadContext } from '../../../src/multiprocess/index.js';
import type { Message } from '../../../src/records/index.js';

const thrown: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  symbol: () => Symbol('thrown'),
  wordless: () => Object.create(null),
  'odd message': () => Object.assign(new Error('no'), { message: () => 1 }),
  'odd stack': () => Object.assign(new Error('no'), { stack: [() => 1] }),
  'odd name': () => Object.assign(new Error('no'), { name: Symbol('name') }),
  'odd cause': () => new Error('no', { cause: Object.create(null) }),
  getter: () =>
    Object.defineProperty(new Error('no'), 'message', {
      get() {
        throw new Error('no message');
      },
    }),
};

export const oddErrors = Object.keys(thrown);

let late: Promise<string> | undefined;

/** Does at first attempts what a handler should not; gives what came of it. */
export default async function handle(message: Message, context: MessageContext): Promise<string> {
  const { value, valid, offset } = message;
  const text = value?.toString() ?? '';
  const [what = ''] = text.split(' ');
  if (!valid && context.attempt < 3) throw new Error('not what is damaged');
  if (what === 'log')
    (context as ThreadContext).logger.warn('odd', { wordless: Object.create(null), symbol: Symbol('field') } as object as Record<
      string,
      string
    >);
  if (what === 'late')
    late = sleep(1)
      .then(() => context.send({ topic: 'out', value: 'late' }))
      .then(
        () => 'sent',
        (error: { readonly code: string }) => error.code,
      );
  if (what === 'chain') void context.send({ topic: 'out', value: 'one' }).then(() => context.send({ topic: 'out', value: 'two' }));
  if (what === 'wait') return `${offset} ${await late}`;
  if (context.attempt === 1) {
    if (value !== null && what === 'hand-over') structuredClone(null, { transfer: [value.buffer as ArrayBuffer] });
    if (value !== null && what === 'overwrite') value.fill('x');
    if (['hand-over', 'overwrite'].includes(what)) throw new Error('no');
    const error = thrown[text];
    if (error !== undefined) throw error();
  }
  if (what === 'spoil') {
    value?.fill('x');
    throw new Error('no');
  }
  return `${offset}#${context.attempt}`;
}
