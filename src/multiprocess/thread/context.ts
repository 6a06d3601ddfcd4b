import type { LogFields, Logger } from '../../base/log.js';
import type { MessageBatch } from '../../consumer/message-batch.js';
import type { ProducerRecord, RecordResult } from '../../producer/index.js';
import type { AnyMessage, Message } from '../../records/index.js';

/** As a {@link Logger}; a message may go without fields. */
export type ThreadLogger = Readonly<Record<keyof Logger, (message: string, fields?: LogFields) => void>>;

/** What a thread knows of itself. */
export interface ThreadContext {
  /** Which of the threads it is, counted from 0. A thread that takes the place of another has its number. */
  readonly threadIndex: number;
  /** What `run` was given, as a copy. */
  readonly workerData: unknown;
  /** Writes where the consumer's logger does, in the main thread; nowhere without a logger, unless `TIDEMARK_DEBUG` asks for it. */
  readonly logger: ThreadLogger;
}

/** What a handler is given beside its messages. */
export interface HandlerContext extends ThreadContext {
  readonly topic: string;
  readonly partition: number;
  /** How often the message has been tried, this time included: 1 for the first. Of a batch that of its first message. */
  readonly attempt: number;
  /** Aborted when what runs is for nobody any more: the partition is another member's, or time is up. */
  readonly signal: AbortSignal;
  /**
   * Sends a record by the producer of the main thread. The message is not done before it is stored, awaited or not.
   * @throws KafkaError as {@link KeyedProducer.send}; then the message was tried in vain, also where the handler catches that. `TIDE_STALE` once the handler
   * has returned and what it had sent is stored.
   */
  readonly send: (record: ProducerRecord) => Promise<RecordResult>;
}

export interface MessageContext extends HandlerContext {
  /**
   * With `marking: 'explicit'` the message is done when the handler returns and this was called; else it comes again.
   * @throws KafkaError `TIDE_NOT_OWNED` for any other message, `TIDE_STALE` once the handler has returned.
   */
  readonly mark: (message: AnyMessage) => void;
}

export interface BatchContext extends HandlerContext {
  /** With `marking: 'explicit'` these are done when the handler returns, up to the first hole, and the rest comes again. Throws as for one message. */
  readonly mark: (messages: AnyMessage | Iterable<AnyMessage>) => void;
}

/** Handles messages one by one: the default export of a handler module. */
export type MessageHandler<K = Buffer, V = Buffer> = (message: Message<K, V>, context: MessageContext) => unknown;

/** Handles messages as they were stored together: the export `handleBatch` of a handler module. */
export type BatchHandler<K = Buffer, V = Buffer> = (batch: MessageBatch<K, V>, context: BatchContext) => unknown;
