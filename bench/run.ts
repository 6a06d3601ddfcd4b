import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/*
 * The benchmarks, each in a process of its own. Figures are CPU-seconds per million messages and rates, median and spread.
 *
 *   npm run bench                       consume, contexts, codecs, produce, records and threads, on the embedded cluster in a process beside
 *   npm run bench -- consume            one of them
 *   npm run bench -- --kafka            consume and produce, on a real Kafka 4.1.2 of one node that is started for it
 *   npm run bench -- consume --kafka    one of them
 *   npm run bench -- produce-peers      producing beside other clients, on a real Kafka; they are installed in bench/peers
 *   npm run bench -- consume-peers      reading beside them, kcat and Java
 *   npm run bench -- latency            from one end to the other, beside them, at 500 messages a second
 *   npm run bench -- idle               what 1,000 partitions cost in which nothing happens, on a real Kafka
 *   npm run bench -- consume-memory     what a consumer takes while its handler stands still
 *   npm run bench -- produce-memory     what a producer takes while its broker stands still for a minute
 */

const args = process.argv.slice(2);
const real = args.includes('--kafka');
const known = real ? ['consume', 'produce'] : ['consume', 'contexts', 'codecs', 'produce', 'records', 'threads'];
const byName = [...known, 'consume-peers', 'produce-peers', 'latency', 'idle', 'consume-memory', 'produce-memory'];
const asked = args.filter(arg => byName.includes(arg));
const rest = args.filter(arg => !byName.includes(arg) && arg !== '--kafka');

for (const name of asked.length > 0 ? asked : known) {
  const file = join(fileURLToPath(new URL('.', import.meta.url)), `${name}${real ? '-kafka' : ''}.js`);
  if (!existsSync(file)) throw new Error(`${file} is not there: run "npm run build" first`);
  console.log(`\n# ${name}${real ? ' on real Kafka' : ''}`);
  const [code] = await once(spawn(process.execPath, [file, ...rest], { stdio: 'inherit' }), 'exit');
  if (code !== 0) process.exitCode = 1;
}
