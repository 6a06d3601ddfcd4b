import { EmbeddedCluster } from '../src/embedded/index.js';
import { encodeBatch } from '../src/records/index.js';
import { logLines } from './log-lines.js';

/*
 * The broker of the proof "soak": an embedded cluster with a topic of 6 partitions that has no end. As far as the group "soak" has committed it is
 * forgotten, and so much is always ahead of it. Ends with its parent.
 */
const PARTITIONS = 6;
const PER_BATCH = 640;
const AHEAD = 60_000;
const LOOK_MS = 50;

const cluster = await EmbeddedCluster.start({
  topics: { soak: PARTITIONS, out: { partitions: 1, retentionBytes: 1_000_000 } },
  rememberRequests: 0,
});
const batch = encodeBatch(logLines(PER_BATCH, 100, 1).map(value => ({ value, timestamp: 0 })));
const look = setInterval(feed, LOOK_MS);
feed();
process.send?.(cluster.brokers);
process.once('disconnect', () => {
  clearInterval(look);
  void cluster.close();
});

function feed(): void {
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const committed = cluster.committed('soak').get(`soak/${partition}`)?.offset ?? 0;
    cluster.trim('soak', partition, committed);
    while (cluster.offsets('soak', partition).end < committed + AHEAD) cluster.appendBatch('soak', partition, batch);
  }
}
