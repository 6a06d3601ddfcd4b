import { systemClock } from '../../src/base/clock.js';
import { asError, KafkaError } from '../../src/base/errors.js';
import { parseAddress } from '../../src/network/address.js';
import { openConnection } from '../../src/network/open-connection.js';
import { OffsetFetch } from '../../src/protocol/index.js';

// A process of its own, so that what it takes of memory is what the client takes: node hostile-client.js <address>. Prints what it met.
const [address = ''] = process.argv.slice(2);
const settings = { clientId: 'test', connectTimeoutMs: 60_000, idleTimeoutMs: 60_000, ipVersion: undefined, clock: systemClock };
const residentBytes = process.memoryUsage.rss();
let met: Error | undefined;
try {
  const connection = await openConnection(parseAddress(address), { ...settings, maxResponseBytes: 100 * 2 ** 20 });
  await connection.request(OffsetFetch, { groupId: 'g', topics: null }, { timeoutMs: 60_000, maxVersion: 7 });
} catch (error) {
  met = asError(error);
}
const grownBytes = process.resourceUsage().maxRSS * 1024 - residentBytes;
console.log(
  JSON.stringify({ grownBytes, message: met?.message, ...(met instanceof KafkaError ? { code: met.code, context: met.context } : {}) }),
);
process.exit();
