import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SimpleConsumer } from '../../src/index.js';
import type { MainJobOptions } from '../interop/main-job.js';
import type { CommittedSeen } from '../interop/resume.js';
import type { Site } from '../interop/site.js';
import type { Workload } from '../interop/workload.js';
import { uniqueName } from '../kafka/handle.js';
import { GuardedProcess } from '../kafka/process.js';
import { prepareGround } from './ground.js';

const PROGRAM = fileURLToPath(new URL('./context-worker.js', import.meta.url));
const PARTITIONS = 6;

/** One context as its program noted it. */
interface Noted {
  /** `partition:offset` of every message it worked on, and marked. */
  readonly worked: readonly string[];
  readonly marked: readonly string[];
  /** `open`: killed before it committed. `unsure`: killed while it did. */
  readonly end: 'open' | 'unsure' | 'committed' | 'back';
}

/**
 * A program that works in commit contexts, some of which throw, is killed again and again, and started again with the same group. Whether a
 * commit that was under way has arrived is settled by what is committed at the next start.
 * @param seen What somebody else says is committed.
 * @throws AssertionError unless every message was worked on, those in committed contexts in exactly one, and what is committed at every stop
 * is what the committed contexts say, for our own client and for `seen`.
 */
export async function contextKills(
  site: Site,
  workload: Workload,
  seen: CommittedSeen,
  { killCount, say = () => {} }: MainJobOptions & { readonly killCount: number },
): Promise<void> {
  await using ground = await prepareGround(site, workload, PARTITIONS);
  const { client, topic, log, ends, directory, next } = ground;
  const groupId = uniqueName('contexts');
  await using consumer = new SimpleConsumer(client, { topic, groupId, autoCommit: false });
  const worked = new Set<string>();
  const committed = new Set<string>();
  const count = { worked: 0, contexts: 0, thrown: 0, open: 0, arrived: 0, 'not arrived': 0 };
  let stands: ReadonlyMap<number, number> = new Map();
  for (let run = 0; run <= killCount; run++) {
    const file = join(directory, String(run));
    const worker = GuardedProcess.start(process.execPath, [PROGRAM, site.bootstrap.join(), topic, groupId], { log: file });
    const isLast = run === killCount;
    const aim = ((0.5 + next()) * 35 * workload.count) / (killCount + 2); // about 35 bytes a message are noted
    for (const began = performance.now(); worker.running && performance.now() - began < 120_000; await delay(1)) {
      if (!isLast && statSync(file).size > aim) break;
    }
    assert.equal(worker.running, !isLast, `run ${run}: ${readFileSync(file, 'utf8').slice(-1000)}`);
    const { code } = await (isLast ? worker.stop() : worker.kill());
    if (isLast) assert.equal(code, 0, readFileSync(file, 'utf8').slice(-2000));

    const stored = await seen(groupId, topic);
    for (const [partition, offset] of stored)
      assert.equal(await consumer.committed(partition), offset, `our client on partition ${partition}`);
    for (const context of contextsIn(readFileSync(file, 'utf8'))) {
      count.worked += context.worked.length;
      for (const each of context.worked) worked.add(each);
      count.contexts += 1;
      if (context.end === 'back') count.thrown += 1;
      if (context.end === 'open') count.open += 1;
      const after = advanced(stands, context.marked);
      const isStored = context.end === 'unsure' && same(stored, after) && !same(after, stands);
      if (context.end === 'unsure') count[isStored ? 'arrived' : 'not arrived'] += 1;
      if (context.end !== 'committed' && !isStored) continue;
      for (const each of context.marked) {
        assert.ok(!committed.has(each), `run ${run}: ${each} was committed in two contexts`);
        committed.add(each);
      }
      stands = after;
    }
    assert.deepEqual(sorted(stored), sorted(stands), `run ${run}: what is committed, and what the contexts say`);
  }
  assert.equal(worked.size, log.length, 'not every message was worked on');
  assert.equal(committed.size, log.length, 'not every message is in a committed context');
  assert.deepEqual(sorted(stands), sorted(ends));
  say(
    `killed ${killCount} times; ${count.contexts} contexts: ${count.thrown} threw, ${count.open} were killed at their work, ${
      count.arrived + count['not arrived']
    } in their commit, of which ${count.arrived} had arrived; ${log.length} messages, worked on ${count.worked} times, each in exactly one ` +
      `committed context; at all ${killCount + 1} stops the committed offsets are those of the contexts, for our client and for Kafka's own tool`,
  );
}

/** The contexts of one run in their order; a line that is not whole is left out. */
function contextsIn(text: string): readonly Noted[] {
  const contexts: { worked: string[]; marked: string[]; end: Noted['end'] }[] = [];
  for (const [, what = '', n, partition, offset] of text.matchAll(/^(\w+) (\d+)(?: (\d+) (\d+))?\n/gm)) {
    const i = Number(n) - 1;
    const context = (contexts[i] ??= { worked: [], marked: [], end: 'open' });
    if (what === 'worked' || what === 'marked') context[what].push(`${partition}:${offset}`);
    else context.end = what === 'commits' ? 'unsure' : what === 'committed' ? 'committed' : 'back';
  }
  return contexts;
}

/** Where the group stands after a context that marked these. @throws AssertionError when it does not begin where the group stood, or has a gap. */
function advanced(stands: ReadonlyMap<number, number>, marked: readonly string[]): ReadonlyMap<number, number> {
  const after = new Map(stands);
  for (const place of marked) {
    const [partition = 0, offset = 0] = place.split(':').map(Number);
    assert.equal(offset, after.get(partition) ?? 0, `the next message of partition ${partition}`);
    after.set(partition, offset + 1);
  }
  return after;
}

const sorted = (offsets: ReadonlyMap<number, number>) => [...offsets].sort(([a], [b]) => a - b);
const same = (a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): boolean => String(sorted(a)) === String(sorted(b));
