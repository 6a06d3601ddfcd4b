import { brokerError, errorNumbers } from '../base/broker-errors.js';
import type { Deadline } from '../base/clock.js';
import { UnsupportedError } from '../base/errors.js';
import { duration, type Given } from '../base/options.js';
import type { Cluster } from '../cluster/cluster.js';

/** The option of every call. */
export const timeRule = {
  /** Longest time in ms for the whole call, retries and waiting included. Kafka: default.api.timeout.ms. */
  timeoutMs: duration(30_000, 1),
};
export interface Abortable {
  readonly signal?: AbortSignal | undefined;
}
export type AdminCallOptions = Given<typeof timeRule> & Abortable;

/** How long one call may go on. */
export interface CallBounds {
  readonly deadline: Deadline;
  readonly signal: AbortSignal | undefined;
}

/** Bounds of one round: who counts the attempts must hear of each that may have been applied. */
export function once(cluster: Cluster, { deadline, signal }: CallBounds) {
  const policy = { ...cluster.settings.retry, attempts: 1 };
  return { policy, deadline, signal, timeoutMs: Math.max(1, deadline.remainingMs()) };
}

/** The broker gets less time than we wait, so that its own answer can arrive. */
export const brokerTime = (deadline: Deadline): number => Math.max(1, Math.floor(deadline.remainingMs() * 0.9));

/** A broker that does not control says so of every item. */
export function refuseFollower(items: readonly { readonly errorCode: number }[]): void {
  if (items.some(({ errorCode }) => errorCode === errorNumbers.NOT_CONTROLLER)) throw brokerError(errorNumbers.NOT_CONTROLLER, 'admin');
}

/** The first release that has what a call asks for. */
export interface Needs {
  readonly kafka: string;
  readonly kip: string;
}

/** The same error; for a broker that is too old, one that names the release it would take. */
export function namingRelease(error: unknown, what: string, { kafka, kip }: Needs): unknown {
  if (!(error instanceof UnsupportedError)) return error;
  const context = { ...error.context, needs: `Kafka ${kafka}` };
  return new UnsupportedError(`${what} needs Kafka ${kafka} or newer (${kip}). ${error.message}`, { cause: error, context });
}
