import { InputError } from '../base/errors.js';
import { custom, duration, type Given, integer, needed, oneOf, optional, resolve, text } from '../base/options.js';
import { loggerRule } from '../client/client-log.js';
import { checkPartition, checkTopic } from '../client/inputs.js';
import { type AutoCommit, autoCommitRule } from './auto-commit.js';
import { autoOffsetResetRule } from './offset-reset.js';
import type { OnCorrupt } from './prefetched.js';

const mebibyte = 1024 * 1024;
const autoCommitDefaults: AutoCommit = { everyN: 100, everyMs: 5000 };

export const simpleConsumerRules = {
  /** The topic to read. */
  topic: needed(
    custom<string, string>('a topic name', '', (value, path) => {
      checkTopic(value, path);
      return value;
    }),
  ),
  /** Under which name offsets are stored and found again. Without it nothing is ever committed. Kafka: group.id. */
  groupId: optional(text('')),
  /** The partitions to read. Default: all, also those that appear later. */
  partitions: optional(custom<readonly number[], readonly number[]>('a list of partition numbers, each once', [], partitionList)),
  /**
   * When offsets are committed by themselves: `true` every 100 messages or 5000 ms, whichever comes first; `{ everyN, everyMs }`, one of them
   * or both; `false` never. Default: true with a `groupId`, else false. Kafka: enable.auto.commit, auto.commit.interval.ms.
   */
  autoCommit: optional(autoCommitRule(autoCommitDefaults)),
  /** Where to start without a committed offset, and where to go on when an offset is not in the log. Default earliest. Kafka: auto.offset.reset. */
  autoOffsetReset: autoOffsetResetRule,
  /**
   * Where to start, whatever is committed: an offset, `'earliest'` or `'latest'`. Default: at the committed offset, else as `autoOffsetReset`
   * says. One for all partitions that are read.
   */
  startOffset: optional(
    custom<number | 'earliest' | 'latest', number | 'earliest' | 'latest'>('an offset, "earliest" or "latest"', 'earliest', given =>
      given === 'earliest' || given === 'latest' || (Number.isSafeInteger(given) && (given as number) >= 0) ? (given as number) : undefined,
    ),
  ),
  /** A loop ends quietly when no message came for so many ms. `null`: it goes on for ever. */
  iterTimeoutMs: duration(Number.POSITIVE_INFINITY, 0, true),
  /** A read fails with `TIDE_NO_DATA` when so many fetches of every partition brought nothing, and one more. Default: never. */
  emptyRetryLimit: optional(integer(0, 0, 1_000_000)),
  /** Who says that a message is done: asking for more (`'loop'`), or marks alone (`'explicit'`). */
  marking: oneOf('loop', ['loop', 'explicit']),
  /** Whether messages of transactions that are not committed are passed over. Kafka: isolation.level. */
  isolation: oneOf('read_committed', ['read_committed', 'read_uncommitted']),
  /** Longest time in ms the broker may hold a fetch that has fewer than `minBytes`. 0 answers at once. Kafka: fetch.max.wait.ms. */
  maxWaitMs: integer(500, 0, 300_000),
  /** Smallest answer in bytes worth sending before `maxWaitMs` is over. Kafka: fetch.min.bytes. */
  minBytes: integer(1, 0, 2 ** 31 - 1),
  /** Largest answer in bytes to one fetch; a first batch that is larger comes all the same. Kafka: fetch.max.bytes. */
  maxBytes: integer(50 * mebibyte, 1, 2 ** 31 - 1),
  /** Largest part of an answer in bytes for one partition; a first batch that is larger comes all the same. Kafka: max.partition.fetch.bytes. */
  maxPartitionBytes: integer(mebibyte, 1, 2 ** 31 - 1),
  /** So many bytes are fetched ahead of the work, over all partitions. */
  prefetchBytes: integer(32 * mebibyte, 1, 2 ** 31 - 1),
  /**
   * What becomes of records that are damaged, also when fetched once more: `'throw'` tells the reader and stays there, `'skip'` passes over
   * them, `'return'` hands out one message in their place whose `valid` is false. The last two emit `corruptRecords`.
   */
  onCorrupt: oneOf<OnCorrupt>('throw', ['throw', 'skip', 'return']),
  /** Largest size in bytes of one batch after decompression, with 32 bytes for each of its records; a larger one is an error. */
  maxDecompressedBytes: integer(128 * mebibyte, 1024, 2 ** 31 - 1),
  /** Told of what this consumer does, in place of the client's logger. Kafka has no name for it. */
  logger: loggerRule,
};

/** Options of a `SimpleConsumer`. */
export type SimpleConsumerOptions = Given<typeof simpleConsumerRules>;

/** The options, and what depends on two of them. @throws KafkaError `TIDE_OPTION`, `TIDE_INPUT`. */
export function simpleConsumerOptions(given: SimpleConsumerOptions) {
  const options = resolve('SimpleConsumer', simpleConsumerRules, given);
  const { groupId, autoCommit } = options;
  if (groupId === undefined && autoCommit !== undefined && autoCommit !== 'never') {
    throw new InputError('SimpleConsumer: autoCommit needs a groupId to store offsets for', { code: 'TIDE_OPTION' });
  }
  const byDefault = groupId === undefined ? undefined : autoCommitDefaults;
  return {
    ...options,
    autoCommit: autoCommit === 'never' ? undefined : (autoCommit ?? byDefault),
    emptyRetryLimit: options.emptyRetryLimit ?? Number.POSITIVE_INFINITY,
  };
}

function partitionList(value: unknown): readonly number[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || new Set(value).size !== value.length) return undefined;
  for (const id of value) checkPartition(id, 'partitions');
  return value;
}
