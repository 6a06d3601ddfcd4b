import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { EmbeddedClusterOptions, SeenRequest } from '../../src/embedded/index.js';
import {
  AddOffsetsToTxn,
  AddPartitionsToTxn,
  type Api,
  EndTxn,
  InitProducerId,
  Produce,
  TxnOffsetCommit,
} from '../../src/protocol/index.js';
import { readBatches } from '../../src/records/index.js';
import { javaArguments, javaCommand } from '../kafka/java.js';
import { DEFAULT_VERSION, KafkaHandle, kafkaTest, requireKafka, uniqueName } from '../kafka/kafka.js';
import { run } from '../kafka/process.js';
import { PROJECT_ROOT } from '../kafka/project.js';
import { kcatConsume } from '../support/kcat.js';
import { only, startCluster } from './setting.js';

const COMMITTED = ['committed 1', 'committed 2', 'committed 3', 'committed 4'];
const STORED = ['committed 1', 'committed 2', 'aborted 1', 'aborted 2', 'committed 3', 'of a zombie', 'committed 4'];
const GROUP = "committed: OffsetAndMetadata{offset=3, leaderEpoch=null, metadata='read'}";

/** What Producers.java prints about its transactions. */
const PRINTED = [
  "the zombie's send: InvalidProducerEpochException",
  ...[0, 1].flatMap(partition => COMMITTED.map(value => `read_committed ${partition}: ${value}`)),
  GROUP,
  ...[0, 1].flatMap(partition => STORED.map(value => `read_uncommitted ${partition}: ${value}`)),
  GROUP,
];

/** Runs Producers.java with the jars of a release, and gives the lines it prints. */
async function producers(kind: 'idempotent' | 'transactional', brokers: readonly string[], topic: string): Promise<string[]> {
  const program = join(PROJECT_ROOT, 'test/embedded/Producers.java');
  const java = await javaArguments(DEFAULT_VERSION, { heapMiB: 256, logLevel: 'WARN' });
  const { code, stdout, stderr } = await run(javaCommand(), [...java, program, kind, brokers.join(','), topic], { timeoutMs: 100_000 });
  if (code !== 0) throw new Error(`Producers ended with ${code}\n${stdout}${stderr}`);
  return stdout.split('\n').filter(Boolean);
}

/** Java's clients were written by others: what they take for a transaction is Kafka's, and not only ours. */
function javaTest(name: string, body: (t: TestContext) => Promise<void>): void {
  test(name, { skip: requireKafka({ kcat: true }), timeout: 180_000 }, body);
}

javaTest("Java's idempotent producer loses and repeats nothing where connections are cut behind its batches", async t => {
  const cluster = await startCluster(t, { topics: { orders: 1 } });
  cluster.on(Produce, ({ index }) => index % 3 === 0).dropAnswer(10);
  const lines = await producers('idempotent', cluster.brokers, 'orders');
  assert.deepEqual(
    cluster.records('orders', 0).map(({ value }) => String(value)),
    Array.from({ length: 500 }, (_, i) => `value ${i}`),
  );
  assert.deepEqual(
    lines,
    Array.from({ length: 500 }, (_, i) => `stored at ${i}`),
  );
  const sequences = cluster.requests(Produce).map(({ body }) => {
    const { records } = only(only(body.topicData).partitionData);
    return readBatches(records, { topic: 'orders', partition: 0 }).next()?.baseSequence;
  });
  assert.ok(sequences.length - new Set(sequences).size >= 10, 'each batch whose answer was lost was sent again');
});

const clusters: readonly (readonly [how: string, options: EmbeddedClusterOptions, cut: boolean])[] = [
  ['each with an epoch of its own', {}, false],
  ['the older way', { transactionVersion: 0 }, false],
  ['as release 2.8', { emulate: '2.8' }, false],
  ['each with an epoch of its own, answers lost', {}, true],
  ['the older way, answers lost', { transactionVersion: 0 }, true],
];
const steps: readonly Api[] = [InitProducerId, AddPartitionsToTxn, Produce, AddOffsetsToTxn, TxnOffsetCommit, EndTxn];

for (const [how, options, cut] of clusters) {
  javaTest(`Java's transactions commit, abort and fence: ${how}`, async t => {
    const cluster = await startCluster(t, { ...options, topics: { orders: 2 } });
    const added = options.transactionVersion === 0; // else partitions and groups are added by what is sent
    const asked = new Map(steps.map(({ name }) => [name, 0]));
    const everySecond = ({ api: { name } }: SeenRequest) => {
      const before = asked.get(name) ?? 0;
      asked.set(name, before + 1);
      return before % 2 === 0;
    };
    if (cut) for (const api of steps) cluster.on(api, everySecond).dropAnswer(3);
    assert.deepEqual(await producers('transactional', cluster.brokers, 'orders'), PRINTED);
    assert.deepEqual(cluster.errors, []);
    for (const [name, count] of asked) assert.equal(count > 0, cut && (added || !name.startsWith('Add')), `${name}: cut ${count} times`);
    const read = await kcatConsume({ bootstrap: cluster.brokers, topic: 'orders', args: ['-X', 'isolation.level=read_committed'] });
    assert.deepEqual(
      read.filter(({ partition }) => partition === 0).map(({ payload }) => payload),
      COMMITTED,
    );
    const printed = await new KafkaHandle(DEFAULT_VERSION, cluster.brokers).tool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
      ...['--bootstrap-server', cluster.brokers.join(','), '--topic', 'orders', '--partition', '1', '--offset', 'earliest'],
      ...['--isolation-level', 'read_committed', '--max-messages', String(COMMITTED.length), '--timeout-ms', '30000'],
    ]);
    assert.deepEqual(printed.trimEnd().split('\n'), COMMITTED);
  });
}

kafkaTest('the same program prints the same with real Kafka', async (_, kafka) => {
  const topic = await kafka.createTopic({ name: uniqueName('java'), partitions: 2 });
  assert.deepEqual(await producers('transactional', kafka.bootstrap, topic), PRINTED);
});
