import { findProgram } from '../kafka/availability.js';
import { type Output, run } from '../kafka/process.js';

/** A record as kcat prints it. Bytes that are not UTF-8 do not survive kcat's JSON. */
export interface KcatRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly ts: number;
  readonly key: string | null;
  readonly payload: string | null;
  /** Names and values in turn, in the order of the record. */
  readonly headers?: readonly string[];
}

/** Where kcat reads or writes. */
export interface KcatTarget {
  /** `kafka.bootstrap`. */
  readonly bootstrap: readonly string[];
  readonly topic: string;
  /** Further arguments: `['-X', 'enable.idempotence=true', '-z', 'lz4']`. */
  readonly args?: readonly string[];
  readonly timeoutMs?: number;
}

/** A value, or a key with a value. */
export type KcatInput = string | readonly [key: string, value: string];

// Separators that no test text contains, so that keys and values may hold spaces, tabs and line ends.
const [BETWEEN_RECORDS, AFTER_KEY] = ['\x1e', '\x1f'];

/** Runs kcat to its end, whatever its exit code. */
export function kcat(args: readonly string[], { input, timeoutMs = 30_000 }: { input?: string; timeoutMs?: number } = {}): Promise<Output> {
  const program = findProgram('kcat');
  if (!program) throw new Error('kcat is not installed');
  return run(program, args, { input, timeoutMs });
}

/** Writes records with kcat and waits until the broker has them. @throws Error with kcat's words when it could not. */
export async function kcatProduce(
  { bootstrap, topic, args = [], timeoutMs = 30_000 }: KcatTarget,
  records: readonly KcatInput[],
): Promise<void> {
  const keyed = records.some(record => typeof record !== 'string');
  const input = records.map(record => (typeof record === 'string' ? record : record.join(AFTER_KEY))).join(BETWEEN_RECORDS);
  const keys = keyed ? ['-K', AFTER_KEY] : [];
  await checked(['-P', '-b', bootstrap.join(','), '-t', topic, '-D', BETWEEN_RECORDS, ...keys, ...args], { input, timeoutMs });
}

/** Reads a topic from its beginning to its present end, all partitions. @throws Error with kcat's words when it could not. */
export async function kcatConsume({ bootstrap, topic, args = [], timeoutMs = 30_000 }: KcatTarget): Promise<KcatRecord[]> {
  const stdout = await checked(['-C', '-b', bootstrap.join(','), '-t', topic, '-o', 'beginning', '-e', '-q', '-J', ...args], { timeoutMs });
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line): KcatRecord => JSON.parse(line));
}

async function checked(args: readonly string[], options: { input?: string; timeoutMs: number }): Promise<string> {
  const { code, signal, stdout, stderr } = await kcat(args, options);
  if (code !== 0) throw new Error(`kcat ${args.join(' ')} ended with ${signal ?? `code ${code}`}\n${stderr}`);
  return stdout;
}
