import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { byPartition, type MainJobOptions } from '../interop/main-job.js';
import { seenByTool } from '../interop/resume.js';
import { type Found, kafkaSite, readWithKcat } from '../interop/site.js';
import { seeded, type Workload } from '../interop/workload.js';
import { type KafkaHandle, uniqueName } from '../kafka/handle.js';
import type { KafkaNode } from '../kafka/node.js';
import { GuardedProcess } from '../kafka/process.js';
import { Cutter } from './cutter.js';
import { prepareGround } from './ground.js';
import { untilInSync } from './in-sync.js';
import { untilEndAnswered } from './lost-answer.js';
import { Outages } from './outages.js';
import type { ProxiedCluster } from './proxied.js';
import { plannedStops, type Stop, type StopCounts } from './stops.js';

const PROGRAM = fileURLToPath(new URL('./transformer.js', import.meta.url));
const PARTITIONS = 6;
const FENCED = 3;
/** A transaction of the program with something in it is committed. */
const COMMITTED = /^ended [1-9]/m;
const REACHED_WITHIN_MS = 120_000;

/** What happens to the program, and to the brokers. */
export interface ExactlyOnceOptions extends MainJobOptions, StopCounts {
  /** The brokers that may go away, one at a time. */
  readonly nodes?: readonly KafkaNode[] | undefined;
  /** Where the program finds the brokers: behind proxies, which cut its connections. Else it goes to them straight, and nothing is cut. */
  readonly behind?: Pick<ProxiedCluster, 'bootstrap' | 'proxies'> | undefined;
  /** Whether Kafka's console consumer reads the output too, which takes its time. */
  readonly java?: boolean | undefined;
}

/**
 * A program that makes one topic of another, in transactions, is killed again and again, in each phase of a transaction, and started again
 * with the same transactional id; or frozen in a transaction, and let go on when another has taken over; brokers are killed and frozen meanwhile.
 * @throws AssertionError unless those who read committed records, kcat and Kafka's console consumer, find exactly one record for each of the
 * input's, in the order of each partition; the group stands at the end of the input; and every frozen program learned that it is fenced.
 */
export async function exactlyOnce(
  kafka: KafkaHandle,
  workload: Workload,
  { nodes = [], behind, java = false, say = () => {}, ...counts }: ExactlyOnceOptions,
): Promise<void> {
  await using ground = await prepareGround(kafkaSite(kafka), workload, PARTITIONS);
  const { client, topic, log, ends, next } = ground;
  const output = await kafka.createTopic({ partitions: PARTITIONS });
  const [groupId, transactionalId] = [uniqueName('transformer'), uniqueName('transformer')];
  const program = new Program([(behind?.bootstrap ?? kafka.bootstrap).join(), topic, output, groupId, transactionalId], next);
  const outages = new Outages(nodes, next, () => untilInSync(client, output, nodes.length));

  const cutter = new Cutter(behind?.proxies ?? [], seeded(workload.seed ^ 0xc075));
  const stops = plannedStops(counts, workload.count, next);
  let running = program.start(stops[0]);
  for (const [i, stop] of stops.entries()) {
    const { how, phase, at, pauseMs, outage } = stop;
    let broker = '';
    if (outage) {
      await running.untilOutput(COMMITTED, REACHED_WITHIN_MS);
      broker = `; a broker was ${await outages.begin()}`;
    }
    await running.untilOutput(new RegExp(`^${notedIn(stop)} \\d+$`, 'm'), REACHED_WITHIN_MS);
    const listen = phase === 'answered' && behind !== undefined ? await untilEndAnswered(behind.proxies) : () => {};
    await delay(pauseMs);
    const old = running;
    if (how === 'frozen') old.signal('SIGSTOP');
    else await old.kill();
    listen();
    running = program.start(stops[i + 1]);
    if (outage) outages.end();
    if (how === 'frozen') {
      await running.untilOutput(COMMITTED, REACHED_WITHIN_MS);
      await assertFenced(old, phase);
    }
    program.note(old);
    say(`  ${i + 1}: ${how} ${pauseMs} ms after "${phase}" at ${at} records of its run${broker}`);
  }
  await outages.untilOver();
  const { code } = await running.exit();
  assert.equal(code, 0, running.stdout.slice(-1000) + running.stderr.slice(-1000));
  program.note(running);
  cutter.stop();

  const expected = log.map(({ partition, offset, key, value }) => ({ partition, key, value: `${partition}/${offset}/${value}` }));
  const byKcat = await readWithKcat(kafka.bootstrap, output, { args: ['-X', 'isolation.level=read_committed', '-X', 'check.crcs=true'] });
  assertSameContent(byKcat, expected, 'kcat');
  if (java) assertSameContent(await readWithJava(kafka, output, expected.length), expected, "Kafka's console consumer");
  const stored = await seenByTool(kafka)(groupId, topic);
  assert.deepEqual(sorted(stored), sorted(ends), 'where the group stands');
  const all = await readWithKcat(kafka.bootstrap, output, { args: ['-X', 'isolation.level=read_uncommitted'] });
  assert.ok(all.length > byKcat.length, 'nothing was ever aborted');
  const unknown = log.length - program.committedCount;
  if (behind !== undefined && counts.killCount > 2) assert.ok(unknown > 0, 'no commit was met that was done and not yet answered');
  say(
    `killed ${counts.killCount} times, frozen ${counts.zombieCount} and fenced each time; brokers killed ${outages.count.killed} times and frozen ${outages.count.frozen}, connections cut ${cutter.count}; ${program.failedCount} ` +
      `transactions failed and were done again; ${unknown} records were committed by a program that was killed before it knew`,
  );
  say(
    `${log.length} records in, ${byKcat.length} committed records out, for kcat${java ? " and Kafka's console consumer" : ''}: each once, in order; ` +
      `${all.length - byKcat.length} more were aborted; the group stands at the end (seed ${workload.seed})`,
  );
}

