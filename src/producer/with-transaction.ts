import { InputError } from '../base/errors.js';
import { show } from '../base/options.js';
import { hasEnded, Producer } from './producer.js';

/**
 * Runs `work` in a transaction: what it sends, and the offsets it stores, are committed together when it returns, and aborted when it
 * throws. `work` is given the producer. What it did not await is waited for; a commit of its own that it left in doubt is asked for again,
 * and that the producer was fenced comes out even if `work` caught it.
 * @returns What `work` gave.
 * @throws what `work` threw; `TIDE_INPUT` for what is no producer, or no function; else as {@link Producer.begin} and {@link Producer.commit}: with
 * `persistence: 'maybe'` nobody knows whether it was committed.
 */
export async function withTransaction<P extends Producer<never, never>, T>(producer: P, work: (producer: P) => T | Promise<T>): Promise<T> {
  if (!(producer instanceof Producer)) throw new InputError(`withTransaction: expected a producer, got ${show(producer)}`);
  if (typeof work !== 'function') throw new InputError(`withTransaction: expected a function that does the work, got ${show(work)}`);
  await producer.begin();
  try {
    const result = await work(producer);
    if (!hasEnded(producer)) await producer.commit(); // else it has ended it by itself
    return result;
  } catch (error) {
    // Where it is not known how a commit ended, or the producer is fenced, there is nothing to abort.
    if (producer.inTransaction) await producer.abort().catch(() => {});
    throw error;
  }
}
