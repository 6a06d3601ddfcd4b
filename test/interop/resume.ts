import assert from 'node:assert/strict';
import { KafkaClient, SimpleConsumer } from '../../src/index.js';
import { type KafkaHandle, uniqueName } from '../kafka/handle.js';
import type { KafkaVersion } from '../kafka/versions.js';
import { assertSameLog, byPartition, type MainJobOptions, readFrom, send, type Way, ways } from './main-job.js';
import type { Found, Site } from './site.js';
import type { Workload } from './workload.js';

/** What a group has stored for a topic, by partition, as somebody else sees it. */
export type CommittedSeen = (groupId: string, topic: string) => Promise<ReadonlyMap<number, number>>;

const PARTITIONS = 6;

/**
 * Reads half of a topic and commits, reads on without committing, and starts again, in each of the ways.
 * @param seen Left out: only our own client is asked what is committed.
 * @throws AssertionError unless each start goes on at exactly the committed offset of each partition, so that half and rest are the topic.
 */
export async function resume(
  site: Site,
  workload: Workload,
  { say = () => {}, seen }: MainJobOptions & { seen?: CommittedSeen } = {},
): Promise<void> {
  const topic = await site.createTopic(PARTITIONS);
  const half = Math.floor(workload.count / 2);
  {
    await using client = new KafkaClient({ brokers: site.bootstrap });
    await send(client, topic, workload);
  }
  const log = await site.read(topic);
  for (const way of ways) {
    const groupId = uniqueName('resume');
    const reading = { site, topic, groupId, way };
    const first = await start({ ...reading, count: half, commit: true });
    const ends = new Map([...byPartition(first)].map(([partition, read]) => [partition, (read.at(-1)?.offset ?? -1) + 1]));
    if (seen) assert.deepEqual(sorted(await seen(groupId, topic)), sorted(ends), 'what another client sees committed');

    const uncommitted = await start({ ...reading, count: Math.floor(half / 2), commit: false });
    assertStartsAt(uncommitted, ends);
    if (seen) assert.deepEqual(sorted(await seen(groupId, topic)), sorted(ends), 'committed after a start that committed nothing');

    const rest = await start({ ...reading, count: log.length - first.length, commit: true });
    assertStartsAt(rest, ends);
    assertSameLog([...first, ...rest], log);
    const at = [...ends].sort().map(([partition, offset]) => `${partition}@${offset}`);
    say(
      `by ${way}: ${first.length} read and committed at ${at.join(' ')}${seen ? ', as another client sees it' : ''}; started again twice there; ${rest.length} more, none twice, none left out`,
    );
  }
}

interface Start {
  readonly site: Site;
  readonly topic: string;
  readonly groupId: string;
  readonly way: Way;
  readonly count: number;
  /** Whether what was read is committed before the consumer is closed. */
  readonly commit: boolean;
}

/** A program that starts, reads, commits or not, and ends: with a client and a consumer of its own. */
async function start({ site, topic, groupId, way, count, commit }: Start): Promise<Found[]> {
  await using client = new KafkaClient({ brokers: site.bootstrap });
  await using consumer = new SimpleConsumer(client, { topic, groupId, autoCommit: false });
  const found = await readFrom(consumer, { way, count });
  assert.ok(found.length >= count, `only ${found.length} of ${count} messages came`);
  if (commit) assert.equal(await consumer.commit(), true);
  return found;
}

/** @throws AssertionError unless the first message of each partition is the one at its committed offset; one never committed begins at 0. */
function assertStartsAt(found: readonly Found[], committed: ReadonlyMap<number, number>): void {
  for (const [partition, [first]] of byPartition(found))
    assert.equal(first?.offset, committed.get(partition) ?? 0, `start of partition ${partition}`);
}

const sorted = (offsets: ReadonlyMap<number, number>) => [...offsets].sort(([a], [b]) => a - b);

/** What Kafka's own tool says a group has stored. */
export const seenByTool =
  (kafka: KafkaHandle): CommittedSeen =>
  async (groupId, topic) => {
    const old: readonly KafkaVersion[] = ['2.8.2', '1.1.1', '0.10.2.2'];
    const tool = old.includes(kafka.version)
      ? 'kafka.admin.ConsumerGroupCommand'
      : 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand';
    const description = await kafka.tool(tool, ['--bootstrap-server', kafka.bootstrapText, '--describe', '--group', groupId]);
    const rows = description.matchAll(new RegExp(`\\b${topic}\\s+(\\d+)\\s+(\\d+)\\s`, 'g'));
    return new Map([...rows].map(([, partition, offset]) => [Number(partition), Number(offset)]));
  };
