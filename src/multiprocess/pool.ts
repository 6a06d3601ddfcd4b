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

/**
 * Opens a pool, which has no thread until it has a task. Piscina is loaded with the first one.
 * @param lost Told of a thread that ended without a task: one that could not be started, whose task Piscina goes on keeping.
 */
export async function openPool(settings: PoolSettings, lost: (error: Error) => void): Promise<Piscina> {
  const { Piscina: Pool } = await import('piscina');
  // A thread whose task has ended must go on for what handlers left running: no waiting on atomics.
  const pool = new Pool({ ...settings, minThreads: 0, atomics: 'disabled', recordTiming: false });
  pool.on('error', lost);
  return pool;
}

/** A copy in memory of its own: records are a part of the memory of a whole answer, which cannot be handed over. */
export function ownMemory(records: Buffer): ArrayBuffer {
  const memory = new ArrayBuffer(records.length);
  records.copy(new Uint8Array(memory));
  return memory;
}
