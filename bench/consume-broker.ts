import { EmbeddedCluster } from '../src/embedded/index.js';
import { encodeBatch } from '../src/records/index.js';

// The broker of bench/consume.ts, in a process of its own so that its CPU is not counted: a million records of 100 bytes. Ends with its parent.
const partitions = 6;
const perBatch = 500;
const cluster = await EmbeddedCluster.start({ topics: { bench: partitions }, rememberRequests: 0 });
const bytes = encodeBatch(Array.from({ length: perBatch }, () => ({ value: Buffer.alloc(100, 'x'), timestamp: 0 })));
for (let i = 0; i < 1_000_000 / perBatch; i++) cluster.appendBatch('bench', i % partitions, bytes);
process.send?.(cluster.brokers);
process.once('disconnect', () => void cluster.close());
