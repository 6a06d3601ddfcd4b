import { asError, InputError } from '../base/errors.js';
import { isThenable } from '../base/wait.js';
import { checkNoMore, type ProducerRecord } from './record.js';

/** What a record's key and value are made of, once serialised. */
export type Serialized = Uint8Array | string | null;

/**
 * Makes bytes, or text that is written as UTF-8, of a key or a value. It may take its time: records keep the order of their calls.
 * Null is never given to it: it stays null, which is no key, or a tombstone.
 */
export type Serializer<T> = (value: T, topic: string) => Serialized | Promise<Serialized>;

/** How the records of a producer become bytes. */
export interface Serializers {
  readonly keySerializer: Serializer<never> | undefined;
  readonly valueSerializer: Serializer<never> | undefined;
}

/**
 * A key or value, serialised; a promise where the serialiser gives one.
 * @throws KafkaError `TIDE_INPUT` for what the serialiser throws, or rejects with.
 */
export function serialize(serializer: Serializer<never> | undefined, value: unknown, topic: string, what: string): unknown {
  if (serializer === undefined || value === null || value === undefined) return value;
  try {
    const made = serializer(value as never, topic);
    return isThenable(made) ? Promise.resolve(made).catch((thrown: unknown) => Promise.reject(refused(what, thrown))) : made;
  } catch (thrown) {
    throw refused(what, thrown);
  }
}

/** The record with key and value serialised; a promise where one of them is. Never throws: what is wrong is rejected. */
export function serializeRecord<K, V>(
  { keySerializer, valueSerializer }: Serializers,
  record: ProducerRecord<K, V>,
  what: string,
): ProducerRecord | Promise<ProducerRecord> {
  if (typeof record !== 'object' || record === null) return record; // refused later, with all that is no record
  let key: unknown;
  try {
    checkNoMore(record, what);
    key = serialize(keySerializer, record.key, record.topic, `${what}: the key`);
    const value = serialize(valueSerializer, record.value, record.topic, `${what}: the value`);
    if (!isThenable(key) && !isThenable(value)) return withParts(record, key, value);
    return Promise.all([key, value]).then(([madeKey, madeValue]) => withParts(record, madeKey, madeValue));
  } catch (error) {
    if (isThenable(key)) key.catch(() => {}); // there is an error already, and nobody else to hear this one
    return Promise.reject(error);
  }
}

/** What a serialiser gave is checked as everything that users give. */
const withParts = <K, V>({ topic, headers, timestamp, partition }: ProducerRecord<K, V>, key: unknown, value: unknown): ProducerRecord =>
  ({ topic, key, value, headers, timestamp, partition }) as ProducerRecord;

const refused = (what: string, thrown: unknown): InputError =>
  new InputError(`${what} could not be serialised: ${asError(thrown).message}`, { cause: thrown, persistence: 'no' });
