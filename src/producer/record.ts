import { InputError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';
import { show } from '../base/options.js';
import { checkPartition, checkTopic } from '../client/inputs.js';
import { BatchBuilder, type Bytes, type CheckedHeaders, type HeadersInput, toBytes, toHeaders, toTimestamp } from '../records/index.js';
import type { Serialized } from './serializers.js';

/** A record to be sent. Its bytes must not be changed until the call it was given to has settled. */
export interface ProducerRecord<K = Serialized, V = Serialized> {
  readonly topic: string;
  /** Strings are written as UTF-8. Null, the default, is no key; an empty one is a key. */
  readonly key?: K | null | undefined;
  /** Strings are written as UTF-8. Null is a tombstone: compaction forgets the key. */
  readonly value: V | null;
  /** Pairs in their order, where names may repeat, or a plain object. */
  readonly headers?: HeadersInput | undefined;
  /** Milliseconds since 1970. Default: now. */
  readonly timestamp?: number | undefined;
  /** Where it goes. Default: where the producer's partitioner says. */
  readonly partition?: number | undefined;
}

/** Where a record was stored. */
export interface RecordResult {
  readonly topic: string;
  readonly partition: number;
  /** -1 where nobody says: with `acks: 0`, and where a broker knows a batch again that it has stored some time before. */
  readonly offset: number;
  /** Milliseconds since 1970: the record's own, or the broker's where the topic is set to `LogAppendTime`. */
  readonly timestamp: number;
}

/** A record that can be encoded. */
export interface CheckedRecord {
  readonly topic: string;
  readonly key: Bytes;
  readonly value: Bytes;
  readonly headers: CheckedHeaders | undefined;
  readonly timestamp: number | undefined;
  readonly partition: number | undefined;
}

/**
 * @param legalTopic A topic whose name was checked before.
 * @throws KafkaError `TIDE_INPUT` naming the part that cannot be sent.
 */
export function checkRecord(record: ProducerRecord, what: string, legalTopic?: string): CheckedRecord {
  if (typeof record !== 'object' || record === null || Array.isArray(record)) throw noRecord(record, what);
  const { topic, key, value, headers, timestamp, partition } = record;
  checkNoMore(record, what);
  if (topic !== legalTopic) checkTopic(topic, what);
  if (partition !== undefined) checkPartition(partition, what);
  return {
    topic,
    key: checkBytes(key ?? null, what, 'key'),
    value: checkBytes(value, what, 'value'),
    headers: headers === undefined ? undefined : toHeaders(headers, `${what}: headers`),
    timestamp: timestamp === undefined ? undefined : toTimestamp(timestamp, `${what}: timestamp`),
    partition,
  };
}

/** Why this cannot be sent: it is no record at all. */
export const noRecord = (given: unknown, what: string): InputError =>
  new InputError(
    `${what}: expected a record { topic, key, value, ... }, got ${show(given)}${Array.isArray(given) ? '; sendMany takes several' : ''}`,
  );

const fields = ['topic', 'key', 'value', 'headers', 'timestamp', 'partition'] as const satisfies (keyof ProducerRecord)[];

/**
 * What is written down as a record has nothing else in it: a name that is misspelt would be lost silently. Names are looked at only where there
 * are more than have a value: to count costs next to nothing.
 * @throws KafkaError `TIDE_INPUT`.
 */
export function checkNoMore(record: ProducerRecord<unknown, unknown>, what: string): void {
  let named = 0;
  for (const _field in record) named++;
  const { key, value, headers, timestamp, partition } = record;
  let known = 1; // the topic
  if (value !== undefined) known++;
  if (key !== undefined) known++;
  if (headers !== undefined) known++;
  if (timestamp !== undefined) known++;
  if (partition !== undefined) known++;
  if (named > known) checkFields(record, what);
}

/** A message, or another instance of a class, may well have more. */
function checkFields(record: object, what: string): void {
  const proto: unknown = Object.getPrototypeOf(record);
  if (proto !== null && Object.getPrototypeOf(proto) !== null) return;
  const known: readonly string[] = fields;
  const unknown = Object.keys(record).find(name => !known.includes(name));
  if (unknown === undefined) return;
  const guess = nearest(unknown, known);
  throw new InputError(`${what}: unknown field "${unknown}" of a record${guess === undefined ? '' : `; did you mean "${guess}"?`}`);
}

/** @throws KafkaError `TIDE_INPUT` unless it is bytes, a string or null. */
export function checkBytes(value: unknown, what: string, part: string): Bytes {
  return value instanceof Uint8Array || typeof value === 'string' ? value : toBytes(value, `${what}: the ${part}`);
}

/** An empty batch, to measure with. */
const ruler = new BatchBuilder(0);
const roughFrameBytes = 128;

/**
 * @param maxBytes The most that a batch with this record alone may take.
 * @throws KafkaError `TIDE_TOO_LARGE`.
 */
export function checkSize(key: Bytes, value: Bytes, headers: CheckedHeaders | undefined, maxBytes: number, what: string): void {
  if (headers === undefined && 3 * (unitsIn(key) + unitsIn(value)) + roughFrameBytes <= maxBytes) return;
  const size = ruler.sizeAfter(key, value, headers);
  if (size <= maxBytes) return;
  throw new InputError(`${what}: the record takes ${size} bytes, at most ${maxBytes} can be sent (maxRequestBytes)`, {
    code: 'TIDE_TOO_LARGE',
    context: { sizeBytes: size, maxRequestBytes: maxBytes },
  });
}

/** Bytes, or UTF-16 units, which take 3 bytes at most. */
export const unitsIn = (value: Bytes): number => (value === null ? 0 : value.length);
