import { InputError } from '../base/errors.js';
import { custom, duration, type Given, integer, needed, optional, resolve, text } from '../base/options.js';
import { checkPartition, checkTopic } from '../client/inputs.js';
import { type AutoCommit, autoCommitRule } from './auto-commit.js';
import { type DeserializerOptions, deserializerRules } from './deserializers.js';
import { readingRules } from './reading-options.js';

const autoCommitDefaults: AutoCommit = { everyN: 100, everyMs: 5000 };

const ownRules = {
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
};
/** What is given is typed by the parts: what is spread has no TSDoc in declarations. */
export const simpleConsumerRules = { ...ownRules, ...readingRules, ...deserializerRules };

/** Options of a `SimpleConsumer`. */
export type SimpleConsumerOptions<K = Buffer, V = Buffer> = Given<typeof ownRules> & Given<typeof readingRules> & DeserializerOptions<K, V>;

/** The options, and what depends on two of them. @throws KafkaError `TIDE_OPTION`, `TIDE_INPUT`. */
export function simpleConsumerOptions(given: SimpleConsumerOptions<unknown, unknown>) {
  const options = resolve('SimpleConsumer', simpleConsumerRules, given);
  const { groupId, autoCommit } = options;
  if (groupId === undefined && autoCommit !== undefined && autoCommit !== 'never') {
    throw new InputError('SimpleConsumer: autoCommit needs a groupId to store offsets for', { code: 'TIDE_OPTION' });
  }
  const byDefault = groupId === undefined ? undefined : autoCommitDefaults;
  return {
    ...options,
    idle: 'ends' as const,
    autoCommit: autoCommit === 'never' ? undefined : (autoCommit ?? byDefault),
    emptyRetryLimit: options.emptyRetryLimit ?? Number.POSITIVE_INFINITY,
  };
}

function partitionList(value: unknown): readonly number[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || new Set(value).size !== value.length) return undefined;
  for (const id of value) checkPartition(id, 'partitions');
  return value;
}
