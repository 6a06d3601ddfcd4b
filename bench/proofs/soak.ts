import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { KafkaClient, MultiProcessConsumer } from '../../src/index.js';
import type { ProofContext } from '../prove.js';

export const about = 'what a process with two threads takes does not grow in 10 minutes, while attempts fail and threads end';

const MINUTES = 10;
const SAMPLES_PER_MINUTE = 30;
/** Against what was taken in the second minute. */
const MOST_GROWTH = 1.1;

export async function prove({ say }: ProofContext): Promise<void> {
  const broker = fork(new URL('../soak-broker.js', import.meta.url));
  try {
    const [brokers] = (await once(broker, 'message')) as [string[]];
    await using client = new KafkaClient({ brokers });
    const fleet = new MultiProcessConsumer(client, { topics: 'soak', groupId: 'soak', threads: 2, autoCommit: { everyMs: 200 } });
    let endedCount = 0;
    let resultCount = 0;
    fleet.on('threadReplaced', () => endedCount++);
    const stop = new AbortController();
    const onResult = (value: unknown) => void (resultCount += value === undefined ? 0 : 1);
    const run = fleet.run(new URL('../soak-handler.js', import.meta.url), { onResult, signal: stop.signal });
    run.catch(() => stop.abort()); // told below
    const taken: number[] = [];
    for (let minute = 1; minute <= MINUTES && !stop.signal.aborted; minute++) {
      const samples: number[] = [];
      while (samples.length < SAMPLES_PER_MINUTE && !stop.signal.aborted) {
        await delay(60_000 / SAMPLES_PER_MINUTE, undefined, { signal: stop.signal }).catch(() => {});
        samples.push(process.memoryUsage().rss / 1e6);
      }
      const median = samples.sort((a, b) => a - b)[samples.length >> 1] ?? 0;
      taken.push(median);
      const { threads, retriedCount } = fleet.snapshot() ?? { threads: [], retriedCount: 0 };
      const positions = fleet.assignment().map(({ topic, partition }) => fleet.position({ topic, partition }) ?? 0);
      const read = positions.reduce((sum, each) => sum + each, 0);
      say(
        `minute ${minute}: ${median.toFixed(0)} MB resident (${samples[0]?.toFixed(0)} to ${samples.at(-1)?.toFixed(0)}), ${(read / 1e6).toFixed(1)} million messages so far, ${retriedCount} attempts in vain, ${endedCount} of the ${threads.length} threads' predecessors ended`,
      );
    }
    stop.abort();
    await run;
    await fleet.close();
    assert.ok(endedCount > 0 && resultCount > 0, 'nothing ended, or nothing was told');
    const [, second = 0] = taken;
    const last = taken.at(-1) ?? 0;
    assert.ok(last <= second * MOST_GROWTH, `${second.toFixed(0)} MB grew to ${last.toFixed(0)} MB`);
  } finally {
    broker.disconnect();
  }
}
