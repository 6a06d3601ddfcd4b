import { writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { KafkaClient, KafkaConsumer } from '../../src/index.js';

/*
 * A service as the README has it end: a member of the group "billing" that notes each message when it is done with it.
 *   node sigterm-worker.js BROKERS
 */
const client = new KafkaClient({ brokers: process.argv[2] ?? '' });
const member = new KafkaConsumer(client, { topics: 'orders', groupId: 'billing', autoCommit: { everyMs: 600_000 }, heartbeatMs: 100 });
process.once('SIGTERM', () => {
  client.close({ timeoutMs: 20_000 }).catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
});
for await (const { partition, offset } of member) {
  await delay(20);
  writeSync(1, `${partition} ${offset}\n`);
}
