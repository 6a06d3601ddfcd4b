import { custom, type Given, needed, optional, resolve, text } from '../base/options.js';
import { checkPartition, checkTopic } from '../client/inputs.js';
import { autoCommitOf } from './auto-commit.js';
import { type DeserializerOptions, deserializerRules } from './deserializers.js';
import { oftenCommitted, oftenRules, oftenWaiting } from './often-rules.js';
import { readingRules } from './reading-options.js';

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
   * Where to start, whatever is committed: an offset, `'earliest'` or `'latest'`. Default: at the committed offset, else as `autoOffsetReset`
   * says. One for all partitions that are read.
   */
  startOffset: optional(
    custom<number | 'earliest' | 'latest', number | 'earliest' | 'latest'>('an offset, "earliest" or "latest"', 'earliest', given =>
      given === 'earliest' || given === 'latest' || (Number.isSafeInteger(given) && (given as number) >= 0) ? (given as number) : undefined,
    ),
  ),
};
/** What is given is typed by the parts: what is spread has no TSDoc in declarations. */
export const simpleConsumerRules = { ...ownRules, ...oftenRules, ...readingRules, ...deserializerRules };

/** Options of a `SimpleConsumer`. */
export type SimpleConsumerOptions<K = Buffer, V = Buffer> = Given<typeof ownRules> &
  Given<typeof oftenRules> &
  Given<typeof readingRules> &
  DeserializerOptions<K, V>;

/** The options, and what depends on two of them. @throws KafkaError `TIDE_OPTION`, `TIDE_INPUT`. */
export function simpleConsumerOptions(given: SimpleConsumerOptions<unknown, unknown>) {
  const owner = 'SimpleConsumer';
  const options = resolve(owner, simpleConsumerRules, given);
  return { ...options, ...oftenWaiting(options), autoCommit: autoCommitOf(owner, options, oftenCommitted) };
}

function partitionList(value: unknown): readonly number[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || new Set(value).size !== value.length) return undefined;
  for (const id of value) checkPartition(id, 'partitions');
  return value;
}
