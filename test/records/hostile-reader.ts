import { readFileSync } from 'node:fs';
import { asError, KafkaError } from '../../src/base/errors.js';
import { readBatches } from '../../src/records/index.js';

// A process of its own, so that what it takes of memory is what reading takes: node hostile-reader.js <file> <bound>. Prints what it met.
const [file = '', bound = ''] = process.argv.slice(2);
const bytes = readFileSync(file);
const residentBytes = process.memoryUsage.rss();
let met: Error | undefined;
try {
  const batch = readBatches(bytes, { topic: 'orders', partition: 3, maxDecompressedBytes: Number(bound) }).next();
  await batch?.openInTurns(async () => {
    await new Promise(setImmediate);
  });
} catch (error) {
  met = asError(error);
}
const grownBytes = process.resourceUsage().maxRSS * 1024 - residentBytes;
const known = met instanceof KafkaError ? { code: met.code, context: met.context } : {};
console.log(JSON.stringify({ grownBytes, message: met?.message, ...known }));
