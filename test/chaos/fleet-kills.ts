import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SimpleConsumer } from '../../src/index.js';
import { assertCommitted } from '../interop/main-job.js';
import type { Site } from '../interop/site.js';
import type { Workload } from '../interop/workload.js';
import { uniqueName } from '../kafka/handle.js';
import { GuardedProcess } from '../kafka/process.js';
import type { FleetWork } from './fleet-handler.js';
import { type Ground, prepareGround } from './ground.js';

const PROGRAM = fileURLToPath(new URL('./fleet-worker.js', import.meta.url));
/** The longest that nothing new may be worked on. */
const STILL_MS = 90_000;

export interface FleetKillsOptions {
  readonly partitionCount: number;
  /** About so many threads end of what they have in hand. */
  readonly deathCount: number;
  /** How often the whole program is killed. */
  readonly killCount: number;
  /** Whether a second member comes and goes. */
  readonly visited: boolean;
  say?(line: string): void;
}

/**
 * A program whose handlers work in threads: threads end of what they have in hand, the program is killed and started again, and another member comes
 * and goes.
 * @throws AssertionError unless every message is worked on, in order within each ownership of a partition, and nothing is committed that was not.
 */
export async function fleetKills(site: Site, workload: Workload, options: FleetKillsOptions): Promise<void> {
  const { partitionCount, deathCount, killCount, visited, say = () => {} } = options;
  await using ground = await prepareGround(site, workload, partitionCount);
  const { client, topic, log, directory, next } = ground;
  const groupId = uniqueName('fleet');
  const work: FleetWork = { seed: workload.seed, oneIn: Math.max(1, Math.floor(workload.count / deathCount)) };
  const files: string[] = [];
  const start = (): GuardedProcess => {
    const file = join(directory, `member-${files.length}`);
    files.push(file);
    return GuardedProcess.start(process.execPath, [PROGRAM, site.bootstrap.join(), topic, groupId, JSON.stringify(work)], { log: file });
  };
  for (let run = 0; run <= killCount; run++) {
    const isLast = run === killCount;
    const member = start();
    const aim = isLast ? workload.count : Math.floor(((run + 0.3 + 0.7 * next()) * workload.count) / (killCount + 1));
    const visitor = visited && run % 2 === 0 ? start() : undefined;
    if (visitor !== undefined) {
      await reached(files, Math.floor((aim + handled(files).size) / 2), [member, visitor]);
      assert.equal((await visitor.stop()).code, 0, tail(files));
    }
    await reached(files, aim, [member]);
    const exit = await (isLast ? member.stop() : member.kill());
    if (isLast) assert.equal(exit.code, 0, tail(files)); // nothing keeps it alive: no thread, no port, no handle
    await assertNotPastDone(ground, groupId, handled(files));
  }
  const all = files.map(lines);
  assert.equal(handled(files).size, log.length, 'every message is worked on');
  for (const [i, each] of all.entries()) assertInOrder(each, `member ${i}`);
  await assertCommitted(client, topic, groupId, log);
  const worked = all.flat().filter(isWork).length;
  const deaths = all.flatMap(each => each.flatMap((line, at) => (line[0] === 'x' ? [{ line, after: each.slice(at + 1) }] : [])));
  const pauses = deaths.flatMap(({ line: [, partition, offset, how, at], after }) => {
    const again = after.find(line => isWork(line) && line[0] === partition && line[1] === offset);
    return how === 'exit' && again !== undefined ? [Number(again[4]) - Number(at)] : [];
  });
  pauses.sort((a, b) => a - b);
  say(
    `${log.length} messages, ${deaths.length} threads ended, the program killed ${killCount} times: all worked on, ${worked - log.length} of them again, in order, nothing committed too early`,
  );
  say(
    `from the exit of a thread to its message again: median ${pauses[pauses.length >> 1]} ms, longest ${pauses.at(-1)} ms of ${pauses.length}`,
  );
}

type Line = readonly string[];

/** What a member has noted; a line that is not whole is left out. */
const lines = (file: string): readonly Line[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map(line => line.split(' '));

const isWork = ([first = '', ...rest]: Line): boolean => /^\d+$/.test(first) && rest.length === 4;

/** Each message that any member has worked on, as `partition/offset`. */
const handled = (files: readonly string[]): ReadonlySet<string> =>
  new Set(files.flatMap(file => lines(file).flatMap(line => (isWork(line) ? [`${line[0]}/${line[1]}`] : []))));

const tail = (files: readonly string[]): string => files.map(file => readFileSync(file, 'utf8').slice(-1500)).join('\n---\n');

/** Waits until so many messages are worked on. @throws AssertionError when a member has ended by itself, or nothing new comes. */
async function reached(files: readonly string[], count: number, members: readonly GuardedProcess[]): Promise<void> {
  let [last, since] = [-1, performance.now()];
  for (;;) {
    const { size } = handled(files);
    if (size >= count) return;
    if (size !== last) [last, since] = [size, performance.now()];
    assert.ok(performance.now() - since < STILL_MS, `nothing new in ${STILL_MS} ms, ${size} of ${count}\n${tail(files)}`);
    for (const member of members) assert.ok(member.running, `a member has ended\n${tail(files)}`);
    await delay(100);
  }
}

async function assertNotPastDone({ client, topic, ends }: Ground, groupId: string, done: ReadonlySet<string>): Promise<void> {
  await using consumer = new SimpleConsumer(client, { topic, groupId, autoCommit: false });
  for (const partition of ends.keys()) {
    const committed = (await consumer.committed(partition)) ?? 0;
    for (let offset = 0; offset < committed; offset++)
      assert.ok(done.has(`${partition}/${offset}`), `${committed} is committed of partition ${partition}, and ${offset} was not worked on`);
  }
}

/** As long as a member has a partition, what it works on next follows what it has worked on: the next message, or one that comes again. */
function assertInOrder(all: readonly Line[], who: string): void {
  const next = new Map<string, number>();
  for (const line of all) {
    const [first = '', second = '', third = ''] = line;
    if ('+-!'.includes(first) && first !== '') for (const partition of third.split(',')) next.delete(partition);
    if (!isWork(line)) continue;
    const offset = Number(second);
    const due = next.get(first);
    assert.ok(due === undefined || offset <= due, `${who}: ${first}/${offset} is worked on before ${due}`);
    next.set(first, offset + 1);
  }
}
