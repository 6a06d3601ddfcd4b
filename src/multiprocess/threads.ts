import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { asError, KafkaError } from '../base/errors.js';
import { type Held, InHand } from './in-hand.js';
import { maxThreads } from './options.js';
import { fromPlain } from './plain-error.js';
import { openPool } from './pool.js';
import type { FromThread, ThreadTask, ToThread } from './thread-messages.js';

/** What every thread is told at its start. */
export type ThreadSettings = Omit<ThreadTask, 'port' | 'inHand' | 'threadIndex'>;

const entry = new URL('../../workers/thread.js', import.meta.url).href;

/** Makes threads. Each works on one long task of the pool, and is talked to over a port of its own. */
export class Threads {
  readonly #settings: ThreadSettings;
  readonly #pool: Piscina;
  /** Those that have said nothing yet. */
  readonly #unbegun: Set<Thread>;

  private constructor(settings: ThreadSettings, pool: Piscina, unbegun: Set<Thread>) {
    this.#settings = settings;
    this.#pool = pool;
    this.#unbegun = unbegun;
  }

  /** @param memoryMb The most that objects of a thread may take; undefined: as Node.js has it. */
  static async open(settings: ThreadSettings, memoryMb: number | undefined): Promise<Threads> {
    const limits = memoryMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: memoryMb } };
    const unbegun = new Set<Thread>();
    const lost = (error: Error): void => {
      for (const thread of unbegun) thread.neverBegan(error);
    };
    return new Threads(settings, await openPool({ filename: entry, maxThreads, ...limits }, lost), unbegun);
  }

  /** Starts one. @throws DataCloneError when the user's data cannot cross. */
  start(threadIndex: number, told: (message: FromThread) => void): Thread {
    const inHand = new InHand(this.#settings.concurrency);
    const { port1, port2 } = new MessageChannel();
    const stop = new AbortController();
    const task: ThreadTask = { ...this.#settings, threadIndex, inHand: inHand.buffer, port: port2 };
    const running: Promise<void> = this.#pool.run(task, { transferList: [port2], signal: stop.signal });
    const thread: Thread = new Thread(threadIndex, inHand, port1, stop, running, message => {
      this.#unbegun.delete(thread);
      told(message);
    });
    this.#unbegun.add(thread);
    void thread.ended.then(() => this.#unbegun.delete(thread));
    return thread;
  }

  /** Ends all that are left. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

/** One thread, as the main thread sees it. */
export class Thread {
  readonly index: number;
  readonly inHand: InHand;
  /** Resolves when it is over, after the last of its messages; with why, unless it was asked to end. Never rejects. */
  readonly ended: Promise<Error | undefined>;
  readonly #port: MessagePort;
  readonly #stop: AbortController;
  /** What it was stopped for. */
  #killedFor: Held | undefined;
  #broken: Error | undefined;
  #isOver = false;

  constructor(
    index: number,
    inHand: InHand,
    port: MessagePort,
    stop: AbortController,
    running: Promise<void>,
    told: (message: FromThread) => void,
  ) {
    this.index = index;
    this.inHand = inHand;
    this.#port = port;
    this.#stop = stop;
    const hear = (message: FromThread) => {
      if (message.kind === 'broken') this.#broken = fromPlain(message.error);
      else told(message);
    };
    port.on('message', hear);
    const over = (why: Error | undefined) => {
      // What it said before it ended may not have been heard yet.
      for (let left = receiveMessageOnPort(port); left !== undefined; left = receiveMessageOnPort(port)) hear(left.message);
      port.close();
      this.#isOver = true;
      return this.#broken ?? why;
    };
    this.ended = running.then(
      () => over(undefined),
      (error: unknown) => over(asError(error)),
    );
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Why it could not begin, or failed outside of handlers. */
  get broken(): Error | undefined {
    return this.#broken;
  }

  /** What it was stopped for, if it was. */
  get killedFor(): Held | undefined {
    return this.#killedFor;
  }

  tell(message: ToThread, transfer: readonly ArrayBuffer[] = []): void {
    if (!this.#isOver) this.#port.postMessage(message, transfer);
  }

  /** A thread of the pool could not be started, and this one waits for it. */
  neverBegan(cause: Error): void {
    const hint = cause.message.startsWith('Cannot find') ? '; in a bundle tidemark has to be left out, as an external package' : '';
    this.#broken ??= new KafkaError('TIDE_THREAD', `a thread could not be started: ${cause.message}${hint}`, { cause });
    this.#stop.abort();
  }

  /** Ends it, whatever it does. */
  kill(culprit?: Held): void {
    this.#killedFor ??= culprit;
    this.#stop.abort();
  }
}
