import { linked } from '../base/abort.js';
import { ConnectionError } from '../base/errors.js';
import { orAborted } from '../base/wait.js';
import type { Cluster } from '../cluster/cluster.js';

/**
 * Resolves when a broker has described the cluster.
 * @param timeoutMs Longest time over all attempts.
 * @throws KafkaError `TIDE_CONNECTION` or `TIDE_PROTOCOL` with the reason of each broker; the signal's reason when aborted.
 */
export async function firstContact(cluster: Cluster, timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
  const over = new AbortController();
  const late = new Error('late');
  const timer = cluster.clock.after(timeoutMs, () => over.abort(late));
  let last: unknown;
  const { signal: stop, unlink } = linked(signal, over.signal);
  const attempt = async () => {
    try {
      await orAborted(cluster.refresh([]), stop);
    } catch (error) {
      if (error !== late) last = error;
      throw error;
    }
  };
  try {
    await cluster.retrying(attempt, { signal: stop });
  } catch (error) {
    if (error !== late) throw error;
    const why = last instanceof Error ? `; last: ${last.message}` : '; no attempt has come to an end';
    throw new ConnectionError(`connect: no broker described the cluster within ${timeoutMs} ms (timeoutMs)${why}`, {
      cause: last,
      persistence: 'no',
    });
  } finally {
    timer.cancel();
    unlink();
  }
}
