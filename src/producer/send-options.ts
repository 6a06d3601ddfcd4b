import { duration, optional, signalRules } from '../base/options.js';
import { waitRules } from '../client/wait-options.js';

export interface SendOptions {
  /** Rejects the call with its reason. What was handed over before is not taken back, and may be stored. */
  readonly signal?: AbortSignal | undefined;
}

export interface RoomOptions extends SendOptions {
  /**
   * Longest wait in ms, from the call on, for the topic to be known, and for room when the producer holds as much as it may (`bufferBytes`).
   * 0: not at all. Default, and `null`: as long as `deliveryTimeoutMs` allows.
   */
  readonly timeoutMs?: number | null | undefined;
}

export const roomRules = { ...signalRules, timeoutMs: optional(duration(0, 0, true)) };

/** Options of what waits, as long as it is told to or until it is aborted. */
export const boundRules = { ...signalRules, ...waitRules };
