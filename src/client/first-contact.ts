import { ConnectionError, KafkaError } from '../base/errors.js';
import { limited, orAborted } from '../base/wait.js';
import type { Cluster } from '../cluster/cluster.js';

/**
 * Resolves when a broker has described the cluster.
 * @param timeoutMs Longest time over all attempts.
 * @throws KafkaError `TIDE_CONNECTION` or `TIDE_PROTOCOL` with the reason of each broker; the signal's reason when aborted.
 */
export async function firstContact(cluster: Cluster, timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
  let last: unknown;
  const late = () => {
    const why = last instanceof Error ? `; last: ${last.message}` : '; no attempt has come to an end';
    return new ConnectionError(`connect: no broker described the cluster within ${timeoutMs} ms (timeoutMs)${why}`, {
      cause: last,
      persistence: 'no',
      errno: last instanceof KafkaError ? last.errno : undefined,
    });
  };
  await limited(cluster.clock, { ms: timeoutMs, signal, late }, stop => {
    const attempt = async () => {
      try {
        await orAborted(cluster.refresh([]), stop);
      } catch (error) {
        last = error;
        throw error;
      }
    };
    return cluster.retrying(attempt, { signal: stop });
  });
}
