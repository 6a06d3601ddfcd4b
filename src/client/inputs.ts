import { InputError } from '../base/errors.js';
import { show } from '../base/options.js';
import type { ForPartition } from '../cluster/scatter.js';

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

/** @throws KafkaError `TIDE_INPUT` unless it is a list of partition numbers. */
export function checkPartitions(partitions: unknown, what: string): asserts partitions is readonly number[] {
  checkList(partitions, what);
  for (const partition of partitions) checkPartition(partition, what);
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

/** @throws KafkaError `TIDE_INPUT` unless it is a time: whole ms since 1970. */
export function checkTime(timestampMs: unknown, what: string): asserts timestampMs is number {
  if (typeof timestampMs === 'number' && Number.isSafeInteger(timestampMs) && timestampMs >= 0) return;
  throw new InputError(`${what}: a time is whole ms since 1970, got ${show(timestampMs)}`);
}

/** @throws KafkaError `TIDE_INPUT` unless it can be the id of a group. */
export function checkGroupId(groupId: unknown, what: string): asserts groupId is string {
  if (typeof groupId === 'string' && groupId !== '') return;
  throw new InputError(`${what}: a group id is a string that is not empty, got ${show(groupId)}`);
}

/** @throws KafkaError `TIDE_INPUT` unless it is a list. */
export function checkList(items: unknown, what: string): asserts items is readonly unknown[] {
  if (!Array.isArray(items)) throw new InputError(`${what}: expected a list, got ${show(items)}`);
}

/** @throws KafkaError `TIDE_INPUT` unless it names a partition: an object with a topic and a partition. */
export function checkPlace(item: unknown, what: string): void {
  if (typeof item !== 'object' || item === null) throw new InputError(`${what}: expected { topic, partition, ... }, got ${show(item)}`);
  const { topic, partition } = item as { topic?: unknown; partition?: unknown };
  checkTopic(topic, what);
  checkPartition(partition, what);
}

const longestMetadata = 2 ** 15 - 1;

/** @throws KafkaError `TIDE_INPUT` unless it can be committed: a partition with an offset, and perhaps a text and an epoch. */
export function checkCommit(entry: unknown, what: string): void {
  checkPlace(entry, what);
  const { offset, metadata = null, leaderEpoch = -1 } = entry as { offset?: unknown; metadata?: unknown; leaderEpoch?: unknown };
  checkOffset(offset, what);
  if (metadata !== null && (typeof metadata !== 'string' || Buffer.byteLength(metadata) > longestMetadata))
    throw new InputError(`${what}: metadata is a text of at most ${longestMetadata} bytes, got ${show(metadata)}`);
  if (typeof leaderEpoch !== 'number' || !Number.isInteger(leaderEpoch) || leaderEpoch < -1 || leaderEpoch > 2 ** 31 - 1)
    throw new InputError(`${what}: a leader epoch is an integer from -1, got ${show(leaderEpoch)}`);
}

/** @throws KafkaError `TIDE_INPUT` when a partition is named twice, of which Kafka would take one. */
export function checkOnce(places: readonly ForPartition[], what: string): void {
  const seen = new Set<string>();
  for (const { topic, partition } of places) {
    const where = `${topic}/${partition}`;
    if (seen.has(where)) throw new InputError(`${what}: ${where} is there twice`);
    seen.add(where);
  }
}
