import { InputError } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { custom, duration, type Given, integer, nested, oneOf, optional, type Resolved } from '../base/options.js';
import { type RetryPolicy, retryRules } from '../base/retry.js';
import { loggerRule } from '../client/client-log.js';
import { BatchBuilder, type CompressionName, codecOf, compressionNames, type SealOptions } from '../records/index.js';
import { murmur2Partitioner, type Partitioner } from './partitioners.js';
import type { SenderSettings } from './sender.js';

/** The options that every producer takes. */
export const producerRules = {
  /**
   * Who must have a record before it counts as sent: `'all'` in-sync replicas (also -1), only the leader (1), or nobody (0: the promise
   * resolves when the kernel has the bytes, with offset -1). Kafka: acks.
   */
  acks: oneOf<'all' | -1 | 1 | 0>('all', ['all', -1, 1, 0]),
  /** Longest time in ms the leader waits for the replicas that `acks` asks for. Kafka: timeout.ms of the request. */
  ackTimeoutMs: duration(30_000, 1),
  /** How batches are compressed. Kafka: compression.type. */
  compression: oneOf<CompressionName>('none', compressionNames),
  /** How hard to compress: 1 to 9 for gzip, 1 to 22 for zstd; an error beside codecs that have no levels. Kafka: compression.gzip.level and the like. */
  compressionLevel: optional(integer(1, 1, 22)),
  /** A batch takes no more records when it would become larger than so many bytes, before compression; a larger record goes alone. Kafka: batch.size. */
  batchBytes: integer(64 * 1024, 1, 2 ** 30),
  /** Longest request in bytes, and the most that one record may take. Kafka: max.request.size. */
  maxRequestBytes: integer(1024 * 1024, 1024, 2 ** 30),
  /** Longest time in ms from the call to the end of its last retry. `null`: no limit. Kafka: delivery.timeout.ms. */
  deliveryTimeoutMs: duration(120_000, 1, true),
  /**
   * How far apart a batch is sent again, and how often a topic is asked for that is said not to exist (`attempts`); what is not given is as
   * the client's. Batches are sent again until `deliveryTimeoutMs` is over. Kafka: retry.backoff.ms, retry.backoff.max.ms.
   */
  retry: nested('producer', 'retry', {
    attempts: optional(retryRules.attempts),
    backoffMs: optional(retryRules.backoffMs),
    maxBackoffMs: optional(retryRules.maxBackoffMs),
  }),
  /**
   * What to do when nobody knows whether a batch was stored: send it again, and perhaps store it twice, or reject it with `persistence: 'maybe'`.
   * Kafka: retries.
   */
  onUnsure: oneOf('retry', ['retry', 'reject']),
  /** Told of what this producer does, in place of the client's logger. Kafka has no name for it. */
  logger: loggerRule,
};

export const keyedRules = {
  ...producerRules,
  /** Chooses the partition of each record that names none. Kafka: partitioner.class. */
  partitioner: custom<Partitioner, Partitioner>('a function (record, partitions, topic) => partition', murmur2Partitioner, given =>
    typeof given === 'function' ? (given as Partitioner) : undefined,
  ),
};

/** Options of {@link KeyedProducer}. */
export type KeyedProducerOptions = Given<typeof keyedRules>;

type ProducerOptions = Resolved<typeof producerRules>;

/** What a producer's options come to, beside what its client says. */
export interface ProducerSettings extends SenderSettings {
  readonly batchBytes: number;
  readonly logger: Logger | undefined;
}

/** @throws KafkaError `TIDE_OPTION` for options that contradict each other, `TIDE_UNSUPPORTED` for a codec that is not there. */
export function settingsOf(owner: string, options: ProducerOptions, clientRetry: RetryPolicy): ProducerSettings {
  const { acks, retry, compression, compressionLevel, maxRequestBytes } = options;
  const seal: SealOptions = { compression, level: checkLevel(owner, compression, compressionLevel) };
  new BatchBuilder(0).seal(seal);
  return {
    ...options,
    acks: acks === 'all' ? -1 : acks,
    batchBytes: Math.min(options.batchBytes, maxRequestBytes),
    retry: {
      attempts: retry.attempts ?? clientRetry.attempts,
      backoffMs: retry.backoffMs ?? clientRetry.backoffMs,
      maxBackoffMs: retry.maxBackoffMs ?? clientRetry.maxBackoffMs,
    },
    seal,
  };
}

function checkLevel(owner: string, compression: CompressionName, level: number | undefined): number | undefined {
  const [lowest, highest] = codecOf(compression).levels ?? [];
  if (level === undefined || (lowest !== undefined && highest !== undefined && level >= lowest && level <= highest)) return level;
  const why =
    lowest === undefined ? `compression "${compression}" has no levels` : `${compression} has levels from ${lowest} to ${highest}`;
  throw new InputError(`${owner}: "compressionLevel" is ${level}, but ${why}`, { code: 'TIDE_OPTION' });
}
