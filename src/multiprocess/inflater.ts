import type { Piscina } from 'piscina';
import type { Inflate } from '../consumer/prefetched.js';
import { isCompressed } from '../records/index.js';
import { openPool, ownMemory } from './pool.js';

/** What is less than this is decompressed sooner than it is handed over. */
const leastBytes = 32 * 1024;
/** Threads that have had nothing to do for so long end. */
const idleMs = 10_000;
const entry = new URL('../../workers/inflate.js', import.meta.url).href;

/** What a thread is given to decompress. */
export interface InflateTask {
  readonly records: ArrayBuffer;
  readonly maxBytes: number;
}

/** Has threads look at checksums and decompress, for what is read in this one. */
export class Inflater {
  readonly #threads: number;
  readonly #isOff: () => boolean;
  #pool: Promise<Piscina> | undefined;
  /** Threads cannot be started: this one does everything. */
  #isBroken = false;

  /** @param isOff Says when this is of no use: what is fetched is handed on as it is. */
  constructor(threads: number, isOff: () => boolean) {
    this.#threads = threads;
    this.#isOff = isOff;
  }

  readonly inflate: Inflate = (records, maxBytes) =>
    records.length < leastBytes || this.#isBroken || this.#isOff() || !isCompressed(records) ? undefined : this.#inflate(records, maxBytes);

  /** Ends the threads. */
  async close(): Promise<void> {
    const pool = await this.#pool?.catch(() => undefined);
    await pool?.destroy();
  }

  async #inflate(records: Buffer, maxBytes: number): Promise<Buffer | undefined> {
    try {
      this.#pool ??= openPool({ filename: entry, maxThreads: this.#threads, idleTimeout: idleMs }, () => this.#giveUp());
      const task: InflateTask = { records: ownMemory(records), maxBytes };
      const inflated: ArrayBuffer | undefined = await (await this.#pool).run(task, { transferList: [task.records] });
      return inflated === undefined ? undefined : Buffer.from(inflated);
    } catch {
      return undefined; // a thread that ended, or the end of all: this thread does it by itself
    }
  }

  /** What a pool keeps for a thread that could not be started would wait for ever. */
  #giveUp(): void {
    this.#isBroken = true;
    void this.#pool?.then(pool => pool.destroy());
  }
}
