import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { KafkaClient, KeyedProducer } from '../../src/index.js';
import type { MainJobOptions } from '../interop/main-job.js';
import { seeded, type Workload } from '../interop/workload.js';
import { type KafkaHandle, poll, uniqueName } from '../kafka/handle.js';
import type { KafkaNode } from '../kafka/node.js';
import { commitHistory } from './commit-history.js';
import { type Freeze, judgeGroup } from './group-judge.js';
import type { MemberWork } from './group-member.js';
import { endOf } from './group-notes.js';
import { Troupe, type TroupeMember } from './group-troupe.js';
import { configureGroup, type GroupProtocol } from './group-view.js';
import { untilInSync, untilVisible } from './in-sync.js';

const MOST_MEMBERS = 5;
const PER_CALL = 250;

/** What happens to a group while it works. */
export interface GroupChainOptions extends MainJobOptions {
  readonly protocol: GroupProtocol;
  /** By Kafka's names, for the classic protocol. */
  readonly assignor?: string | undefined;
  readonly partitionCount: number;
  /** How often a member joins, leaves, is killed, or stands still until the group has gone on without it. */
  readonly eventCount: number;
  readonly sessionTimeoutMs: number;
  /** Of each member. */
  readonly perMs: number;
  /** So many messages are in the topic ahead of those that are done. */
  readonly aheadCount: number;
  /** Brokers of which one is killed, so many times. */
  readonly brokers?: { readonly nodes: readonly KafkaNode[]; readonly killCount: number } | undefined;
}

type Event = 'join' | 'leave' | 'kill' | 'freeze';

/**
 * Members of a group come and go while they work through a topic that is being written: they join, leave, are killed, and stand still for too
 * long. See {@link judgeGroup} for what is promised; what is committed is also looked at after each event.
 */
