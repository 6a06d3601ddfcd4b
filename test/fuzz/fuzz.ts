import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GuardedProcess } from '../kafka/process.js';
import { numberedCase } from './cases.js';
import { OWN_CODE } from './subject.js';
import type { Task, Verdict } from './worker.js';

/*
 * Decoders against bytes that were made to hurt: mutated frames of Kafka's own classes and batches of every format and codec. They return, or
 * throw our errors; they keep to the memory and the time they may take. Cases run in a process of their own: one that never ends is found.
 */

export interface FuzzOptions {
  readonly seed: number;
  readonly caseCount: number;
  /** The first case. Default: those of the corpus, which come before number 0. */
  readonly first?: number | undefined;
  /** The folder of the compiled code to judge, as a URL. Default: this checkout's. */
  readonly code?: string | undefined;
}

export interface Finding {
  readonly index: number;
  readonly complaint: string;
  /** What it was, and how to see it again. */
  readonly report: string;
}

/** A case that takes longer than that hangs: the slowest takes a fraction of it. */
const HANG_MS = 4000;
const BEFORE_CORPUS = -1_000_000;

/** Runs the cases; gives the first that a decoder did not stand, undefined when it stood them all. */
export async function fuzz({ seed, caseCount, first = BEFORE_CORPUS, code = OWN_CODE.href }: FuzzOptions): Promise<Finding | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-fuzz-'));
  const progress = join(folder, 'progress');
  writeFileSync(progress, Buffer.alloc(4));
  const under = (): number => readFileSync(progress).readInt32LE();
  const task: Task = { code, seed, first, end: Math.max(0, first) + caseCount, progress };
  const program = fileURLToPath(new URL('worker.js', import.meta.url));
  const child = GuardedProcess.start(process.execPath, ['--max-old-space-size=512', program, JSON.stringify(task)]);
  let last = under();
  let sinceMs = performance.now();
  let hung = false;
  const watch = setInterval(() => {
    const [now, index] = [performance.now(), under()];
    if (index === last && now - sinceMs > HANG_MS) {
      hung = true;
      child.signal('SIGKILL'); // nothing milder ends a loop inside the engine
    }
    if (index !== last) [last, sinceMs] = [index, now];
  }, HANG_MS / 20);
  try {
    const { code: exitCode, signal } = await child.exit();
    if (hung) return finding(seed, under(), 'it does not come to an end');
    if (exitCode !== 0) return finding(seed, under(), `it ends the process (${signal ?? exitCode}): ${child.stderr.slice(0, 2000)}`);
    const { found }: Verdict = JSON.parse(child.stdout);
    return found && finding(seed, found.index, found.complaint);
  } finally {
    clearInterval(watch);
    rmSync(folder, { recursive: true });
  }
}

function finding(seed: number, index: number, complaint: string): Finding {
  const { bytes, ...rest } = numberedCase(seed, index);
  const line = JSON.stringify({ ...rest, bytes: bytes.toString('hex') });
  const shown = line.length > 4000 ? `${line.slice(0, 4000)}... (${bytes.length} bytes)` : line;
  const replay = `seed ${seed}, case ${index} (again: node dist/test/fuzz/replay.js ${seed} ${index})`;
  return { index, complaint, report: `${rest.name}: ${complaint}\n${replay}\nfor test/fuzz/corpus.jsonl: ${shown}` };
}
