import { move } from 'piscina';
import { inflateBatches } from '../../records/index.js';
import type { InflateTask } from '../inflater.js';

/** Decompresses a share, and hands the memory over. */
export function inflate({ records, maxBytes }: InflateTask): unknown {
  const inflated = inflateBatches(Buffer.from(records), maxBytes);
  return inflated === undefined ? undefined : move(inflated);
}
