import { KafkaClient, MultiProcessConsumer } from '../../src/index.js';
import type { FleetWork } from './fleet-handler.js';
import { note, noteChanges } from './note.js';

/*
 * A member of a group that works in two threads, see fleet-handler.ts. SIGTERM ends it in good order: when nothing keeps it alive.
 *   node fleet-worker.js BROKERS TOPIC GROUP WORK
 *   + MS PARTITIONS     assigned
 *   - MS PARTITIONS     revoked
 *   ! MS PARTITIONS     lost
 *   t MS TEXT           a thread was replaced
 *   . MS                it begins, and can be ended in good order
 */
const [brokers = '', topic = '', groupId = '', text = ''] = process.argv.slice(2);
const work: FleetWork = JSON.parse(text);

const over = new AbortController();
process.once('SIGTERM', () => over.abort());
await using client = new KafkaClient({ brokers });
await using fleet = new MultiProcessConsumer(client, {
  ...{ topics: topic, groupId, autoCommit: { everyMs: 500 }, sessionTimeoutMs: 10_000 },
  ...{ threads: 2, threadMemoryMb: 64, handlerTimeoutMs: 2000, maxAttempts: 20, retryBackoffMs: 20 },
});
noteChanges(fleet);
fleet.on('threadReplaced', ({ error }) => note('t', Date.now(), error.message));
note('.', Date.now());
await fleet.run(new URL('./fleet-handler.js', import.meta.url), { workerData: work, signal: over.signal });
