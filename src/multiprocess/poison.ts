import { InputError, KafkaError } from '../base/errors.js';
import type { ForPartition } from '../cluster/scatter.js';
import type { PoisonedMessage } from '../consumer/consumer-events.js';
import type { ProducerRecord } from '../producer/index.js';
import type { PlainRecord } from './thread-messages.js';

/** What becomes of a message that was tried `maxAttempts` times in vain. */
export type OnPoison = 'stop' | 'skip' | { readonly topic: string };

/** What is known of such a message, before it is decided what becomes of it. */
export type GivenUp = Pick<PoisonedMessage, 'offset' | 'attempts' | 'error'>;

/** What stops everything. */
export const poisonError = (at: ForPartition, offset: number, attempts: number, cause: Error, more = ''): KafkaError =>
  new KafkaError(
    'TIDE_POISON',
    `${at.topic}/${at.partition} offset ${offset}: given up after ${attempts} attempts (maxAttempts)${more}; the last: ${cause.message}`,
    { cause, context: { topic: at.topic, partition: at.partition, offset, attempts }, persistence: 'no' },
  );

/** A message that stands for another must not come to the same handlers again. @throws KafkaError `TIDE_OPTION` for a topic that is read here. */
export function assertElsewhere(topic: string, onPoison: OnPoison): void {
  if (typeof onPoison !== 'object' || onPoison.topic !== topic) return;
  throw new InputError(`run(): onPoison writes to ${topic}, which is read here: what cannot be handled would come again and again`, {
    code: 'TIDE_OPTION',
  });
}

/**
 * The record that stands for a message elsewhere: its own bytes and headers, and where it is from, why, and how often it was tried. Without a key it
 * is for partition 0: the user's partitioner may need one.
 */
export function deadLetter(topic: string, message: PlainRecord, { offset, attempts, error }: GivenUp): ProducerRecord {
  const told: readonly (readonly [string, string])[] = [
    ['tidemark-topic', message.topic],
    ['tidemark-partition', String(message.partition)],
    ['tidemark-offset', String(offset)],
    ['tidemark-attempts', String(attempts)],
    ['tidemark-error', `${error.name}: ${error.message}`.slice(0, 1000)],
  ];
  const headers = [...message.headers, ...told];
  const partition = message.key === null ? 0 : undefined;
  return { topic, partition, key: message.key, value: message.value, headers, timestamp: timestampOf(message) };
}

/** A message without one is stored with the time of now. */
const timestampOf = ({ timestamp }: PlainRecord): number | undefined => (timestamp !== undefined && timestamp >= 0 ? timestamp : undefined);
