import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { KafkaClient } from '../../src/index.js';
import { fillPartitions, othersOf, timeOf, type Workers, type WorkersRun } from '../../test/chaos/group-standing.js';
import { KafkaCluster } from '../../test/kafka/cluster.js';
import { uniqueName } from '../../test/kafka/handle.js';
import type { ProofContext } from '../prove.js';

export const about =
  'one partition whose worker is slow, or whose broker is away, slows the others of its member by less than 10 %, medians of 7 runs in turn';

const PARTITIONS = 6;
const ROUNDS = 7;
const MANY = 150_000;
/** So that what stands is no part of the work that is measured. */
const FEW = 400;
const SLOW_MS = 20;
const MOST = 1.1;

export async function prove({ say }: ProofContext): Promise<void> {
  await slowWorker(say);
  await brokerAway(say);
}

/** One worker takes its time with each message. */
async function slowWorker(say: (line: string) => void): Promise<void> {
  await using kafka = await KafkaCluster.start();
  await using client = new KafkaClient({ brokers: kafka.bootstrap });
  const counts = Array.from({ length: PARTITIONS }, (_, partition) => (partition === 0 ? FEW : MANY));
  const topic = await kafka.createTopic({ partitions: PARTITIONS });
  await fillPartitions(client, topic, counts);
  const run = (work: Workers['work']): Promise<number> =>
    timeOf({ bootstrap: kafka.bootstrap, topic, groupId: uniqueName('slow'), work }, othersOf(counts, [0]), async () => {});
  const [usual, slow]: [number[], number[]] = [[], []];
  await run(() => undefined);
  for (let i = 0; i < ROUNDS; i++) {
    usual.push(await run(() => undefined));
    slow.push(await run(({ partition }) => (partition === 0 ? delay(SLOW_MS) : undefined)));
  }
  tell(say, `the worker of one takes ${SLOW_MS} ms for each message`, (PARTITIONS - 1) * MANY, usual, slow);
}

/** The only broker that has two of the partitions goes while the others are read, and is not there at the next start. */
async function brokerAway(say: (line: string) => void): Promise<void> {
  await using kafka = await KafkaCluster.start({ nodes: 3 });
  await using client = new KafkaClient({ brokers: kafka.bootstrap });
  const topic = await kafka.createTopic({ partitions: PARTITIONS, replicas: 1 });
  const leaders = await kafka.leaders(topic);
  const node = kafka.nodes.find(({ id }) => id === leaders[0]) ?? assert.fail();
  const away = leaders.flatMap((leader, partition) => (leader === node.id ? [partition] : []));
  const counts = leaders.map(leader => (leader === node.id ? FEW : MANY));
  await fillPartitions(client, topic, counts);
  const others = othersOf(counts, away);
  const run = async (during: (run: WorkersRun) => Promise<void> = async () => {}): Promise<number> => {
    let groupId = uniqueName('away');
    while ((await client.findCoordinator(groupId)).id === node.id) groupId = uniqueName('away');
    return timeOf({ bootstrap: kafka.bootstrap, topic, groupId, work: () => undefined }, others, during);
  };
  const [usual, goes, gone]: [number[], number[], number[]] = [[], [], []];
  await run();
  for (let i = 0; i < ROUNDS; i++) {
    usual.push(await run());
    goes.push(await run(() => node.kill()));
    gone.push(await run());
    await node.restart();
  }
  tell(say, `the broker of ${away.length} is killed meanwhile`, others.size * MANY, usual, goes);
  tell(say, `the broker of ${away.length} is away from the start`, others.size * MANY, usual, gone);
}

function tell(say: (line: string) => void, what: string, count: number, usual: readonly number[], standing: readonly number[]): void {
  const ratio = median(standing) / median(usual);
  const told = (times: readonly number[]) =>
    `${median(times).toFixed(0)} ms (${Math.min(...times).toFixed(0)}-${Math.max(...times).toFixed(0)})`;
  say(`${what}: ${count} messages of the others in ${told(standing)}, where it is ${told(usual)} else: ${ratio.toFixed(2)} times`);
  assert.ok(ratio <= MOST, `${what}: ${ratio.toFixed(2)} times as long`);
}

const median = (times: readonly number[]): number => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
