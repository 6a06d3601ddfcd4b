import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { assertCommitted, byPartition, type MainJobOptions, ways } from '../interop/main-job.js';
import type { Site } from '../interop/site.js';
import type { Workload } from '../interop/workload.js';
import { uniqueName } from '../kafka/handle.js';
import { GuardedProcess } from '../kafka/process.js';
import { prepareGround } from './ground.js';

const PROGRAM = fileURLToPath(new URL('./worker.js', import.meta.url));
const PARTITIONS = 6;

interface Noted {
  readonly partition: number;
  readonly offset: number;
}

/**
 * A program with automatic commits is killed again and again at its work, each time somewhere else, and started again with the same group.
 * @throws AssertionError unless each start goes on at or before the first message that was not worked on, so that none is left out, and the
 * last one works to the end and commits it.
 */
export async function workerKills(
  site: Site,
  workload: Workload,
  { killCount, say = () => {} }: MainJobOptions & { readonly killCount: number },
): Promise<void> {
  await using ground = await prepareGround(site, workload, PARTITIONS);
  const { client, topic, log, ends, directory, next } = ground;
  for (const way of ways) {
    const groupId = uniqueName('worker');
    const reached = new Map<number, number>();
    let [noted, again] = [0, 0];
    for (let run = 0; run <= killCount; run++) {
      const file = join(directory, `${way}-${run}`);
      const worker = GuardedProcess.start(process.execPath, [PROGRAM, site.bootstrap.join(), topic, groupId, way], { log: file });
      const last = run === killCount;
      const enough = last ? () => isDone(merged(reached, notes(file)), ends) : () => statSync(file).size > aim;
      const aim = (next() * 14 * workload.count) / killCount / 2; // about 7 bytes a note: half is done when the last one starts
      for (const began = performance.now(); worker.running && performance.now() - began < 60_000 && !enough(); ) await delay(2);
      const exit = await (last ? worker.stop() : worker.kill());
      const all = notes(file);
      assert.ok(all.length > 0, `run ${run} by ${way} noted nothing: ${readFileSync(file, 'utf8').slice(0, 2000)}`);
      if (last) assert.equal(exit.code, 0, readFileSync(file, 'utf8').slice(-2000));
      noted += all.length;
      again += assertGoesOn(all, reached, `run ${run} by ${way}`);
    }
    assert.deepEqual(reached, ends, `by ${way}: not all was worked on`);
    await assertCommitted(client, topic, groupId, log);
    say(
      `by ${way}: killed ${killCount} times; ${noted} of ${log.length} messages worked on, ${again} of them again (${Math.round(again / killCount)} a kill), none left out; committed to the end`,
    );
  }
}

/** Adds what a run noted to what was reached before it, and gives how many messages came again. @throws AssertionError for a gap. */
function assertGoesOn(noted: readonly Noted[], reached: Map<number, number>, what: string): number {
  let again = 0;
  for (const [partition, [first, ...rest]] of byPartition(noted)) {
    const before = reached.get(partition) ?? 0;
    const start = first?.offset ?? 0;
    assert.ok(start <= before, `${what}: partition ${partition} goes on at ${start}, but ${before} is the first not worked on`);
    assert.equal(
      rest.findIndex(({ offset }, i) => offset !== start + 1 + i),
      -1,
      `${what}: partition ${partition} has a gap`,
    );
    const end = start + 1 + rest.length;
    again += Math.min(before, end) - start;
    reached.set(partition, Math.max(before, end));
  }
  return again;
}

/** What a run has noted so far; a line that is not whole is left out. */
const notes = (file: string): Noted[] =>
  [...readFileSync(file, 'utf8').matchAll(/^(\d+) (\d+)\n/gm)].map(([, partition, offset]) => ({
    partition: Number(partition),
    offset: Number(offset),
  }));

function merged(reached: ReadonlyMap<number, number>, noted: readonly Noted[]): Map<number, number> {
  const all = new Map(reached);
  for (const { partition, offset } of noted) all.set(partition, Math.max(all.get(partition) ?? 0, offset + 1));
  return all;
}

const isDone = (reached: ReadonlyMap<number, number>, ends: ReadonlyMap<number, number>): boolean =>
  [...ends].every(([partition, end]) => reached.get(partition) === end);
