import type { ConnectionTrace } from '../base/diagnostics.js';
import { AuthError, type KafkaError } from '../base/errors.js';
import type { Log, Logger } from '../base/log.js';
import { custom, optional } from '../base/options.js';
import type { ClusterMetadata } from '../cluster/metadata.js';

/** The rule of an option `logger`. */
export const loggerRule = optional(custom<Logger, Logger | undefined>('an object with debug, info, warn and error', undefined, loggerFrom));

function loggerFrom(given: unknown): Logger | undefined {
  if (typeof given !== 'object' || given === null) return undefined;
  const wanted = ['debug', 'info', 'warn', 'error'] as const;
  return wanted.every(level => typeof (given as Partial<Logger>)[level] === 'function') ? (given as Logger) : undefined;
}

export function logConnection(log: Log, { kind, broker, error }: ConnectionTrace): void {
  const level = kind !== 'failed' ? 'info' : error instanceof AuthError ? 'error' : 'warn';
  log.say('IO', level, `connection ${kind}`, error === undefined ? { broker } : { broker, reason: error.message });
}

export function logMetadata(log: Log, { brokers, topics, controllerId }: ClusterMetadata): void {
  log.say('Connection', 'debug', 'metadata', { brokers: brokers.size, topics: topics.size, controllerId });
}

export function logPassing(log: Log, { code, message }: KafkaError, pauseMs: number): void {
  log.say('Connection', 'warn', 'an error passed', { code, error: message, pauseMs: Math.round(pauseMs) });
}
