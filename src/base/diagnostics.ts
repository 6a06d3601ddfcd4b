import { channel } from 'node:diagnostics_channel';

/** One request and how it ended. Published on `tidemark:request`. */
export interface RequestTrace {
  readonly api: string;
  readonly version: number;
  readonly broker: string;
  readonly correlationId: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly durationMs: number;
  readonly throttleMs: number;
  readonly error: Error | undefined;
}

/** A connection that was opened, closed, or could not be opened. Published on `tidemark:connection`. */
export interface ConnectionTrace {
  readonly kind: 'opened' | 'closed' | 'failed';
  readonly broker: string;
  readonly error: Error | undefined;
}

/**
 * Something that works, and is not as safe as it could be. Published on `tidemark:warning`.
 * `unverified`: a connection whose broker may be anybody, at each one. `cleartext`: a password or token that goes over the wire as it is, once per client.
 */
export interface SecurityWarning {
  readonly kind: 'unverified' | 'cleartext';
  readonly broker: string;
  readonly message: string;
}

const requests = channel('tidemark:request');
const connections = channel('tidemark:connection');
const warnings = channel('tidemark:warning');

/** True when somebody listens: ask before building a {@link RequestTrace}. */
export const tracesRequests = (): boolean => requests.hasSubscribers;
export const traceRequest = (trace: RequestTrace): void => requests.publish(trace);
export const traceConnection = (trace: ConnectionTrace): void => {
  if (connections.hasSubscribers) connections.publish(trace);
};
export const traceWarning = (warning: SecurityWarning): void => {
  if (warnings.hasSubscribers) warnings.publish(warning);
};
