import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspect, promisify } from 'node:util';
import { tideCodes } from '../../src/base/errors.js';
import { clientRules } from '../../src/client/client-options.js';
import { kafkaConsumerRules } from '../../src/consumer/kafka-consumer-options.js';
import { oftenRules } from '../../src/consumer/often-rules.js';
import { simpleConsumerRules } from '../../src/consumer/simple-consumer-options.js';
import { contextRules } from '../../src/context/commit-context.js';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { threadRules } from '../../src/multiprocess/options.js';
import { keyedRules } from '../../src/producer/options.js';
import { simpleRules } from '../../src/producer/simple-producer.js';
import { PROJECT_ROOT } from '../kafka/project.js';
import { blocks, defaults, names, table } from './readme.js';

/** What the blocks of the README print, one by one. Loops that stand side by side never end, and not every cluster is at hand: those are compiled only. */
const printed: readonly (RegExp | 'endless' | 'elsewhere')[] = [
  /^charged customer-7 \{"item":"tea"\}\n$/,
  /^$/,
  'endless',
  /^$/,
  'endless',
  'endless',
  /^$/,
  /^$/,
  'endless',
  /^0 undefined\n$/,
  /^$/,
  /^[0-5] 2\n$/,
  /^$/,
  /^$/,
  /^$/,
  /^$/,
  /^\[ 0, 1 \]\nMessage .*Message .*until tea time\n$/s,
  /^\[\n {2}\{\n {4}name: 'orders',.*partitionCount: 6\n {2}\}\n\]\n$/s,
  /^(opened|closed) /,
  'elsewhere',
  'elsewhere',
  /^\[\n {2}\{\n {4}offset: 0,/,
  /^6\n\d+ 1\n$/,
];

/** What the README leaves open. */
const prelude = `
import { KafkaClient, KeyedProducer, type Message, SimpleConsumer } from 'tidemark';
export { KafkaClient, KeyedProducer, SimpleConsumer };
export const brokers = process.env['BROKERS'] ?? 'nowhere';
export const client = new KafkaClient({ brokers });
export const consumer = new SimpleConsumer(client, { topic: 'orders' });
export const charge = async (customer: string | undefined, order: string | undefined) => console.log('charged', customer, order);
export const enough = (): boolean => true;
export const issueToken = async (options: { signal: AbortSignal }) => ({ token: 'x', expires_in: options.signal.aborted ? 0 : 60 });
export const gauge = (name: string, values: object): void => void [name, values];
export const handle = async (message: Message): Promise<void> => console.log(message);
`;
const open = [...prelude.matchAll(/export const (\w+)/g)]
  .map(([, name = '']) => name)
  .concat('KafkaClient', 'KeyedProducer', 'SimpleConsumer');

/** A block as a module of its own, which takes from the prelude what it does not have itself, and asks the brokers it is given. */
function moduleOf(block: string): string {
  const code = `${block.replace(/brokers: ('[^']*'|\[[^\]]*\])/g, 'brokers')}await client.close();\n`;
  const has = (name: string) => new RegExp(`^import \\{[^}]*\\b${name}\\b|(const|using) ${name}\\b`, 'm').test(code);
  const taken = open.filter(name => new RegExp(`\\b${name}\\b`).test(code) && !has(name));
  return `import { ${taken.join(', ')} } from './prelude.js';\n${code}`;
}

test('the snippets of the README compile under strict options, and do what they say', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-readme-'));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(PROJECT_ROOT, join(folder, 'node_modules', 'tidemark'));
  const write = (name: string, content: string) => writeFileSync(join(folder, name), content);
  write('package.json', '{ "type": "module" }');
  write('prelude.ts', prelude);
  for (const [i, block] of blocks.entries()) write(`block-${i}.ts`, moduleOf(block));
  const compilerOptions = {
    ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noPropertyAccessFromIndexSignature: true },
    ...{ module: 'nodenext', target: 'es2023', lib: ['es2023', 'esnext.disposable'], types: ['node'], skipLibCheck: true },
    typeRoots: [join(PROJECT_ROOT, 'node_modules', '@types')],
  };
  write('tsconfig.json', JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const run = async (args: string[], more: Record<string, string> = {}): Promise<string> =>
    (await promisify(execFile)(process.execPath, args, { cwd: folder, env: { ...env, ...more }, timeout: 60_000 })).stdout;

  const tsc = join(PROJECT_ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  await run([tsc, '-p', '.']).catch((error: { stdout: string }) => assert.fail(error.stdout));

  assert.equal(blocks.length, printed.length, 'a block came or went: say in `printed` what it prints');
  for (const [i, block] of blocks.entries()) {
    const expected = printed[i];
    if (!(expected instanceof RegExp)) continue;
    await t.test(`block ${i}: ${block.trim().split('\n')[0]}`, async () => {
      const topics: Record<string, number> = block.includes('createTopics') ? {} : { orders: 6, logs: 2 };
      await using cluster = await EmbeddedCluster.start({ brokers: 3, topics });
      assert.match(await run([`block-${i}.js`], { BROKERS: cluster.brokers.join() }), expected);
    });
  }
});

/** Defaults that are no value, in the README's words. */
const words: Readonly<Record<string, string>> = {
  groupId: 'none',
  partitions: 'all',
  autoCommit: '`true` with a `groupId`',
  compressionLevel: "the codec's",
  retry: "the client's",
  partitioner: 'murmur2, as Java',
  ipVersion: 'either',
  idempotent: 'where the brokers can',
  transactionalId: 'none',
  producer: 'none',
  topics: 'none',
  groupInstanceId: 'none',
  assignors: 'cooperative-sticky',
  consumerTimeoutMs: 'none',
  rackId: 'none',
  onAssign: 'none',
  onRevoke: 'none',
  onLost: 'none',
  signal: 'none',
  transactionTimeoutMs: '60,000',
  threads: 'one less than cores',
  partitionsPerThread: 'none',
  handlerTimeoutMs: 'none',
  threadMemoryMb: 'as Node.js has it',
  keyDeserializer: 'none',
  valueDeserializer: 'none',
  valueSerializer: 'none',
  keySerializer: 'none',
  startOffset: 'where the group stands',
  iterTimeoutMs: 'none',
  emptyRetryLimit: 'never',
  sasl: 'none',
  logger: 'none',
  apiVersions: 'newest',
};
const bytesIn: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 ** 2 };

/** Whether a cell says this default: `required`, a number or a size, a value in backquotes, or the word for what is not given. */
function says(cell: string, name: string, fallback: unknown): boolean {
  if (typeof fallback === 'symbol') return cell === 'required';
  if (fallback === Number.POSITIVE_INFINITY) return cell === words[name];
  if (typeof fallback === 'number') {
    const [, digits = '', unit = ''] = /^([\d,]+)(?: (.iB))?$/.exec(cell) ?? [];
    return digits !== '' && Number(digits.replaceAll(',', '')) * (bytesIn[unit] ?? 1) === fallback;
  }
  if (fallback === 'never') return cell === '`false`'; // what `false` becomes
  if (typeof fallback === 'string') return cell === `\`'${fallback}'\``;
  if (typeof fallback === 'boolean') return cell === `\`${fallback}\``;
  const parts = typeof fallback === 'function' ? [] : Object.entries(fallback ?? {}).filter(([, value]) => value !== undefined);
  if (parts.length === 0) return cell === words[name];
  return cell === `\`{ ${parts.map(([part, value]) => `${part}: ${value}`).join(', ')} }\``;
}

const tables: readonly [heading: string, rules: Readonly<Record<string, { readonly fallback: unknown }>>][] = [
  ['Options of SimpleConsumer', simpleConsumerRules],
  ['Options of KafkaConsumer', kafkaConsumerRules],
  ['Options of MultiProcessConsumer', { ...oftenRules, ...threadRules }],
  ['Options of commit contexts', contextRules],
  ['Options of the producers', { ...keyedRules, ...simpleRules }],
  ['The client', clientRules],
];
for (const [heading, rules] of tables) {
  test(`the table under "${heading}" has every option with its default`, () => {
    const told = defaults(heading);
    assert.deepEqual([...told.keys()].sort(), Object.keys(rules).sort());
    const wrong = Object.entries(rules).filter(([name, { fallback }]) => !says(told.get(name) ?? '', name, fallback));
    assert.deepEqual(
      wrong.map(([name, { fallback }]) => `${name}: the README says ${told.get(name)}, it is ${inspect(fallback)}`),
      [],
    );
  });
}

test('the error codes of the README exist', () => {
  const codes = table('Errors').flatMap(([cell = '']) => names(cell));
  assert.ok(codes.length > 0);
  assert.deepEqual(
    codes.filter(code => !tideCodes.some(known => known === code)),
    [],
  );
});
