import { availableParallelism } from 'node:os';
import { InputError } from '../base/errors.js';
import { custom, duration, type Given, integer, oneOf, optional, resolve } from '../base/options.js';
import { type DeserializerOptions, deserializerRules } from '../consumer/deserializers.js';
import { groupOptions, groupRules } from '../consumer/kafka-consumer-options.js';
import { oftenCommitted, oftenRules, oftenWaiting } from '../consumer/often-rules.js';
import { readingRules } from '../consumer/reading-options.js';
import { Producer } from '../producer/index.js';
import type { OnPoison } from './poison.js';
import type { Ordering } from './thread-messages.js';

/** As many as there may ever be. */
export const maxThreads = 1024;

export const threadRules = {
  /** How many threads work. Default: one less than the machine has cores, at least one. */
  threads: optional(integer(1, 1, maxThreads)),
  /** In place of `threads`: as many as it takes for each to have so many partitions. kafka-python: partitions_per_proc. */
  partitionsPerThread: optional(integer(1, 1, 1_000_000)),
  /** What is kept in order: the messages of a partition, those of one key (without a key: none), or nothing. */
  ordering: oneOf<Ordering>('partition', ['partition', 'key', 'none']),
  /** How many messages a thread works on at once, for handlers that wait for something. With `ordering: 'partition'` of so many partitions. */
  concurrency: integer(1, 1, 10_000),
  /** How often a message is tried, a thread that it ends included, before `onPoison` decides. */
  maxAttempts: integer(5, 1, 1_000_000),
  /** So many ms a partition waits after an attempt in vain. */
  retryBackoffMs: duration(100, 0),
  /**
   * What becomes of a message that was tried `maxAttempts` times: `'stop'` lets the others finish, commits, and `run` rejects; `'skip'` passes over
   * it with an event; `{ topic }` writes it there first, with where it is from and why in headers.
   */
  onPoison: custom<OnPoison, OnPoison>("'stop', 'skip' or { topic }", 'stop', poisonRule),
  /**
   * Sends what handlers send by `context.send`, and dead letters. Default: one of its own. With a `transactionalId` that and the offsets of the messages are
   * committed together, every `transactionMs`: readers of committed records see what comes of each message exactly once. Needs a `groupId`; commits
   * are not automatic then.
   */
  producer: optional(
    custom<Producer<never, never>, Producer<never, never> | undefined>('a SimpleProducer or KeyedProducer', undefined, given =>
      given instanceof Producer ? given : undefined,
    ),
  ),
  /** How long a transaction collects, in ms, from its first message on. An attempt in vain rolls it back, and all of it comes again. */
  transactionMs: duration(1000, 1),
  /** A handler that takes longer ends with its thread, and that was an attempt. In ms. `null`: no limit. */
  handlerTimeoutMs: duration(Number.POSITIVE_INFINITY, 1, true),
  /**
   * The most memory that objects of a thread may take, in MB; a thread that needs more ends. At least 8, which Node.js takes by itself: with next to
   * nothing it would end the whole process. Default: as Node.js has it.
   */
  threadMemoryMb: optional(integer(8, 8, 1_000_000)),
};

const multiProcessRules = { ...groupRules, ...oftenRules, ...readingRules, ...deserializerRules, ...threadRules };

/** Options of a `MultiProcessConsumer`: a member of a group as a `KafkaConsumer`, it commits and waits as a `SimpleConsumer`. */
export type MultiProcessConsumerOptions<K = Buffer, V = Buffer> = Given<typeof groupRules> &
  Given<typeof oftenRules> &
  Given<typeof readingRules> &
  DeserializerOptions<K, V> &
  Given<typeof threadRules>;

export type MultiProcessSettings = ReturnType<typeof multiProcessOptions>;

/** The options, and what depends on two of them. @throws KafkaError `TIDE_OPTION`, `TIDE_INPUT`. */
export function multiProcessOptions(given: MultiProcessConsumerOptions<unknown, unknown> | undefined) {
  const owner = 'MultiProcessConsumer';
  const wrong = (text: string) => new InputError(`${owner}: ${text}`, { code: 'TIDE_OPTION' });
  const elsewhere = ['workerData', 'onResult', 'signal'].find(name => Object.hasOwn(given ?? {}, name));
  if (elsewhere !== undefined) throw wrong(`"${elsewhere}" is an option of run(handlerModule, options)`);
  const { threads, partitionsPerThread, ...rest } = resolve(owner, multiProcessRules, given);
  if (threads !== undefined && partitionsPerThread !== undefined)
    throw wrong('threads and partitionsPerThread say the same in two ways; give one of them');
  const isTransactional = rest.producer?.transactionalId !== undefined;
  if (!isTransactional && given?.transactionMs !== undefined) throw wrong('transactionMs is for a producer with a transactionalId');
  if (isTransactional && rest.marking === 'explicit' && rest.ordering !== 'partition')
    throw wrong(
      `marking "explicit", ordering "${rest.ordering}" and a transactional producer cannot be: what is behind an unmarked message would be sent twice`,
    );
  if (isTransactional && rest.groupId === undefined) throw wrong('a producer with a transactionalId needs a groupId to store offsets for');
  if (isTransactional && rest.autoCommit !== undefined && rest.autoCommit !== 'never')
    throw wrong('autoCommit and a producer with a transactionalId cannot be: offsets are stored by its transactions');
  const count = threads ?? Math.max(1, availableParallelism() - 1);
  const threadsFor = (partitionCount: number): number =>
    partitionsPerThread === undefined ? count : Math.min(maxThreads, Math.max(1, Math.ceil(partitionCount / partitionsPerThread)));
  const autoCommit = isTransactional ? 'never' : rest.autoCommit;
  const group = groupOptions(owner, { ...rest, autoCommit }, given, oftenCommitted);
  return { ...rest, ...group, ...oftenWaiting(rest), consumerTimeoutMs: Number.POSITIVE_INFINITY, threadsFor };
}

/** Some of the options are of no use where handlers run in threads. @throws KafkaError `TIDE_OPTION`. */
export function assertForRun(settings: MultiProcessSettings, what: string): void {
  const wrong = (text: string) => new InputError(`${what}: ${text}`, { code: 'TIDE_OPTION' });
  for (const name of ['iterTimeoutMs', 'emptyRetryLimit'] as const)
    if (settings[name] !== Number.POSITIVE_INFINITY) throw wrong(`expected no ${name}: a run waits for messages until it is ended`);
  for (const name of ['keyDeserializer', 'valueDeserializer'] as const)
    if (settings[name] !== undefined) throw wrong(`${name} is a function of this thread; export it from the handler module instead`);
  if (settings.onDeserializationError !== 'throw')
    throw wrong('expected no onDeserializationError: what cannot be made is an attempt in vain here, and onPoison decides');
}

function poisonRule(given: unknown): OnPoison | undefined {
  if (given === 'stop' || given === 'skip') return given;
  const isPlace = typeof given === 'object' && given !== null && Object.keys(given).join() === 'topic';
  const topic: unknown = isPlace ? (given as { readonly topic?: unknown }).topic : undefined;
  return typeof topic === 'string' && topic !== '' ? { topic } : undefined;
}
