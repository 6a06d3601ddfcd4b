import { readFileSync } from 'node:fs';
import { run } from '../test/kafka/process.js';

/** What a child process says of its work. */
export interface Usage {
  /** Messages of the part that counts, after the warm-up. */
  readonly count: number;
  /** Bytes of the values of all messages. */
  readonly valueBytes: number;
  /** CPU-seconds of the part that counts, user and system. */
  readonly cpuSeconds: number;
  readonly seconds: number;
  /** CPU-seconds of the process from its start to its end, and the messages of it. */
  readonly wholeCpuSeconds: number;
  readonly wholeCount: number;
  /** The most memory it had at once in MB (10^6 bytes), as the kernel saw it: VmHWM. */
  readonly peakMegabytes: number;
}

/** Counts what the work of this process costs, leaving out what comes before {@link start}. */
export class Meter {
  #cpu = process.cpuUsage();
  #began = performance.now();
  #before = 0;

  /** What counts begins, after `count` messages. */
  start(count: number): void {
    this.#before = count;
    this.#cpu = process.cpuUsage();
    this.#began = performance.now();
  }

  /** It ends, after `count` messages in all. */
  end(count: number, valueBytes: number): Usage {
    const seconds = (performance.now() - this.#began) / 1000;
    const { user, system } = process.cpuUsage(this.#cpu);
    const whole = process.cpuUsage();
    return {
      count: count - this.#before,
      valueBytes,
      cpuSeconds: (user + system) / 1e6,
      seconds,
      wholeCpuSeconds: (whole.user + whole.system) / 1e6,
      wholeCount: count,
      peakMegabytes: peakMegabytes(),
    };
  }
}

/** Runs a program of this folder in a process of its own and gives what it says of its work. @throws Error with its output when it fails. */
export async function measured(
  program: string,
  args: readonly (string | number)[],
  { timeoutMs = 300_000, node = process.execPath }: { readonly timeoutMs?: number; readonly node?: string } = {},
): Promise<Usage> {
  const file = new URL(program, import.meta.url).pathname;
  const { code, signal, stdout, stderr } = await run(node, [file, ...args.map(String)], { timeoutMs });
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${signal ?? `code ${code}`}\n${stdout}${stderr}`);
  return JSON.parse(stdout);
}

/** One line for several runs of the same: median, smallest and largest. */
export function summary(name: string, runs: readonly Usage[]): string {
  const cost = spread(
    runs.map(({ cpuSeconds, count }) => (cpuSeconds * 1e6) / count),
    2,
  );
  const rate = spread(
    runs.map(({ count, seconds }) => count / seconds / 1000),
    0,
  );
  const whole = spread(
    runs.map(({ wholeCpuSeconds, wholeCount }) => (wholeCpuSeconds * 1e6) / wholeCount),
    2,
  );
  const peak = Math.max(...runs.map(({ peakMegabytes }) => peakMegabytes)).toFixed(0);
  return `${name.padEnd(34)} ${cost} CPU-s per million   ${rate} k/s   with start and warm-up ${whole}   at most ${peak} MB`;
}

/** The middle one, with the smallest and the largest. */
export function spread(values: readonly number[], digits: number): string {
  const sorted = [...values].sort((a, b) => a - b);
  const [smallest = 0, median = 0, largest = 0] = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)];
  return `${median.toFixed(digits)} (${smallest.toFixed(digits)} to ${largest.toFixed(digits)})`;
}

function peakMegabytes(): number {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return (Number(kibibytes) * 1024) / 1e6;
}
