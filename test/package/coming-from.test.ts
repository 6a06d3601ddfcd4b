import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { errorNumbers } from '../../src/base/broker-errors.js';
import * as embedded from '../../src/embedded/index.js';
import type { ConsumerEvents, KafkaClientEvents, ProducerEvents } from '../../src/index.js';
import * as index from '../../src/index.js';
import * as protocol from '../../src/protocol.js';
import { PROJECT_ROOT } from '../kafka/project.js';

// docs/coming-from.md tells those who know another client what each name is here. What it names must be there: this test asks the code,
// and a cluster in this process, for each of them.

const textOf = (path: string): string => readFileSync(join(PROJECT_ROOT, path), 'utf8');
const page = textOf('docs/coming-from.md');
const modules: Readonly<Record<string, object>> = { 'tidemark/protocol': protocol, 'tidemark/embedded': embedded };
const types = new Set([...textOf('src/index.ts').matchAll(/\w+/g)].map(([name]) => name));
const scripts: Readonly<Record<string, string>> = JSON.parse(textOf('package.json')).scripts;

/** Events have no trace at run time: the compiler looks for these. */
const events: Readonly<Record<string, readonly string[]>> = {
  KafkaClient: ['connection', 'nonFatalError'] satisfies (keyof KafkaClientEvents)[],
  SimpleConsumer: ['outOfRange', 'commitFailed'] satisfies (keyof ConsumerEvents)[],
  KafkaConsumer: ['rebalance', 'revoked', 'committed'] satisfies (keyof ConsumerEvents)[],
  KeyedProducer: ['deliveryFailed'] satisfies (keyof ProducerEvents)[],
};

/** The things at hand that the page writes with a small letter. */
let atHand: Readonly<Record<string, unknown>> = {};
/** What takes options: called with one of them. */
let takers: Readonly<Record<string, (option: object) => unknown>> = {};
let cluster: embedded.EmbeddedCluster;
let client: index.KafkaClient;

before(async () => {
  cluster = await embedded.EmbeddedCluster.start({ topics: { orders: 1 } });
  client = new index.KafkaClient({ brokers: cluster.brokers });
  const keyed = new index.KeyedProducer(client);
  const consumer = new index.SimpleConsumer(client, { topic: 'orders', groupId: 'billing', autoCommit: false });
  const coordinator = client.offsetCoordinator({ groupId: 'audit' });
  const produced = await client.produce('orders', 0, ['tea', 'milk']);
  const fetched = await client.fetch('orders', 0, 0);
  await coordinator.commit('orders', 0, 1);
  const metadata = await client.metadata();
  const topic = metadata.topics.get('orders');
  const [message] = await consumer.getMessages(1);
  atHand = {
    ...{ client, coordinator, produced, fetched, message, metadata, topic },
    stored: await coordinator.offset('orders', 0),
    result: await keyed.send({ topic: 'orders', key: 'a', value: 'b' }),
    partition: topic?.partitions[0],
    broker: [...metadata.brokers.values()][0],
    context: await index.withOffsets(consumer, context => context),
    merged: index.merge(consumer),
    error: new index.KafkaError('TIDE_STATE', 'any', { cause: new Error('why') }),
  };
  takers = {
    KafkaClient: option => new index.KafkaClient({ brokers: 'localhost', ...option }),
    SimpleConsumer: option => new index.SimpleConsumer(client, { topic: 'orders', groupId: 'billing', ...option }),
    KafkaConsumer: option => new index.KafkaConsumer(client, { topics: 'orders', groupId: 'billing', ...option }),
    MultiProcessConsumer: option => new index.MultiProcessConsumer(client, { topics: 'orders', groupId: 'billing', ...option }),
    SimpleProducer: option => new index.SimpleProducer(client, option),
    KeyedProducer: option => new index.KeyedProducer(client, option),
    'SimpleConsumer.getMessages': option => consumer.getMessages(1, option),
    withOffsets: option => index.withOffsets(consumer, () => {}, option),
    'client.fetch': option => client.fetch('orders', 0, 0, option),
    'client.produce': option => client.produce('orders', 0, [], option),
    'client.offsets.list': option => client.offsets.list('orders', 0, option),
    'client.offsetCoordinator': option => client.offsetCoordinator({ groupId: 'audit', ...option }),
    'client.send.produce': option => client.send.produce([], option),
    'client.send.fetch': option => client.send.fetch([], option),
  };
});
after(async () => {
  await client.close();
  await cluster.close();
});

