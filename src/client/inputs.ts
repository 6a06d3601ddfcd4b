import { InputError } from '../base/errors.js';
import { show } from '../base/options.js';

const legalTopic = /^[a-zA-Z0-9._-]{1,249}$/;

/** @throws KafkaError `TIDE_INPUT` when Kafka would refuse the name. */
export function checkTopic(topic: unknown, what: string): asserts topic is string {
  if (typeof topic === 'string' && legalTopic.test(topic) && topic !== '.' && topic !== '..') return;
  throw new InputError(`${what}: ${show(topic)} is not a topic name; expected 1 to 249 of a-z A-Z 0-9 . _ - (not "." or "..")`);
}

/** @throws KafkaError `TIDE_INPUT` unless it is a partition number. */
export function checkPartition(partition: unknown, what: string): asserts partition is number {
  if (typeof partition === 'number' && Number.isInteger(partition) && partition >= 0 && partition <= 2 ** 31 - 1) return;
  throw new InputError(`${what}: a partition is an integer from 0, got ${show(partition)}`);
}

/** @throws KafkaError `TIDE_INPUT` unless it is an offset: an integer from 0. */
export function checkOffset(offset: unknown, what: string): asserts offset is number {
  if (typeof offset === 'number' && Number.isSafeInteger(offset) && offset >= 0) return;
  throw new InputError(`${what}: an offset is an integer from 0 to ${Number.MAX_SAFE_INTEGER}, got ${show(offset)}`);
}

/** @throws KafkaError `TIDE_INPUT` unless it is a count from `min` on. */
export function checkCount(count: unknown, what: string, min = 1): asserts count is number {
  if (typeof count === 'number' && Number.isSafeInteger(count) && count >= min) return;
  throw new InputError(`${what}: expected an integer from ${min}, got ${show(count)}`);
}
