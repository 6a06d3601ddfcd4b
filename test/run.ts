import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { missingForKafka, missingKcat, REQUIRED } from './kafka/availability.js';
import { STARTS_VARIABLE } from './kafka/cluster.js';
import { BrokerKeeper, KEEPER_VARIABLE } from './kafka/keeper.js';
import { GuardedProcess } from './kafka/process.js';
import { PROJECT_ROOT } from './kafka/project.js';
import { DEFAULT_VERSION } from './kafka/versions.js';

// Runs the compiled tests: all of them, or those whose path contains one of the arguments (`npm test -- consumer`), and none with `!` before it
// (`npm test -- consumer '!model'`).
// Arguments that begin with a dash go to node (`npm test -- --test-name-pattern=rejoins`).
// It owns the brokers that the files share; they end with it, whatever ends it.

const COMPILED = dirname(fileURLToPath(import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'tidemark-run-'));
const starts = join(scratch, 'starts');

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const files = testFiles(args.filter(arg => !arg.startsWith('-')));
  if (typeof files === 'string') return refuse(files);
  const missing = missingForKafka();
  const lacking = [missing, missingKcat()].filter(name => name !== undefined).join(' and ');
  if (REQUIRED && lacking) return refuse(`TIDEMARK_REQUIRE_KAFKA=1, but this machine lacks ${lacking}`);
  console.log(`${files.length} test files on Node.js ${process.versions.node}; ${outlook(missing, lacking)}`);

  const keeper = missing ? undefined : await BrokerKeeper.start();
  const env = { [KEEPER_VARIABLE]: keeper?.address, [STARTS_VARIABLE]: starts };
  process.env[STARTS_VARIABLE] = starts; // the shared brokers are started here
  let code = 1;
  try {
    code = await runTests(
      files,
      args.filter(arg => arg.startsWith('-')),
      env,
    );
    return code;
  } finally {
    const logs = await keeper?.close({ keepLogs: code !== 0 });
    summarize(logs ?? []);
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Runs the files and gives the exit code. A signal that asks us to end goes to all of them, and we end after them. */
async function runTests(files: readonly string[], flags: readonly string[], env: Record<string, string | undefined>): Promise<number> {
  const options = ['--test', '--test-reporter=spec', '--test-concurrency=2', '--test-timeout=900000', ...flags];
  const tests = GuardedProcess.start(process.execPath, [...options, ...files], { log: 'inherit', env });
  let interrupted = 0;
  const interrupt = (signal: NodeJS.Signals, number: number): void => {
    interrupted = 128 + number;
    tests.signalGroup(signal);
    setTimeout(() => tests.signalGroup('SIGKILL'), 5_000).unref();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt).on('SIGHUP', interrupt);
  const { code } = await tests.exit();
  tests.signalGroup('SIGKILL'); // a test file that outlived the run
  return interrupted || (code ?? 1);
}

/** The compiled tests whose source exists, or what is wrong. */
function testFiles(filters: readonly string[]): string[] | string {
  const sources = readdirSync(join(PROJECT_ROOT, 'test'), { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.test.ts'));
  const without = filters.filter(filter => filter.startsWith('!')).map(filter => filter.slice(1));
  const having = filters.filter(filter => !filter.startsWith('!'));
  const isWanted = (name: string) => having.length === 0 || having.some(filter => name.includes(filter));
  const wanted = sources.filter(name => isWanted(name) && !without.some(filter => name.includes(filter))).sort();
  if (wanted.length === 0) return `no test file matches ${filters.join(' ')}`;
  const compiled = wanted.map(name => join(COMPILED, name.replace(/\.ts$/, '.js')));
  const absent = compiled.find(file => !existsSync(file));
  return absent ? `${absent} is not there: run "npm run build" first` : compiled;
}

function outlook(missing: string | undefined, lacking: string): string {
  if (missing) return `tests on real Kafka are skipped, this machine lacks ${lacking}`;
  return `real Kafka starts when asked for, ${DEFAULT_VERSION} by default${lacking ? `; tests with kcat are skipped, this machine lacks it` : ''}`;
}

function summarize(logs: readonly string[]): void {
  const lines = existsSync(starts) ? readFileSync(starts, 'utf8').trimEnd().split('\n') : [];
  const seen = lines.map(line => {
    const { version, nodes, ms }: { version: string; nodes: number; ms: number } = JSON.parse(line);
    return `${version}${nodes > 1 ? ` with ${nodes} nodes` : ''} in ${(ms / 1000).toFixed(1)} s`;
  });
  if (seen.length > 0) console.log(`real Kafka started: ${seen.sort().join(', ')}`);
  for (const directory of logs) console.log(`the brokers' logs are in ${directory}`);
}

function refuse(why: string): number {
  rmSync(scratch, { recursive: true, force: true });
  console.error(why);
  return 1;
}
