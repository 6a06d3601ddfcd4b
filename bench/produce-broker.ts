import { EmbeddedCluster } from '../src/embedded/index.js';

// The broker of bench/produce.ts, in a process of its own so that its CPU is not counted. Prints its address; ends with its parent.
const cluster = await EmbeddedCluster.start({
  topics: { bench: { partitions: 6, retentionBytes: 16 * 1024 * 1024 } },
  rememberRequests: 0,
});
process.send?.(cluster.brokers);
process.once('disconnect', () => void cluster.close());
