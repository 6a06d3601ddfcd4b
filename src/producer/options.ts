import { InputError } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { custom, duration, flag, type Given, integer, nested, oneOf, optional, type Resolved, text } from '../base/options.js';
import { type RetryPolicy, retryRules } from '../base/retry.js';
import { loggerRule } from '../client/client-log.js';
import { BatchBuilder, type CompressionName, codecOf, compressionNames, type SealOptions } from '../records/index.js';
import type { AccumulatorSettings } from './accumulator.js';
import { batchSendRule } from './batch-send.js';
import { murmur2Partitioner, type Partitioner } from './partitioners.js';
import type { SenderSettings } from './sender.js';
import type { Serialized, Serializer, Serializers } from './serializers.js';
import type { TransactionSettings } from './transactions.js';

const defaultTransactionTimeoutMs = 60_000;

/** The options that every producer takes. */
export const producerRules = {
  /**
   * Who must have a record before it counts as sent: `'all'` in-sync replicas (also -1), only the leader (1), or nobody (0: the promise
   * resolves when the kernel has the bytes, with offset -1). Kafka: acks.
   */
  acks: oneOf<'all' | -1 | 1 | 0>('all', ['all', -1, 1, 0]),
  /**
   * Whether the cluster knows a batch that is sent again, and stores it once. Default: yes with `acks` 'all', where the brokers are Kafka 0.11 or
   * later; `true` demands it. Kafka: enable.idempotence.
   */
  idempotent: optional(flag(true)),
  /**
   * Under which name records, and offsets, are sent in transactions: `begin`, `commit`, `abort`, `withTransaction`. One producer at a time has
   * it: a newer one fences the older. Kafka: transactional.id.
   */
  transactionalId: optional(text('')),
  /** A transaction that takes longer is aborted by the cluster. Default 60,000. Only with `transactionalId`. Kafka: transaction.timeout.ms. */
  transactionTimeoutMs: optional(integer(defaultTransactionTimeoutMs, 1, 2 ** 31 - 1)),
  /** Longest time in ms the leader waits for the replicas that `acks` asks for. Kafka: timeout.ms of the request. */
  ackTimeoutMs: duration(30_000, 1),
  /** How batches are compressed. Kafka: compression.type. */
  compression: oneOf<CompressionName>('none', compressionNames),
  /** How hard to compress: 1 to 9 for gzip, 1 to 22 for zstd; an error beside codecs that have no levels. Kafka: compression.gzip.level and the like. */
  compressionLevel: optional(integer(1, 1)),
  /** A batch takes no more records when it would become larger than so many bytes, before compression; a larger record goes alone. Kafka: batch.size. */
  batchBytes: integer(64 * 1024, 1, 2 ** 30),
  /**
   * Records wait for others to be sent with: `true` until 500 of one partition are there or 20 ms have passed, whichever comes first;
   * `{ everyN, everyMs, bytes }` says how many and how long; `false` sends as soon as a connection can take it. Kafka: linger.ms.
   */
  batchSend: batchSendRule,
  /**
   * How many bytes of records may be held in memory. When they are there, further records wait until some are settled; three quarters of it
   * at most for one partition, so that others find room. The last record of a partition may go beyond that, and a partition that holds
   * nothing takes one record in any case: at most it is exceeded by one record (`maxRequestBytes`) for each partition. Kafka: buffer.memory.
   */
  bufferBytes: integer(32 * 1024 * 1024, 1, 2 ** 40),
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
   * What to do when nobody knows whether a batch was stored: send it again, and perhaps store it twice, or reject it with `persistence: 'maybe'`,
   * which an idempotent producer never needs: beside one it is an error. Kafka: retries.
   */
  onUnsure: oneOf('retry', ['retry', 'reject']),
  /** Makes bytes, or text, of each value but null: `(value, topic) => bytes`, or a promise of them. Kafka: value.serializer. */
  valueSerializer: serializerRule(),
  /** Told of what this producer does, in place of the client's logger. Kafka has no name for it. */
  logger: loggerRule,
};

function serializerRule() {
  return optional(
    custom<Serializer<never>, Serializer<never>>(
      'a function (value, topic) => bytes, a string, or a promise of them',
      () => null,
      given => (typeof given === 'function' ? (given as Serializer<never>) : undefined),
    ),
  );
}

const ownRules = {
  /** Chooses the partition of each record that names none. Kafka: partitioner.class. */
  partitioner: custom<Partitioner, Partitioner>('a function (record, partitions, topic) => partition', murmur2Partitioner, given =>
    typeof given === 'function' ? (given as Partitioner) : undefined,
  ),
  /** As `valueSerializer`, for keys. The partitioner sees what it gives. Kafka: key.serializer. */
  keySerializer: serializerRule(),
};
/** What is given is typed by the parts: what is spread has no TSDoc in declarations. */
export const keyedRules = { ...producerRules, ...ownRules };

