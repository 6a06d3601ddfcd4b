import { duration } from '../base/options.js';

/** How long `close` and `flush` may wait. */
export const waitRules = {
  /** Longest wait in ms. `null`: no limit. */
  timeoutMs: duration(30_000, 0, true),
};

export interface WaitOptions {
  /** Longest wait in ms. Default 30,000. `null`: no limit. */
  readonly timeoutMs?: number | null | undefined;
}
