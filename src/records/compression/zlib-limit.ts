import { OutputLimitError } from './codec.js';

/** An error of `node:zlib` as a codec has to throw it. */
export function zlibError(error: unknown): unknown {
  return error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE' ? new OutputLimitError() : error;
}

/** The bound as `node:zlib` takes it, which knows none of 0. */
export const outputLimit = (maxBytes: number): number => Math.max(1, maxBytes);
