import { integer, oneOf, optional, text } from '../base/options.js';
import { loggerRule } from '../client/client-log.js';
import { autoOffsetResetRule } from './offset-reset.js';
import type { OnCorrupt } from './prefetched.js';

const mebibyte = 1024 * 1024;

/** What can be said of reading, whoever reads. */
export const readingRules = {
  /** Where to start without a committed offset, and where to go on when an offset is not in the log. Default earliest. Kafka: auto.offset.reset. */
  autoOffsetReset: autoOffsetResetRule,
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
  /**
   * In which rack this consumer runs, as the brokers name theirs. It reads from a replica there where the brokers choose one, else from leaders
   * (KIP-392); its group is told. Kafka: client.rack.
   */
  rackId: optional(text('')),
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
