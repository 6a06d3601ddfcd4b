import type { KafkaError } from '../base/errors.js';
import type { Log } from '../base/log.js';

/** What a line is about. */
interface Sent {
  readonly topic: string;
  readonly partition: number;
  readonly count: number;
}

/** A batch is stored. */
export function logStored(log: Log, { topic, partition, count }: Sent, offset: number): void {
  log.say('Producer', 'debug', 'stored', { topic, partition, offset, count });
}

/** A batch is sent again. */
export function logAgain(log: Log, { topic, partition, count }: Sent, { code, message }: KafkaError): void {
  log.say('Producer', 'info', 'sent again', { topic, partition, count, code, error: message });
}

/** Records are given up. */
export function logRejected(log: Log, { topic, partition, count }: Sent, { code, message, persistence }: KafkaError): void {
  const stored = persistence === undefined ? {} : { persistence };
  log.say('Producer', 'error', 'given up', { topic, partition, count, code, error: message, ...stored });
}
