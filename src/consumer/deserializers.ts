import { asError, DeserializationError } from '../base/errors.js';
import { custom, type Given, oneOf, optional } from '../base/options.js';
import { isThenable } from '../base/wait.js';
import { type AnyMessage, DeserializedMessage, type Message } from '../records/index.js';

/**
 * Makes a key or a value of its bytes, which are a view of the batch they came in. It may take its time: messages keep their order. Null is never
 * given to it: it stays null, which is no key, or a tombstone. A message that is handed out again is made again.
 * @param message The message as it was stored, with its headers.
 */
export type Deserializer<T> = (bytes: Buffer, topic: string, message: Message) => T | Promise<T>;

/**
 * What becomes of a message whose key or value could not be made: the reader is told and stays where it is, the message is passed over, or it is
 * handed out with `valid` false, its `error`, and its bytes in `keyBytes` and `valueBytes`.
 */
export type OnDeserializationError = 'throw' | 'skip' | 'return';

/** A message that was passed over, or handed out with its bytes only, and why. */
export interface NotDeserialized {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly part: 'key' | 'value';
  readonly error: DeserializationError;
}

/** How the messages of a consumer are made of bytes. Without any, they are bytes. */
export interface Deserializers {
  readonly keyDeserializer: Deserializer<unknown> | undefined;
  readonly valueDeserializer: Deserializer<unknown> | undefined;
  readonly onDeserializationError: OnDeserializationError;
}

const deserializerRule = () =>
  optional(
    custom<Deserializer<unknown>, Deserializer<unknown>>(
      'a function (bytes, topic, message) => value, or a promise of it',
      bytes => bytes,
      given => (typeof given === 'function' ? (given as Deserializer<unknown>) : undefined),
    ),
  );

/** The options that say so. */
export const deserializerRules = {
  /** Makes something of each key but null: `(bytes, topic, message) => key`, or a promise of it. Default: keys are bytes. Kafka: key.deserializer. */
  keyDeserializer: deserializerRule(),
  /** As `keyDeserializer`, for values. Null, a tombstone, stays null. Kafka: value.deserializer. */
  valueDeserializer: deserializerRule(),
  /**
   * What becomes of a message whose deserialiser throws: `'throw'` rejects the read with a `DeserializationError` and stays there, `'skip'` passes
   * over it, `'return'` hands it out with `valid` false. The last two emit `deserializationFailed`.
   */
  onDeserializationError: oneOf<OnDeserializationError>('throw', ['throw', 'skip', 'return']),
};

/** What is given for them. */
export type DeserializerOptions<K, V> = Omit<Given<typeof deserializerRules>, 'keyDeserializer' | 'valueDeserializer'> & {
  readonly keyDeserializer?: Deserializer<K> | undefined;
  readonly valueDeserializer?: Deserializer<V> | undefined;
};

/** One message whose key and value are being made. */
export interface Making {
  readonly source: Message;
  key: unknown;
  value: unknown;
  /** How many parts are awaited. */
  awaited: number;
  error: DeserializationError | undefined;
}

/** Begins to make the parts of a message. `made` is called when the last one that takes its time is there, or could not be made. Never throws. */
export function begin(source: Message, { keyDeserializer, valueDeserializer }: Deserializers, made: (it: Making) => void): Making {
  const { key, value } = source;
  const it: Making = { source, key, value, awaited: 0, error: undefined };
  if (key !== null && keyDeserializer !== undefined) beginPart(it, 'key', key, keyDeserializer, made);
  if (value !== null && valueDeserializer !== undefined) beginPart(it, 'value', value, valueDeserializer, made);
  return it;
}

function beginPart(it: Making, part: 'key' | 'value', bytes: Buffer, make: Deserializer<unknown>, made: (it: Making) => void): void {
  const failed = (thrown: unknown) => {
    it[part] = null;
    it.error ??= errorOf(part, it.source, thrown);
  };
  try {
    const given = make(bytes, it.source.topic, it.source);
    if (!isThenable(given)) {
      it[part] = given;
      return;
    }
    it.awaited += 1;
    Promise.resolve(given)
      .then(value => {
        it[part] = value;
      }, failed)
      .finally(() => {
        it.awaited -= 1;
        if (it.awaited === 0) made(it);
      });
  } catch (thrown) {
    failed(thrown);
  }
}

function errorOf(part: 'key' | 'value', { topic, partition, offset }: Message, thrown: unknown): DeserializationError {
  const message = `${topic}/${partition} offset ${offset}: the ${part} could not be deserialised: ${asError(thrown).message}`;
  return new DeserializationError(message, { cause: thrown, context: { topic, partition, offset, part } });
}

/** What is handed out. What stands for damaged records has nothing to be made of. */
export const messageOf = ({ source, key, value, error }: Making): AnyMessage =>
  source.valid ? new DeserializedMessage(source, key, value, error) : source;
