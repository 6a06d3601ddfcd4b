import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { PROJECT_ROOT } from '../test/kafka/project.js';

/*
 * The long proofs: what takes too long for `npm test`, in full size.
 *
 *   npm run prove                       names them
 *   npm run prove -- main-job resume    runs some, one after the other
 *   npm run prove -- all
 *   npm run prove -- main-job --seed=7  the choice of keys and of moments; default: a new one for each run, which is printed
 *
 * The exit code is 0 when everything that was asked for is proven.
 */

/** What a proof is told. */
export interface ProofContext {
  readonly seed: number;
  /** Prints a line of the result. */
  say(line: string): void;
}

/** What each file of proofs/ exports. */
export interface Proof {
  /** One line: what it shows. */
  readonly about: string;
  /** @throws Error when it does not hold. */
  prove(context: ProofContext): Promise<void>;
}

const names = readdirSync(join(PROJECT_ROOT, 'bench', 'proofs'))
  .filter(name => name.endsWith('.ts'))
  .map(name => basename(name, '.ts'))
  .sort();
const load = (name: string): Promise<Proof> => import(`./proofs/${name}.js`);

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const asked = args.filter(arg => !arg.startsWith('-'));
  const wanted = asked.includes('all') ? names : asked;
  const unknown = wanted.filter(name => !names.includes(name));
  const flags = args.filter(arg => arg.startsWith('-') && !/^--seed=\d+$/.test(arg));
  if (wanted.length === 0 || unknown.length > 0 || flags.length > 0) {
    for (const name of [...unknown, ...flags]) console.error(`unknown: ${name}`);
    for (const name of names) console.log(`${name.padEnd(16)} ${(await load(name)).about}`);
    return unknown.length + flags.length > 0 ? 1 : 0;
  }
  const seed = Number(args.find(arg => arg.startsWith('--seed='))?.slice('--seed='.length) ?? Date.now() % 1_000_000);
  const failed: string[] = [];
  for (const name of wanted) if (!(await run(name, seed))) failed.push(name);
  if (wanted.length > 1) console.log(failed.length === 0 ? `all ${wanted.length} proven` : `not proven: ${failed.join(', ')}`);
  return failed.length === 0 ? 0 : 1;
}

async function run(name: string, seed: number): Promise<boolean> {
  const { about, prove } = await load(name);
  console.log(`${name}: ${about} (Node.js ${process.versions.node}, seed ${seed})`);
  const began = performance.now();
  const seconds = () => ((performance.now() - began) / 1000).toFixed(0);
  try {
    await prove({ seed, say: line => console.log(`  ${line}`) });
  } catch (error) {
    console.error(error);
    console.log(`${name}: NOT PROVEN after ${seconds()} s; the same again with --seed=${seed}`);
    return false;
  }
  console.log(`${name}: proven in ${seconds()} s`);
  return true;
}
