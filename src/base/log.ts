import { systemClock } from './clock.js';
import { type DebugLevels, type DebugScope, debugLevels, debugScopes } from './debug-levels.js';
import { hexDump } from './hex-dump.js';

/** What a line is about: plain values by name. */
export type LogFields = Readonly<Record<string, string | number | boolean>>;

/** Where a program wants to read what its client does. The loggers of many packages fit as they are, or in a few lines. */
export interface Logger {
  debug(message: string, fields: LogFields): void;
  info(message: string, fields: LogFields): void;
  warn(message: string, fields: LogFields): void;
  error(message: string, fields: LogFields): void;
}
export type LogLevel = keyof Logger;

const silent = debugLevels(undefined).levels;
const toStderr = (text: string): void => void process.stderr.write(text);

/** What a client says of its work: to the logger it was given, and to stderr as far as the environment asks for it. */
export class Log {
  readonly #logger: Logger | undefined;
  readonly #levels: DebugLevels;
  readonly #write: (text: string) => void;

  private constructor(logger: Logger | undefined, levels: DebugLevels, write: (text: string) => void) {
    this.#logger = logger;
    this.#levels = levels;
    this.#write = write;
  }

  /**
   * The log for a logger and a text as the variable `TIDEMARK_DEBUG` holds it; undefined where nobody listens, so that asking costs nothing.
   * @param write Where the lines go that the text asks for.
   */
  static open(logger: Logger | undefined, text: string | undefined, write: (text: string) => void = toStderr): Log | undefined {
    if (logger === undefined && !text) return undefined;
    const { levels, ignored } = debugLevels(text);
    for (const part of ignored) {
      const scopes = debugScopes.map(scope => `${scope}:1`).join(', ');
      write(`tidemark: TIDEMARK_DEBUG: ${JSON.stringify(part)} is ignored; expected a number, ${scopes} or IO:2, with commas\n`);
    }
    return logger === undefined && debugScopes.every(scope => levels[scope] === 0) ? undefined : new Log(logger, levels, write);
  }

  /** The log of what was made from something that has `log`, and was perhaps given a logger of its own: that one is told instead. */
  static within(log: Log | undefined, logger: Logger | undefined): Log | undefined {
    if (logger === undefined) return log;
    return log === undefined ? new Log(logger, silent, toStderr) : new Log(logger, log.#levels, log.#write);
  }

  /** Whether frames are to be shown as they are. */
  get dumps(): boolean {
    return this.#levels.IO >= 2;
  }

  /** One line. What the logger throws surfaces as an uncaught exception on its own: it has no part in what the client does. */
  say(scope: DebugScope, level: LogLevel, message: string, fields: LogFields): void {
    if (this.#levels[scope] >= 1) this.#write(`${this.#head(scope, level)} ${message}${shown(fields)}\n`);
    if (this.#logger === undefined) return;
    try {
      this.#logger[level](message, fields);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  /** A frame, on stderr only. Undefined bytes: it holds a secret. */
  dump(message: string, fields: LogFields, bytes: Uint8Array | undefined): void {
    const rows = bytes === undefined ? '[redacted: it may hold a secret]\n' : hexDump(bytes);
    this.#write(`${this.#head('IO', 'debug')} ${message}${shown(fields)}\n${rows}`);
  }

  #head(scope: DebugScope, level: LogLevel): string {
    return `${new Date(systemClock.wallTime()).toISOString()} tidemark ${scope} ${level}:`;
  }
}

const shown = (fields: LogFields): string =>
  Object.entries(fields)
    .map(([name, value]) => ` ${name}=${typeof value === 'string' && !/^[\w.:[\]/-]+$/.test(value) ? JSON.stringify(value) : value}`)
    .join('');
