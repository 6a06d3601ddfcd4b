import { linked } from '../base/abort.js';
import type { Cluster } from '../cluster/cluster.js';
import { reactionTo } from './group-errors.js';
import { type HeartbeatSettings, Heartbeats } from './heartbeats.js';

/**
 * Does `work`, which waits for the group, with heartbeats beside it. The group says nothing to a member that waits for its assignment and is
 * taken out meanwhile; a heartbeat is told, and that ends the wait.
 * @throws KafkaError what `work` throws, or what a heartbeat was told.
 */
export async function besideHeartbeats<T>(
  cluster: Cluster,
  settings: Omit<HeartbeatSettings, 'told'>,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const out = new AbortController();
  const heartbeats = new Heartbeats(cluster, {
    ...settings,
    told: error => {
      if (reactionTo(error) !== 'rejoin') out.abort(error); // else an old broker only says that the group is not divided yet
    },
  });
  const either = linked(signal, out.signal);
  heartbeats.start();
  try {
    return await work(either.signal);
  } finally {
    heartbeats.stop();
    either.unlink();
  }
}
