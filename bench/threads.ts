import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { type FleetSnapshot, KafkaClient, MultiProcessConsumer } from '../src/index.js';
import { spread } from './usage.js';

/*
 * What threads gain: messages of 100 bytes from an embedded cluster in a child process, handlers that compute for 0, 10 and 100 microseconds, by one
 * thread and by two, in turns; and what the main thread takes meanwhile, as the kernel counts it. Marks: two threads 1.7 times one at 10
 * microseconds, 1.85 times at 100; at most 0.25 CPU-seconds of the main thread per million messages; at least 1500 k/s where the handler does nothing.
 *   node threads.js [ROUNDS]
 */
const [rounds = '5'] = process.argv.slice(2);
const workloads = [
  { microseconds: 0, count: 3_000_000 },
  { microseconds: 10, count: 400_000 },
  { microseconds: 100, count: 40_000 },
];
const TICKS_PER_SECOND = 100;

const broker = fork(new URL('./consume-broker.js', import.meta.url), ['100', 'none', '4000000']);
const [brokers] = (await once(broker, 'message')) as [string[]];
for (const { microseconds, count } of workloads) {
  const rates = new Map<number, number[]>();
  const mains: number[] = [];
  for (let round = 0; round <= Number(rounds); round++) {
    for (const threads of round % 2 === 0 ? [1, 2] : [2, 1]) {
      const { perSecond, mainCpu } = await measure(threads, microseconds, count);
      if (round === 0) continue; // warms up
      rates.set(threads, [...(rates.get(threads) ?? []), perSecond / 1000]);
      if (threads === 2) mains.push(mainCpu);
    }
  }
  const [one = [], two = []] = [rates.get(1), rates.get(2)];
  const gains = two.map((rate, i) => rate / (one[i] ?? Number.NaN));
  console.log(
    `${String(microseconds).padStart(3)} us   one thread ${spread(one, 0)} k/s   two ${spread(two, 0)} k/s   gain ${spread(gains, 2)}` +
      `   main thread ${spread(mains, 2)} CPU-s per million`,
  );
}
broker.disconnect();

async function measure(threads: number, microseconds: number, count: number): Promise<{ perSecond: number; mainCpu: number }> {
  await using client = new KafkaClient({ brokers });
  const topics = { bench: [0, 1, 2, 3, 4, 5] };
  const fleet = new MultiProcessConsumer(client, { topics, threads });
  const stop = new AbortController();
  const handled = () => fleet.snapshot()?.threads.reduce((sum: number, { handledCount }) => sum + handledCount, 0) ?? 0;
  const run = fleet.run(new URL('./threads-handler.js', import.meta.url), { workerData: microseconds, signal: stop.signal });
  const isReady = ({ threads: all }: FleetSnapshot) => all.length === threads && all.every(({ handledCount }) => handledCount > 0);
  await until(() => isReady(fleet.snapshot() ?? { threads: [], retriedCount: 0, deadLetterCount: 0 }));
  const [before, began, cpu] = [handled(), performance.now(), mainThreadSeconds()];
  await until(() => handled() - before >= count);
  const [done, seconds, mainCpu] = [handled() - before, (performance.now() - began) / 1000, mainThreadSeconds() - cpu];
  stop.abort();
  await run;
  return { perSecond: done / seconds, mainCpu: (mainCpu * 1e6) / done };
}

/** Looks every few ms: what is measured are seconds. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setTimeout(resolve, 25));
}

/** CPU-seconds of this thread alone. */
function mainThreadSeconds(): number {
  const tasks = readdirSync('/proc/self/task');
  if (!tasks.includes(String(process.pid))) throw new Error('this system does not tell what each thread takes');
  const fields = readFileSync(`/proc/self/task/${process.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
