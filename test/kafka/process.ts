import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';

/** How a process ended: with a code of its own, or by a signal. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** How to start a {@link GuardedProcess}. */
export interface SpawnOptions {
  /** Text for stdin, which is closed after it. Without it stdin is empty. */
  readonly input?: string | undefined;
  /** File that takes stdout and stderr. Without it both are kept in memory; `'inherit'` passes them through. */
  readonly log?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly cwd?: string | undefined;
}

// The shell becomes the program (exec), so the pid is the program's own. Beside it stays one shell that reads descriptor 3:
// a line says that the program is gone and nothing is left to do; end of file says that our process died, however it did.
const GUARD = '{ read -r _ <&3 || kill -s KILL -- -$$; } >/dev/null 2>&1 & exec "$@" 3<&-';

/**
 * A child process in a process group of its own that cannot outlive this process, even if that is killed with SIGKILL.
 * It does not keep the event loop alive; waiting for its end does.
 */
export class GuardedProcess {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #exit: Promise<Exit>;
  readonly #waiting = new Set<() => void>();
  readonly #streams: Socket[] = [];
  #ended: Exit | undefined;
  #stdout = '';
  #stderr = '';

  private constructor(child: ChildProcess, pid: number) {
    this.pid = pid;
    this.#child = child;
    const guard = child.stdio[3];
    if (!(guard instanceof Socket)) throw new TypeError('the guard needs a pipe');
    guard.on('error', () => {}); // the shell at the other end is gone: nothing left to tell it
    this.#exit = new Promise(resolve => {
      child.once('exit', () => guard.end('\n'));
      child.once('close', (code, signal) => {
        this.#ended = { code, signal };
        this.#wake();
        resolve(this.#ended);
      });
    });
    this.#collect(child.stdout, text => {
      this.#stdout += text;
    });
    this.#collect(child.stderr, text => {
      this.#stderr += text;
    });
    this.#streams.push(guard);
    child.unref();
    for (const stream of this.#streams) stream.unref();
  }

  /** Starts `command`. @throws Error when it cannot be started; a command that is not found exits with code 127. */
  static start(command: string, args: readonly string[], { input, log, env, cwd }: SpawnOptions = {}): GuardedProcess {
    const out = log === undefined ? 'pipe' : log === 'inherit' ? 'inherit' : openSync(log, 'a');
    try {
      const child = spawn('/bin/sh', ['-c', GUARD, 'sh', command, ...args], {
        detached: true,
        stdio: [input === undefined ? 'ignore' : 'pipe', out, out, 'pipe'],
        cwd,
        env: { ...process.env, ...env },
      });
      child.once('error', () => {}); // reported by the missing pid
      if (child.pid === undefined) throw new Error(`cannot start /bin/sh for ${command}`);
      child.stdin?.on('error', () => {}); // it ended without reading all of its input
      child.stdin?.end(input);
      return new GuardedProcess(child, child.pid);
    } finally {
      if (typeof out === 'number') closeSync(out);
    }
  }

  get running(): boolean {
    return this.#ended === undefined;
  }
  /** What it has written to stdout so far, unless that goes to a log. */
  get stdout(): string {
    return this.#stdout;
  }
  /** What it has written to stderr so far, unless that goes to a log. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Sends a signal; one that comes too late does nothing. */
  signal(name: NodeJS.Signals): void {
    if (this.running) this.#child.kill(name);
  }

  /** Sends a signal to it and to all processes that it started and that stayed in its group, also after its own end. */
  signalGroup(name: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, name);
    } catch {
      // the group is empty
    }
  }

  /** Waits for its end. */
  exit(): Promise<Exit> {
    this.#child.ref();
    for (const stream of this.#streams) stream.ref();
    return this.#exit;
  }

  /** Ends it at once with SIGKILL, also when it is stopped by SIGSTOP. */
  kill(): Promise<Exit> {
    this.signal('SIGKILL');
    return this.exit();
  }

  /** Asks it to end with SIGTERM; one that still runs after `timeoutMs` is killed. */
  async stop(timeoutMs = 30_000): Promise<Exit> {
    this.signal('SIGCONT');
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), timeoutMs);
    try {
      return await this.exit();
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Waits until stdout matches `pattern`, and gives the match.
   * @throws Error after `timeoutMs`, or when the process ends without a match.
   */
  async untilOutput(pattern: RegExp, timeoutMs = 30_000): Promise<RegExpExecArray> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#wake();
    }, timeoutMs);
    try {
      for (;;) {
        const match = pattern.exec(this.#stdout);
        if (match) return match;
        if (!this.running)
          throw new Error(`ended with ${text(this.#ended)} before its output matched ${pattern}\n${this.#stdout}${this.#stderr}`);
        if (late) throw new Error(`no output matched ${pattern} within ${timeoutMs} ms\n${this.#stdout}${this.#stderr}`);
        await new Promise<void>(resolve => this.#waiting.add(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #collect(stream: Readable | null, take: (text: string) => void): void {
    if (!stream) return;
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      take(chunk);
      this.#wake();
    });
    if (stream instanceof Socket) this.#streams.push(stream);
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** What a finished command left behind. */
export interface Output extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end, whatever its exit code. After `timeoutMs` it is killed and shows `signal: 'SIGKILL'`. */
export async function run(
  command: string,
  args: readonly string[],
  { timeoutMs = 60_000, ...options }: SpawnOptions & { timeoutMs?: number | undefined } = {},
): Promise<Output> {
  const child = GuardedProcess.start(command, args, options);
  const timer = setTimeout(() => child.signal('SIGKILL'), timeoutMs);
  try {
    const exit = await child.exit();
    return { ...exit, stdout: child.stdout, stderr: child.stderr };
  } finally {
    clearTimeout(timer);
  }
}

const text = (exit: Exit | undefined): string => (exit?.signal ? `signal ${exit.signal}` : `code ${exit?.code}`);
