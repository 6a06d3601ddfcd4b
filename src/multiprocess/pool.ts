import type { Piscina } from 'piscina';

/** What a pool of Piscina is opened with. */
export interface PoolSettings {
  /** The file: URL of what its threads run. */
  readonly filename: string;
  readonly maxThreads: number;
  /** Threads that have had nothing to do for so many ms end. */
  readonly idleTimeout?: number;
  readonly resourceLimits?: { readonly maxOldGenerationSizeMb: number };
}

/** Opens a pool, which has no thread until it has a task. Piscina is loaded with the first one. */
export async function openPool(settings: PoolSettings): Promise<Piscina> {
  const { Piscina: Pool } = await import('piscina');
  // A thread whose task has ended must go on for what handlers left running: no waiting on atomics.
  const pool = new Pool({ ...settings, minThreads: 0, atomics: 'disabled', recordTiming: false });
  pool.on('error', () => {}); // of a thread without a task, which is replaced when it is wanted
  return pool;
}

/** A copy in memory of its own: records are a part of the memory of a whole answer, which cannot be handed over. */
export function ownMemory(records: Buffer): ArrayBuffer {
  const memory = new ArrayBuffer(records.length);
  records.copy(new Uint8Array(memory));
  return memory;
}
