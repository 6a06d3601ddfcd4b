import { InputError, UnsupportedError } from '../base/errors.js';
import { show } from '../base/options.js';
import {
  BatchBuilder,
  type Bytes,
  type CompressionName,
  encodeBatch,
  type HeadersInput,
  type RecordInput,
  toBytes,
  toHeaders,
  toTimestamp,
} from '../records/index.js';

/** A message to be stored: its value, or the value with what else it has. */
export type MessageInput = Uint8Array | string | null | MessageWithKey;

/** A message with more than a value. */
export interface MessageWithKey {
  /** Strings are written as UTF-8. Null is no key, an empty one is a key. Default: the call's `key`. */
  readonly key?: Uint8Array | string | null | undefined;
  /** Strings are written as UTF-8. Null is a tombstone: compaction forgets the key. */
  readonly value: Uint8Array | string | null;
  /** Pairs in their order, where names may repeat, or a plain object. */
  readonly headers?: HeadersInput | undefined;
  /** Milliseconds since 1970. Default: the call's `timestamp`. */
  readonly timestamp?: number | undefined;
}

/** How messages become a batch. */
export interface BatchSettings {
  /** Of the messages that have none of their own. */
  readonly key: Bytes;
  readonly timestamp: number;
  readonly compression: CompressionName;
  readonly level: number | undefined;
  readonly maxRequestBytes: number;
}

/** Messages that are stored together or not at all. */
export interface DirectBatch {
  readonly count: number;
  /** In record format v2. */
  readonly bytes: Buffer;
  /** In the format of brokers before Kafka 0.11. @throws KafkaError `TIDE_UNSUPPORTED` for headers, which it has no place for. */
  inOldFormat(): Buffer;
}

/**
 * One batch of all the messages.
 * @throws KafkaError `TIDE_INPUT` naming the message and what is wrong with it; `TIDE_TOO_LARGE` when they do not fit into one request: they are
 * never split; `TIDE_UNSUPPORTED` for a codec that is not there.
 */
export function directBatch(messages: readonly MessageInput[], what: string, settings: BatchSettings): DirectBatch {
  const { compression, level, maxRequestBytes } = settings;
  const records = Array.from(messages, (message, i) => checked(message, `${what}: message ${i}`, settings));
  const builder = new BatchBuilder();
  for (const { key, value, timestamp, headers } of records) builder.append(key, value, timestamp, headers);
  const bytes = builder.seal({ compression, level });
  if (bytes.length > maxRequestBytes) {
    throw new InputError(
      `${what}: the ${records.length} messages make a batch of ${bytes.length} bytes, at most ${maxRequestBytes} can be sent at once (maxRequestBytes)`,
      { code: 'TIDE_TOO_LARGE', context: { sizeBytes: bytes.length, maxRequestBytes } },
    );
  }
  return {
    count: records.length,
    bytes,
    inOldFormat() {
      if (records.some(({ headers = [] }) => headers.length > 0)) {
        throw new UnsupportedError(
          `${what}: the broker is older than Kafka 0.11 and cannot store headers; send the messages without them`,
          {
            persistence: 'no',
            context: { needs: 'Kafka 0.11' },
          },
        );
      }
      return encodeBatch(records satisfies readonly RecordInput[], { magic: 1, compression, level });
    },
  };
}

function checked(message: unknown, what: string, { key: commonKey, timestamp: commonTime }: BatchSettings) {
  if (message === null || typeof message === 'string' || message instanceof Uint8Array)
    return { key: commonKey, value: message, timestamp: commonTime, headers: undefined };
  if (typeof message !== 'object') throw new InputError(`${what}: expected a value or { key, value, ... }, got ${show(message)}`);
  const { key, value, headers, timestamp } = message as Partial<Record<keyof MessageWithKey, unknown>>;
  return {
    key: key === undefined ? commonKey : toBytes(key, `${what}: the key`),
    value: toBytes(value, `${what}: the value`),
    timestamp: timestamp === undefined ? commonTime : toTimestamp(timestamp, `${what}: timestamp`),
    headers: toHeaders(headers, `${what}: headers`),
  };
}