/** What the program itself can tell of a phase. */
const notedIn = ({ phase }: Stop): string => (phase === 'answered' ? 'commits' : phase);

/** Starts the program, and counts what its runs noted. */
class Program {
  committedCount = 0;
  failedCount = 0;
  readonly #args: readonly string[];
  readonly #next: () => number;

  constructor(args: readonly string[], next: () => number) {
    this.#args = args;
    this.#next = next;
  }

  /** @param stop Where it tells that it has come to; undefined: it goes on to the end. */
  start(stop: Stop | undefined): GuardedProcess {
    const way = this.#next() < 0.5 ? 'context' : 'plain';
    return GuardedProcess.start(process.execPath, [
      PROGRAM,
      ...this.#args,
      way,
      stop === undefined ? 'none' : notedIn(stop),
      `${stop?.at ?? 0}`,
    ]);
  }

  note({ stdout }: GuardedProcess): void {
    this.committedCount += Number([...stdout.matchAll(/^ended (\d+)$/gm)].at(-1)?.[1] ?? 0);
    this.failedCount += stdout.match(/^failed /gm)?.length ?? 0;
  }
}

/** Lets a frozen program go on. @throws AssertionError unless it learns that another has its place. */
async function assertFenced(old: GuardedProcess, phase: string): Promise<void> {
  old.signal('SIGUSR2');
  old.signal('SIGCONT');
  const { code } = await old.exit();
  const told = old.stdout.slice(old.stdout.indexOf(`${phase} `));
  assert.equal(code, FENCED, `the program that was frozen ended with ${code}: ${told}${old.stderr}`);
  assert.doesNotMatch(told, /^ended|stored/m, 'the program that was frozen committed');
}

/** The committed records as Kafka's console consumer gives them. */
async function readWithJava(kafka: KafkaHandle, topic: string, count: number): Promise<Found[]> {
  const output = await kafka.tool(
    'org.apache.kafka.tools.consumer.ConsoleConsumer',
    [
      ...['--bootstrap-server', kafka.bootstrapText, '--topic', topic, '--from-beginning', '--isolation-level', 'read_committed'],
      ...['print.partition=true', 'print.offset=true', 'print.key=true'].flatMap(property => ['--property', property]),
      ...['--max-messages', `${count + 1}`, '--timeout-ms', '10000'], // one more than there should be: it ends when no more comes
    ],
    { timeoutMs: 120_000 },
  );
  return [...output.matchAll(/^Partition:(\d+)\tOffset:(\d+)\t([^\t\n]*)\t(.*)$/gm)].map(([, partition, offset, key = '', value = '']) => ({
    partition: Number(partition),
    offset: Number(offset),
    key,
    value,
  }));
}

/** @throws AssertionError unless each partition holds these keys and values, in this order. */
function assertSameContent(found: readonly Found[], expected: readonly Omit<Found, 'offset'>[], reader: string): void {
  const [theirs, ours] = [byPartition(found), byPartition(expected)];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const [seen, due] = [theirs.get(partition) ?? [], ours.get(partition) ?? []];
    const differs = Array.from({ length: Math.max(seen.length, due.length) }).findIndex(
      (_, i) => seen[i]?.key !== due[i]?.key || seen[i]?.value !== due[i]?.value,
    );
    const what = `${reader}: partition ${partition}, record ${differs} of ${seen.length}, where ${due.length} belong`;
    assert.deepEqual(seen[differs], differs < 0 ? undefined : { ...due[differs], offset: seen[differs]?.offset }, what);
  }
}

const sorted = (offsets: ReadonlyMap<number, number>) => [...offsets].sort(([a], [b]) => a - b);