export async function groupChain(kafka: KafkaHandle, workload: Workload, options: GroupChainOptions): Promise<void> {
  const { protocol, assignor, partitionCount, eventCount, sessionTimeoutMs, perMs, brokers, say = () => {} } = options;
  await using client = new KafkaClient({ brokers: kafka.bootstrap });
  const topic = await kafka.createTopic({ partitions: partitionCount });
  const groupId = uniqueName('chain');
  const times = { sessionTimeoutMs, heartbeatMs: Math.floor(sessionTimeoutMs / 6) };
  if (protocol === 'consumer')
    await configureGroup(client, groupId, {
      'consumer.session.timeout.ms': times.sessionTimeoutMs,
      'consumer.heartbeat.interval.ms': times.heartbeatMs,
    });
  const work: MemberWork = {
    consumer: { ...times, autoCommit: { everyMs: 500 }, assignors: assignor === undefined ? undefined : [assignor] },
    perMs,
  };
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-group-'));
  const next = seeded(workload.seed ^ 0x6007);
  const choose = <T>(of: readonly T[]): T => of[Math.floor(next() * of.length)] ?? assert.fail('nothing to choose from');
  const happened = { join: 0, leave: 0, kill: 0, freeze: 0, brokers: 0 };
  const freezes: Freeze[] = [];
  await using troupe = new Troupe({ client, bootstrap: kafka.bootstrap, topic, groupId, protocol, directory });
  const doneCount = (): number => [...troupe.reached().values()].reduce((sum, each) => sum + each, 0);

  for (let i = 0; i < 2; i++) troupe.join(work);
  const writing = write(client, topic, workload, () => doneCount() + options.aheadCount);
  writing.catch(() => {}); // told below
  const began = performance.now();
  let outage = Promise.resolve();
  const breaks = new Set(
    Array.from({ length: brokers?.killCount ?? 0 }, (_, i) => Math.floor(((i + 0.5) * eventCount) / (brokers?.killCount ?? 1))),
  );
  for (let i = 0, bag: Event[] = []; i < eventCount; i++) {
    const at = ((i + 0.3 + 0.6 * next()) * workload.count) / (eventCount + 1);
    await troupe.until(`${Math.round(at)} messages done`, () => doneCount() >= at);
    if (breaks.has(i) && brokers !== undefined) {
      await outage;
      outage = breakDown(choose(brokers.nodes), client, topic, brokers.nodes.length);
      outage.catch(() => {}); // told below
      happened.brokers += 1;
    }
    if (bag.length === 0) bag = shuffled(['join', 'join', 'leave', 'kill', 'freeze'], next);
    const { length } = troupe.members;
    const event = bag.find(each => (each === 'join' ? length < MOST_MEMBERS : length > 1)) ?? (length > 1 ? 'leave' : 'join');
    bag = bag.toSpliced(bag.indexOf(event), bag.includes(event) ? 1 : 0);
    happened[event] += 1;
    const busy = () => troupe.members.filter(({ notes: { owned } }) => owned.length > 0);
    await troupe.until('somebody at work', () => busy().length > 0);
    const member: TroupeMember = choose(event === 'leave' ? troupe.members : busy());
    if (event === 'join') troupe.join(work);
    else if (event === 'freeze') freezes.push({ member: member.name, ...(await troupe.freeze(member)) });
    else await troupe[event](member);
    await troupe.assertCommittedIsDone();
  }
  await outage;
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  const stored = await writing;
  const ends = new Map<number, number>();
  for (const { partition, offset } of stored) ends.set(partition, Math.max(ends.get(partition) ?? 0, offset + 1));
  await untilVisible(client, topic, ends);
  await troupe.until('all done', () => [...ends].every(([partition, end]) => (troupe.reached().get(partition) ?? 0) >= end));
  for (const member of troupe.members) await troupe.leave(member);
  assert.deepEqual(await troupe.committed(), new Map([...ends].sort(([a], [b]) => a - b)));

  const { ownerships } = troupe;
  const commits = await commitHistory(client, groupId, topic);
  const { repeatCount, repeatingCount } = judgeGroup({ ownerships, commits, freezes, ends });
  const numberAt = new Map(stored.map(({ partition, offset }, number) => [`${partition}/${offset}`, number]));
  for (const owned of ownerships) {
    const last = new Map<string, number>();
    for (const [i, number] of owned.numbers.entries()) {
      const place = `${owned.partition}/${(owned.first ?? 0) + i}`;
      assert.equal(number, numberAt.get(place), place);
      const key = workload.key(number);
      assert.ok(number > (last.get(key) ?? -1), `${key}: ${number} after ${last.get(key)} in ${place}`);
      last.set(key, number);
    }
  }
  rmSync(directory, { recursive: true });
  say(
    `${eventCount} events in ${seconds} s: ${happened.join} joined, ${happened.leave} left, ${happened.kill} were killed, ${happened.freeze} stood still; ${happened.brokers} brokers killed`,
  );
  say(
    `${workload.count} messages, each worked on, in order per key in each of ${ownerships.filter(each => endOf(each) > 0).length} ownerships; ${repeatCount} repeated, at the beginning of ${repeatingCount} of them, all behind the last commit`,
  );
  say(
    `${commits.length} commits, none past what its owner had done by then, none behind one before it, none of a member that had lost the partition; ${troupe.commitFailures} failed`,
  );
}

/** Sends the workload in order, never further than `limit` says; gives where each message is stored. */
async function write(client: KafkaClient, topic: string, workload: Workload, limit: () => number) {
  await using producer = new KeyedProducer(client);
  const stored: { readonly partition: number; readonly offset: number }[] = [];
  while (stored.length < workload.count) {
    const from = stored.length;
    const count = Math.min(PER_CALL, workload.count - from);
    if (limit() < from + count) await delay(20);
    else
      stored.push(
        ...(await producer.sendMany(
          Array.from({ length: count }, (_, i) => ({ topic, key: workload.key(from + i), value: workload.value(from + i) })),
        )),
      );
  }
  return stored;
}

/** A broker goes, and comes back when the others lead what it led. */
async function breakDown(node: KafkaNode, client: KafkaClient, topic: string, nodeCount: number): Promise<void> {
  await node.kill();
  await poll(`another leader than node ${node.id}`, 60_000, async () => {
    const partitions = (await client.metadata([topic])).topics.get(topic)?.partitions ?? [];
    return partitions.length > 0 && partitions.every(({ leader }) => leader !== undefined && leader >= 0 && leader !== node.id);
  });
  await node.restart();
  await untilInSync(client, topic, nodeCount);
}

function shuffled<T>(of: readonly T[], next: () => number): T[] {
  return of
    .map(each => ({ each, place: next() }))
    .sort((a, b) => a.place - b.place)
    .map(({ each }) => each);
}
