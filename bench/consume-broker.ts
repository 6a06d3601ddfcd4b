import { EmbeddedCluster } from '../src/embedded/index.js';
import { type CompressionName, encodeBatch } from '../src/records/index.js';
import { logLines } from './log-lines.js';

/*
 * The broker of bench/consume.ts and bench/codecs.ts, in a process of its own so that its CPU is not counted. Ends with its parent.
 *   node consume-broker.js [VALUE-BYTES [CODEC [COUNT]]]     default: a million records of 100 bytes, not compressed
 */
const [valueBytes = '100', compression = 'none', count = '1000000'] = process.argv.slice(2);
const PARTITIONS = 6;
const BATCH_BYTES = 64 * 1024;
const KINDS = 16;

const perBatch = Math.max(1, Math.floor(BATCH_BYTES / Number(valueBytes)));
const cluster = await EmbeddedCluster.start({ topics: { bench: PARTITIONS }, rememberRequests: 0 });
const batches = Array.from({ length: KINDS }, (_, kind) =>
  encodeBatch(
    logLines(perBatch, Number(valueBytes), kind).map(value => ({ value, timestamp: 0 })),
    { compression: compression as CompressionName },
  ),
);
for (let i = 0; i * perBatch < Number(count); i++) cluster.appendBatch('bench', i % PARTITIONS, batches[i % KINDS] as Buffer);
process.send?.(cluster.brokers);
process.once('disconnect', () => void cluster.close());
