import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { EmbeddedCluster } from '../../src/embedded/index.js';
import { Fetch, OffsetCommit, Produce } from '../../src/protocol/index.js';
import { readBatches } from '../../src/records/index.js';
import { PROJECT_ROOT } from '../kafka/project.js';

const example = (name: string): string => join(import.meta.dirname, '..', '..', 'examples', `${name}.js`);

/** Starts an example as a user would; `env` is added to the environment. */
function start(
  args: readonly string[],
  env: Record<string, string> = {},
  input: 'ignore' | 'pipe' = 'ignore',
): { child: ChildProcess; output: () => string } {
  const { NODE_TEST_CONTEXT: _, KAFKA_BROKERS: __, ...rest } = process.env;
  const child = spawn(process.execPath, args, { cwd: PROJECT_ROOT, env: { ...rest, ...env }, stdio: [input, 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  }
  return { child, output: () => text };
}

async function run(args: readonly string[], env?: Record<string, string>): Promise<string> {
  const { child, output } = start(args, env);
  const [code] = await once(child, 'close');
  assert.equal(code, 0, output());
  return output();
}

test('connect: says what is wrong with an address', async () => {
  assert.match(await run([example('connect')]), /^TIDE_CONNECTION: connect to 127\.0\.0\.1:1: connection refused/);
});

test('connect: finds a cluster', async () => {
  await using cluster = await EmbeddedCluster.start({ brokers: 2 });
  assert.equal(await run([example('connect')], { KAFKA_BROKERS: cluster.brokers.join(',') }), 'connected to 2 broker(s)\n');
});

test('small-program: produces, lists, fetches and closes', async () => {
  assert.deepEqual((await run([example('small-program')])).trim().split('\n'), [
    'stored at partition 0, offset 0',
    'stored at offsets 0, 1, 2',
    '3 waiting',
    '0: a',
    '1: b',
    '2: c',
    'the last one is c',
  ]);
});

test('unit-test: a user can test against the embedded cluster', async () => {
  assert.match(await run(['--test', '--test-reporter=tap', example('unit-test')]), /# pass 2\n# fail 0/);
});

test('resume: goes on at the message that was not done', async () => {
  assert.deepEqual((await run([example('resume')])).trim().split('\n'), [
    'first: one',
    'first: two',
    'first: three',
    'second: three',
    'second: four',
  ]);
});

test('shutdown: SIGTERM ends in order, and what is done is committed', async () => {
  await using cluster = await EmbeddedCluster.start({ topics: { jobs: 1 } });
  cluster.append(
    'jobs',
    0,
    ['a', 'b', 'c'].map(value => ({ key: null, value })),
  );
  const { child, output } = start([example('shutdown')], { KAFKA_BROKERS: cluster.brokers.join(',') });
  while (!output().includes('did c')) await once(child.stdout ?? child, 'data');
  child.kill('SIGTERM');
  const [code, signal] = await once(child, 'close');
  assert.deepEqual([code, signal], [0, null], output());
  assert.match(output(), /stopped in order\n$/);
  assert.equal(cluster.committed('workers').get('jobs/0')?.offset, 3);
  assert.deepEqual(cluster.members('workers'), []);
});

test('stateless-fetch: begins at a time, goes on where it was told', async () => {
  assert.deepEqual((await run([example('stateless-fetch')])).trim().split('\n'), [
    'the last offset before noon: 1',
    '2: 12.1',
    '3: 12.4',
    'next: 4',
  ]);
});

test('stateless-fetch: a damaged batch shows as one invalid message', async () => {
  await using cluster = await EmbeddedCluster.start({ topics: { readings: 1 } });
  for (const value of ['good', 'bad']) cluster.append('readings', 0, [{ value, timestamp: Date.UTC(2026, 0, 1, 13) }]);
  cluster.corrupt('readings', 0, 1);
  const output = await run([example('stateless-fetch')], { KAFKA_BROKERS: cluster.brokers.join(',') });
  assert.match(output, /\n0: good\n1: records of readings\/0 at offset 1: .*checksum.*\n2: 11\.5\n/);
});

test('one-partition: reads from the end of the log on, until there is no data, and after that', async () => {
  await using cluster = await EmbeddedCluster.start({ topics: { readings: 2 } });
  assert.deepEqual((await run([example('one-partition')], { KAFKA_BROKERS: cluster.brokers.join(',') })).trim().split('\n'), [
    '0 waiting',
    '2: new',
    '3: newer',
    'no data',
    '4: late',
  ]);
  assert.deepEqual(cluster.requests(OffsetCommit), []);
  const partitions = cluster.requests(Fetch).flatMap(({ body }) => body.topics.flatMap(topic => topic.partitions.map(at => at.partition)));
  assert.deepEqual([...new Set(partitions)], [1]);
});

test('merge: two topics come as one, and end by themselves', async () => {
  const lines = (await run([example('merge')])).trim().split('\n');
  assert.deepEqual(lines.slice(1, 4).sort(), ['bills: 2.50', 'orders: milk', 'orders: tea']);
  assert.deepEqual(
    lines.filter(line => line.startsWith('orders')),
    ['orders: tea', 'orders: milk'],
  );
  assert.deepEqual([lines[0], ...lines.slice(4)], ['2 consumers', '0 consumers', 'bills are done up to 1']);
});

test('group: two members share a topic, and one reads on alone', async () => {
  const lines = (await run([example('group')])).trim().split('\n');
  assert.equal(lines[0], 'first reads 4 partitions');
  for (const line of ['first reads 2 partitions', 'second reads 2 partitions']) assert.ok(lines.includes(line), lines.join('\n'));
  assert.deepEqual(lines.slice(-2), ['second reads 4 partitions', '40 of 40 orders are handled']);
});

test('tail: what is there already is not shown', async () => {
  const lines = (await run([example('tail')])).trim().split('\n');
  assert.equal(lines[0], '0 waiting');
  assert.deepEqual(lines.slice(1).sort(), ['0/1: now, in 0', '1/0: now, in 1', '2/0: now, in 2']);
});

test('next-message: what is not finished comes again', async () => {
  assert.deepEqual((await run([example('next-message')])).trim().split('\n'), [
    'tea',
    'milk, which does not work today',
    'milk',
    'sugar',
    'nothing more comes',
    'done up to 3',
  ]);
});

test('fetch-messages: what is there, and batch by batch', async () => {
  const lines = (await run([example('fetch-messages')])).trim().split('\n');
  assert.match(lines[0] ?? '', /^[1-4]: tea\b/);
  assert.deepEqual(lines.slice(1), ['0 to 1: tea, milk', '2 to 4: sugar, salt, oil']);
});

test('task-done: work ends in any order, and all of it is committed', async () => {
  await using cluster = await EmbeddedCluster.start({ topics: { orders: 1, bills: 1 } });
  const lines = (await run([example('task-done')], { KAFKA_BROKERS: cluster.brokers.join(',') })).trim().split('\n');
  assert.deepEqual(lines.sort(), ['bills 1 ms', 'orders 10 ms', 'orders 20 ms', 'orders 30 ms']);
  const committed = ['orders/0', 'bills/0'].map(place => cluster.committed('workers').get(place)?.offset);
  assert.deepEqual(committed, [3, 1]);
});

test('commit-by-hand: what is not committed is the last one, until it is', async () => {
  const lines = (await run([example('commit-by-hand')])).trim().split('\n');
  assert.deepEqual(
    ['tea', 'milk', 'sugar'].map(item => lines.indexOf(`booked ${item}`) >= 0),
    [true, true, true],
  );
  assert.deepEqual(lines.slice(5), ['4 of 5 are committed', 'the last one too: true', 'orders 3, bills 2']);
});

test('topic-partitions: every form of saying what is read', async () => {
  const both = (topic: string, ...partitions: readonly number[]) => partitions.flatMap(id => [`${topic}/${id}:0`, `${topic}/${id}:1`]);
  assert.deepEqual((await run([example('topic-partitions')])).trim().split('\n'), [
    `whole topics: ${[...both('bills', 0, 1), ...both('orders', 0, 1)].join(' ')}`,
    `one partition: ${both('orders', 0).join(' ')}`,
    'from an offset on: orders/0:1',
    'the same, with names: orders/0:1',
    `some partitions of each: ${[...both('bills', 1), ...both('orders', 0, 1)].join(' ')}`,
    'a Map, with offsets: bills/0:1 bills/1:0 bills/1:1',
    `several forms: ${[...both('bills-old', 0), ...both('bills', 1), ...both('orders', 0, 1)].join(' ')}`,
    `a pattern: ${[...both('bills-old', 0), ...both('bills', 0, 1)].join(' ')}`,
    'from where it stood: bills/1:2',
  ]);
});

test('deserializer: typed values, a tombstone, and one that is left out', async () => {
  assert.deepEqual((await run([example('deserializer')])).trim().split('\n'), [
    'customer-7: 2 x tea',
    'customer-7 takes it back',
    'customer-7: 1 x milk',
    'offset 3: the value is left out (TIDE_DESERIALIZATION)',
    'customer-9: 3 x sugar',
  ]);
});

test('group-context: nothing is booked, then all', async () => {
  assert.deepEqual((await run([example('group-context')])).trim().split('\n'), [
    'attempt 1: the printer jams, with 4 marked',
    '4 booked',
    'orders/0: 2',
    'orders/1: 2',
  ]);
});

test('threads: one of them ends, and all is handled', async () => {
  const lines = (await run([example('threads')])).trim().split('\n');
  assert.match(lines[0] ?? '', /^thread \d ended: worker exited with code: 1$/);
  assert.equal(lines.at(-1), '40 of 40 orders are handled');
});

test('thread-batches: every order is in a total', async () => {
  const lines = (await run([example('thread-batches')])).trim().split('\n');
  const sums = lines.map(text => /^partition [01]: (\d+) orders for (\d+)$/.exec(text)?.slice(1).map(Number) ?? assert.fail(text));
  assert.deepEqual(
    [0, 1].map(i => sums.reduce((sum, each) => sum + (each[i] ?? 0), 0)),
    [20, 190],
  );
});

test('dead-letters: what cannot be handled stands elsewhere, with where it is from', async () => {
  const lines = (await run([example('dead-letters')])).trim().split('\n');
  assert.deepEqual(lines.slice(0, 3), ['order 0: tea', 'order 2: milk', 'for somebody to look at: two teas, please']);
  assert.ok(lines.includes('  tidemark-offset: 1') && lines.includes('  tidemark-attempts: 2'), lines.join('\n'));
});

test('thread-reading: threads decompress, and all is read here', async () => {
  assert.equal((await run([example('thread-reading')])).trim(), '10000 lines');
});

test('exactly-once: what was sent by work that failed is not seen', async () => {
  assert.deepEqual((await run([example('exactly-once')])).trim().split('\n'), [
    'nothing is billed: the printer jams',
    'a bill for tea',
    'a bill for milk',
    'a bill for sugar',
    'the next order to bill is number 3',
  ]);
});

test('pipe: what goes in comes out, and nothing that was there before', async () => {
  await using cluster = await EmbeddedCluster.start({ topics: { lines: 1 } });
  cluster.append('lines', 0, [{ value: 'before' }]);
  const { child, output } = start([example('pipe')], { KAFKA_BROKERS: cluster.brokers.join(',') }, 'pipe');
  child.stdin?.end('tea\n\nmilk\n');
  assert.deepEqual(await once(child, 'close'), [0, null], output());
  assert.equal(output(), 'tea\n\nmilk\n');
});

test('offset-coordinator: an offset and its note come back', async () => {
  assert.equal(await run([example('offset-coordinator')]), 'before: undefined\nafter: 421, up to Monday\n');
});

test('atomic-produce: two messages, one batch', async () => {
  assert.equal(await run([example('atomic-produce')]), 'stored from offset 0: 0, 1\n');
});

test('debug: a logger is told; with TIDEMARK_DEBUG stderr is too', async () => {
  assert.equal(await run([example('debug')]), "connection opened\n[ 'orders' ]\nconnection closed\n");
  const debugged = await run([example('debug')], { TIDEMARK_DEBUG: 'Connection:1,IO:2' });
  assert.match(debugged, /tidemark Connection debug: request api=Metadata /);
  assert.match(debugged, /\n00000000 {2}00 00 00 /);
});

test('commit-context: what is marked is committed, the rest comes again', async () => {
  assert.deepEqual((await run([example('commit-context')])).trim().split('\n'), [
    '30 has to wait',
    '2 booked, the balance is 30, committed is 2',
    '30 has to wait',
    '0 booked, the balance is 30, committed is 2',
    '2 booked, the balance is 100, committed is 4',
  ]);
});

test('deferred: what is not due yet comes when it is', async () => {
  const lines = (await run([example('deferred')])).trim().split('\n');
  assert.deepEqual(lines.slice(0, 2).sort(), ['call back', 'water the plants']);
  assert.deepEqual(lines.slice(2), ['send the invoice']);
});

test('poison: a message that always fails becomes a dead letter, and the others are done', async () => {
  await using cluster = await EmbeddedCluster.start({ topics: { jobs: 1, 'jobs-dead': 1 } });
  assert.deepEqual((await run([example('poison')], { KAFKA_BROKERS: cluster.brokers.join(',') })).trim().split('\n'), [
    'job 1 done',
    'failed, comes again',
    'failed, comes again',
    'offset 1 is dead after 3 attempts',
    'job 3 done',
    'committed: 3',
  ]);
  assert.deepEqual(
    cluster.records('jobs-dead', 0).map(({ value }) => String(value)),
    ['not JSON'],
  );
});

/** How many records each batch held that a cluster was sent. */
const batchSizes = (cluster: EmbeddedCluster): readonly number[] =>
  cluster
    .requests(Produce)
    .flatMap(({ body }) => body.topicData.flatMap(({ partitionData }) => partitionData))
    .flatMap(({ records }) =>
      records === null ? [] : [...readBatches(records, { topic: 'sent', partition: 0 })].map(({ recordCount }) => recordCount),
    );

test('keyed-producer: a key stays in its partition; batches are full, or wait', async () => {
  await using cluster = await EmbeddedCluster.start({ topics: { orders: 4 } });
  assert.deepEqual((await run([example('keyed-producer')], { KAFKA_BROKERS: cluster.brokers.join(',') })).trim().split('\n'), [
    'customer-7: partition 3, offset 0',
    'customer-7: partition 3, offset 1',
    'customer-7: partition 3, offset 2',
    '250 stored, in 2 partitions',
  ]);
  assert.deepEqual(batchSizes(cluster).slice(0, 2), [2, 1]);
  assert.deepEqual([...batchSizes(cluster).slice(2)].sort(), [100, 100, 50]);
  const kept = cluster.records('orders', 3).map(({ value }) => String(value));
  assert.deepEqual(kept, ['tea', 'milk', 'sugar', ...Array.from({ length: 200 }, (_, i) => `order ${i}`)]);
});

test('simple-producer: partitions in turn, also in batches', async () => {
  await using cluster = await EmbeddedCluster.start({ topics: { lines: 3 } });
  assert.deepEqual((await run([example('simple-producer')], { KAFKA_BROKERS: cluster.brokers.join(',') })).trim().split('\n'), [
    'one: partition 0, offset 0',
    'two: partition 1, offset 0',
    'three: partition 2, offset 0',
    'four: partition 0, offset 1',
    '300 stored',
    'the next one',
  ]);
  assert.deepEqual(batchSizes(cluster), [1, 1, 1, 1, 100, 100, 100, 1, 1]);
});

test('partitioners: alone, over six partitions, and one of your own in a producer', async () => {
  assert.deepEqual((await run([example('partitioners')])).trim().split('\n'), [
    "customer-1: 3 as Java's clients, 1 as optiopay/kafka in Go",
    "customer-2: 2 as Java's clients, 0 as optiopay/kafka in Go",
    "customer-3: 4 as Java's clients, 5 as optiopay/kafka in Go",
    'in turn: 0 1 2 3 4 5 0 1',
    'sticky: 3 partitions for 300 bytes',
    'at random: one of six',
    'used: 0 1 2 3',
  ]);
});
