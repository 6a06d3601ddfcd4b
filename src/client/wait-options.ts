import { duration, signalRules } from '../base/options.js';

/** How long `close` and `flush` may wait. */
export const waitRules = {
  /** Longest wait in ms. `null`: no limit. */
  timeoutMs: duration(30_000, 0, true),
};

export interface WaitOptions {
  /** Longest wait in ms. Default 30,000. `null`: no limit. */
  readonly timeoutMs?: number | null | undefined;
}

/** How long a call may take. */
export const callRules = {
  ...signalRules,
  /** Longest time in ms, all attempts together. `null`: what the client's own limits allow. */
  timeoutMs: duration(Number.POSITIVE_INFINITY, 1, true),
};

/** How long a call may take that asks brokers for something. */
export interface CallOptions {
  /** Ends the call: it rejects with the signal's reason. What was sent may be applied all the same. */
  readonly signal?: AbortSignal | undefined;
  /** Longest time in ms, all attempts together: then it rejects with `TIDE_TIMEOUT`. Default, and `null`: what the client's own limits allow. */
  readonly timeoutMs?: number | null | undefined;
}