interface Row {
  readonly section: string;
  readonly there: string;
  readonly here: string;
  readonly cells: number;
}

/** The rows of all tables of names, each with the heading it stands under. */
function rowsOf(text: string): readonly Row[] {
  let section = '';
  let inTable = false;
  return text.split('\n').flatMap(line => {
    if (line.startsWith('#')) section = line.replace(/^#+ /, '');
    if (!line.startsWith('|')) inTable = false;
    if (line === '| there | here | what differs |') inTable = true;
    else if (inTable && !line.startsWith('|---')) {
      const [, there = '', here = '', ...rest] = line.split('|').map(cell => cell.trim());
      return [{ section, there, here, cells: rest.length }];
    }
    return [];
  });
}

const names = (cell: string): readonly string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);

/** What is wrong with the middle cell of a row; undefined when nothing is. */
async function wrongWith(here: string): Promise<string | undefined> {
  if (/^none: \S.+/.test(here)) return undefined;
  const found = names(here);
  if (found.length === 0) return `neither a name nor "none: reason": ${here}`;
  const beside = here.replace(/`[^`]+`/g, '').replace(/, | of /g, '');
  if (beside !== '') return `more than names: ${here}`;
  const around = found.filter(name => name in modules);
  const exported: Readonly<Record<string, unknown>> = Object.assign({}, index, ...around.map(name => modules[name]));
  for (const name of found) {
    if (!(name in modules) && !(await exists(name, exported))) return `there is no ${name}`;
  }
  return undefined;
}

async function exists(name: string, exported: Readonly<Record<string, unknown>>): Promise<boolean> {
  const [, script] = /^npm run (\w+)$/.exec(name) ?? [];
  if (script !== undefined) return script in scripts;
  if (/^[\w-]+\/[\w-]+\.ts$/.test(name)) return existsSync(join(PROJECT_ROOT, name));
  if (name.startsWith('type ')) return types.has(name.slice('type '.length)) && !(name.slice('type '.length) in exported);
  if (name === 'TIDEMARK_DEBUG') return listensTo(name);
  if (/^[A-Z]+(_[A-Z]+)+$/.test(name)) return index.tideCodes.some(code => code === name) || name in errorNumbers;
  const [, emitter = '', event] = /^(\w+)\.on\('(\w+)'\)$/.exec(name) ?? [];
  if (event !== undefined) return events[emitter]?.includes(event) === true;
  const [, callee = '', options] = /^([\w.]+)\((\{.*\})\)$/.exec(name) ?? [];
  if (options !== undefined) return takesAll(callee, options);
  const [root = '', ...path] = name.split('.');
  if (root in atHand) return path.length === 0 || reaches(atHand[root], path);
  const it = exported[root];
  const [member, ...more] = path;
  if (member === undefined) return it !== undefined;
  if (typeof it === 'object') return reaches(it, path);
  return typeof it === 'function' && more.length === 0 && (member in it || (isObject(it.prototype) && member in it.prototype));
}

/** Whether a client says something on stderr when this variable is not as it should be. */
function listensTo(variable: string): boolean {
  const [kept, write] = [process.env[variable], process.stderr.write];
  const said: unknown[] = [];
  process.env[variable] = 'Nonsense:1';
  process.stderr.write = (text: unknown) => said.push(text) > 0;
  try {
    new index.KafkaClient({ brokers: 'localhost' });
  } finally {
    process.stderr.write = write;
    if (kept === undefined) delete process.env[variable];
    else process.env[variable] = kept;
  }
  return said.some(text => String(text).includes(variable));
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

function reaches(value: unknown, [name = '', ...more]: readonly string[]): boolean {
  if (!isObject(value) || !(name in value)) return false;
  return more.length === 0 || reaches((value as Record<string, unknown>)[name], more);
}

/** Stands for an option without a value. */
const ANY = 'any value';

/** Whether all of `{ name, name: value }` are options, and may have these values. */
async function takesAll(callee: string, options: string): Promise<boolean> {
  const json = options
    .replace(/([{,] )([a-z]\w*)(?=,| \})/gi, `$1$2: '${ANY}'`)
    .replace(/(\w+):/g, '"$1":')
    .replaceAll("'", '"');
  for (const [name, value] of Object.entries(JSON.parse(json))) {
    if (!(await takes(callee, name, value))) return false;
  }
  return true;
}

async function takes(callee: string, name: string, value: unknown): Promise<boolean> {
  const taker = takers[callee];
  if (taker === undefined) return false;
  try {
    await taker({ [name]: value === ANY ? undefined : value });
    return true;
  } catch (error) {
    // Without a value a required option is said to be missing, by its name.
    return value === ANY && error instanceof index.KafkaError && error.message.includes(`"${name}" is required`);
  }
}

test('every name that the page gives exists', async () => {
  const rows = rowsOf(page);
  assert.ok(rows.length > 250, `${rows.length} rows`);
  const wrong: string[] = [];
  for (const { section, there, here } of rows) {
    const why = await wrongWith(here);
    if (why !== undefined) wrong.push(`${section}: ${there}: ${why}`);
  }
  assert.deepEqual(wrong, []);
});

test('every row has its three cells, and something to look for in the first', () => {
  const wrong = rowsOf(page).filter(({ there, cells }) => there === '' || cells !== 2); // the last is behind the last bar
  assert.deepEqual(wrong, []);
});

test('no row appears twice under one heading', () => {
  const seen = rowsOf(page).map(({ section, there }) => `${section}: ${there}`);
  assert.deepEqual(
    seen.filter((row, i) => seen.indexOf(row) !== i),
    [],
  );
});

test('the things at hand are those that the page explains', () => {
  const [, table = ''] = /\| \| is \|\n\|---\|---\|\n((?:\|.*\n)+)/.exec(page) ?? [];
  const explained = table
    .split('\n')
    .flatMap(line => [...names(line.split('|')[1] ?? ''), ...[...line.matchAll(/and `(\w+)` what/g)].map(([, name = '']) => name)]);
  assert.deepEqual(explained.sort(), Object.keys(atHand).sort());
});

test('every error code in the page exists', () => {
  const codes = [...page.matchAll(/TIDE_[A-Z]+(?:_[A-Z]+)*/g)].map(([code]) => code);
  assert.ok(codes.length > 10);
  assert.deepEqual(
    codes.filter(code => !index.tideCodes.some(known => known === code)),
    [],
  );
});

test('links of the page lead to files and headings', () => {
  const wrong = [...page.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].filter(([, path = '']) => !existsSync(join(PROJECT_ROOT, 'docs', path)));
  assert.deepEqual(wrong, []);
  assert.ok(textOf('README.md').includes('](docs/coming-from.md)'), 'the README does not lead to it');
});

test('a name that does not exist is noticed, whatever its form', async () => {
  const good = [
    '`KafkaClient.metadata`, `client.offsets.latest`',
    '`SimpleConsumer({ autoCommit })`',
    "`SimpleConsumer({ partitions: [0, 1], autoOffsetReset: 'largest' })`",
    '`KafkaClient({ brokers })`',
    '`encodeBatch` of `tidemark/protocol`',
    '`EmbeddedCluster.start`, `EmbeddedCluster.append` of `tidemark/embedded`',
    "`SimpleConsumer.on('outOfRange')`",
    '`type GroupOffset`',
    '`TIDE_CLOSED`, `OFFSET_OUT_OF_RANGE`',
    'none: for a reason',
  ];
  for (const cell of good) assert.equal(await wrongWith(cell), undefined, cell);
  const wrong = [
    '',
    'KafkaClient.metadata',
    'none',
    'none: ',
    'later',
    '`KafkaClient.metadata` and so on',
    '`KafkaClient`, `KafkaCleint`',
    '`KafkaClient.metadatas`',
    '`KafkaClient.metadata.topics`',
    '`client.offset.latest`',
    '`client.offsets.newest`',
    '`SimpleConsumer({ autocommit })`',
    '`SimpleConsumer({ autoCommit, autoCommitEveryN })`',
    "`SimpleConsumer({ autoOffsetReset: 'newest' })`",
    '`SimpleConsumer.close({ timeoutMs })`',
    '`encodeBatch`',
    '`encodeBatch` of `tidemark/embedded`',
    "`SimpleConsumer.on('outOfrange')`",
    "`SimpleConsumer.onn('outOfRange')`",
    '`type GroupOfset`',
    '`type KafkaClient`',
    '`TIDE_CLOSE`',
    '`TIDEMARK_DEBUGS`',
    '`examples/none.ts`',
    '`npm run nothing`',
  ];
  for (const cell of wrong) assert.notEqual(await wrongWith(cell), undefined, cell);
});

test('whatever takes options refuses those that it does not have', async () => {
  const careless: string[] = [];
  for (const callee of Object.keys(takers)) if (await takes(callee, 'surelyNot', ANY)) careless.push(callee);
  assert.deepEqual(careless, []);
});
