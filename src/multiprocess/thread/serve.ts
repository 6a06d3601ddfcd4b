import { systemClock } from '../../base/clock.js';
import { wordsOf } from '../../base/errors.js';
import type { LogFields, LogLevel } from '../../base/log.js';
import { type Deferred, deferred } from '../../base/wait.js';
import { InHand } from '../in-hand.js';
import { toPlain } from '../plain-error.js';
import type { FromThread, Result, ThreadTask, ToThread } from '../thread-messages.js';
import type { ThreadContext, ThreadLogger } from './context.js';
import { loadHandler } from './handler-module.js';
import { Sends } from './sends.js';
import { ShareRun, type ThreadKit } from './share-run.js';
import { Slots } from './slots.js';

/** So many results may be on their way to the main thread. */
const maxResults = 1024;

/**
 * The life of a thread: loads the handler, works on the shares it is sent until there will be no more, and ends. What goes wrong outside of
 * handlers is told: then the thread is of no use.
 */
export async function serve(task: ThreadTask): Promise<void> {
  try {
    await live(task);
  } catch (error) {
    task.port.postMessage({ kind: 'broken', error: toPlain(error) } satisfies FromThread); // an error that is thrown would lose its code
  } finally {
    task.port.close();
  }
}

async function live(task: ThreadTask): Promise<void> {
  const { port, handlerUrl, workerData, threadIndex, concurrency } = task;
  const post = (message: FromThread) => port.postMessage(message);
  const context: ThreadContext = { threadIndex, workerData, logger: task.wantsLog ? loggerOver(post) : silent };
  const inHand = new InHand(concurrency, task.inHand);
  const sends = new Sends((id, record) => post({ kind: 'send', id, record }));
  const crowd = new Crowd();
  const ended = deferred();
  const runs = new Map<number, ShareRun>();
  let running = 0;
  let isLast = false;
  const module = await loadHandler(handlerUrl);
  const results = (slot: number, all: readonly Result[], done: number, count: number) => {
    post({ kind: 'results', slot, results: all, done, count });
    return crowd.add(all.length);
  };
  const kit: ThreadKit = { clock: systemClock, task, module, context, inHand, slots: new Slots(concurrency), sends, results };

  const end = () => {
    if (isLast && running === 0) ended.resolve();
  };
  const work = async (order: ToThread & { readonly kind: 'share' }): Promise<void> => {
    const run = new ShareRun(kit, order);
    runs.set(order.slot, run);
    running += 1;
    const returned = await run.run();
    running -= 1;
    if (runs.get(order.slot) === run) runs.delete(order.slot);
    post(returned);
    end();
  };
  const handle = (message: ToThread): void => {
    switch (message.kind) {
      case 'share':
        work(message).catch(ended.reject);
        break;
      case 'abort':
        runs.get(message.slot)?.abort(message.reason);
        break;
      case 'sent':
        sends.settle(message.id, message.stored, message.error);
        break;
      case 'taken':
        crowd.remove(message.count);
        break;
      case 'end':
        isLast = true;
        end();
        break;
      default:
        message satisfies never;
    }
  };
  await module.setup?.(context);
  port.on('message', handle);
  post({ kind: 'ready' });
  await ended.promise;
  await module.teardown?.(context);
}

/** What is on its way to the main thread, which may be slower. */
class Crowd {
  #count = 0;
  #room: Deferred<void> | undefined;

  add(count: number): Promise<void> | undefined {
    this.#count += count;
    if (this.#count < maxResults) return undefined;
    this.#room ??= deferred();
    return this.#room.promise;
  }

  remove(count: number): void {
    this.#count -= count;
    if (this.#count >= maxResults) return;
    this.#room?.resolve();
    this.#room = undefined;
  }
}

function loggerOver(post: (message: FromThread) => void): ThreadLogger {
  const line = (level: LogLevel) => (message: string, fields?: LogFields) =>
    post({ kind: 'log', level, message: wordsOf(message), fields: plainFields(fields) });
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
}

/** Values that cross, whatever a handler gives. */
const plainFields = (fields: LogFields | undefined): LogFields =>
  Object.fromEntries(
    Object.entries(fields ?? {}).map(([name, value]) => [
      name,
      ['string', 'number', 'boolean'].includes(typeof value) ? value : wordsOf(value),
    ]),
  );

const ignore = () => {};
const silent: ThreadLogger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