/** Options of {@link KeyedProducer}. */
export type KeyedProducerOptions<K = Serialized, V = Serialized> = Omit<
  Given<typeof producerRules> & Given<typeof ownRules>,
  'keySerializer' | 'valueSerializer'
> & {
  readonly keySerializer?: Serializer<K> | undefined;
  readonly valueSerializer?: Serializer<V> | undefined;
};

type ProducerOptions = Resolved<typeof producerRules>;

/** What a producer's options come to, beside what its client says. */
export interface ProducerSettings extends SenderSettings, AccumulatorSettings, Serializers {
  /** Undefined: where the brokers can. */
  readonly idempotent: boolean | undefined;
  readonly logger: Logger | undefined;
  /** Undefined: no transactions. */
  readonly transaction: TransactionSettings | undefined;
}

/** @throws KafkaError `TIDE_OPTION` for options that contradict each other, `TIDE_UNSUPPORTED` for a codec that is not there. */
export function settingsOf(
  owner: string,
  options: ProducerOptions & { readonly keySerializer?: Serializer<never> | undefined },
  clientRetry: RetryPolicy,
): ProducerSettings {
  const { acks, retry, compression, compressionLevel, maxRequestBytes, batchSend, keySerializer } = options;
  const numbered = checkIdempotent(owner, options);
  const transaction = transactionOf(owner, options, numbered);
  const seal: SealOptions = {
    compression,
    level: checkLevel(owner, compression, compressionLevel),
    unstamped: numbered !== false,
    isTransactional: transaction !== undefined,
  };
  new BatchBuilder(0).seal(seal);
  const {
    everyN,
    everyMs,
    bytes = options.batchBytes,
  } = batchSend === 'never' ? { everyN: Number.POSITIVE_INFINITY, everyMs: 0 } : batchSend;
  return {
    ...options,
    keySerializer,
    idempotent: numbered,
    transaction,
    acks: acks === 'all' ? -1 : acks,
    everyN,
    lingerMs: everyMs,
    batchBytes: Math.min(bytes, maxRequestBytes),
    retry: {
      attempts: retry.attempts ?? clientRetry.attempts,
      backoffMs: retry.backoffMs ?? clientRetry.backoffMs,
      maxBackoffMs: retry.maxBackoffMs ?? clientRetry.maxBackoffMs,
    },
    seal,
  };
}

/** Whether batches are numbered; undefined: where the brokers can. */
function checkIdempotent(owner: string, { acks, idempotent, onUnsure }: ProducerOptions): boolean | undefined {
  const confirmed = acks === 'all' || acks === -1;
  if (idempotent === true && !confirmed)
    throw new InputError(`${owner}: idempotent: true needs acks "all", got ${acks}`, { code: 'TIDE_OPTION' });
  if (!confirmed) return false;
  if (idempotent !== false && onUnsure === 'reject') {
    const message = `${owner}: onUnsure "reject" is for producers that are not idempotent; give idempotent: false beside it, or leave it out`;
    throw new InputError(message, { code: 'TIDE_OPTION' });
  }
  return idempotent;
}

function transactionOf(owner: string, options: ProducerOptions, numbered: boolean | undefined): TransactionSettings | undefined {
  const { transactionalId, transactionTimeoutMs: timeoutMs } = options;
  if (transactionalId === undefined) {
    if (timeoutMs === undefined) return undefined;
    throw new InputError(`${owner}: transactionTimeoutMs needs a transactionalId`, { code: 'TIDE_OPTION' });
  }
  if (numbered === false) {
    const message = `${owner}: transactionalId needs acks "all" and an idempotent producer; leave acks and idempotent out`;
    throw new InputError(message, { code: 'TIDE_OPTION' });
  }
  return { transactionalId, transactionTimeoutMs: timeoutMs ?? defaultTransactionTimeoutMs };
}

function checkLevel(owner: string, compression: CompressionName, level: number | undefined): number | undefined {
  const [lowest, highest] = codecOf(compression).levels ?? [];
  if (level === undefined || (lowest !== undefined && highest !== undefined && level >= lowest && level <= highest)) return level;
  const why =
    lowest === undefined ? `compression "${compression}" has no levels` : `${compression} has levels from ${lowest} to ${highest}`;
  throw new InputError(`${owner}: "compressionLevel" is ${level}, but ${why}`, { code: 'TIDE_OPTION' });
}
