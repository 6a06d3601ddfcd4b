import { StateError } from '../../base/errors.js';
import { show } from '../../base/options.js';
import type { Markable } from '../../consumer/marking.js';
import type { AnyBatch } from '../../consumer/message-batch.js';
import type { ProducerRecord, RecordResult } from '../../producer/index.js';
import { type AnyMessage, Message } from '../../records/index.js';
import type { HandlerContext, ThreadContext } from './context.js';
import type { Sends } from './sends.js';

/** What all calls of a thread have in common. */
export interface ContextKit {
  readonly context: ThreadContext;
  readonly sends: Sends;
}

/** What a call is about: a message, or the messages of a batch. */
export interface Call {
  readonly topic: string;
  readonly partition: number;
  readonly first: number;
  readonly last: number;
  readonly attempt: number;
  readonly signal: AbortSignal;
}

/** What a handler is given for one call. */
export class Context implements HandlerContext {
  readonly #sends: Promise<RecordResult>[] = [];
  readonly #call: Call;
  readonly #kit: ContextKit;
  #marked: Set<number> | undefined;
  #isOver = false;

  constructor(call: Call, kit: ContextKit) {
    this.#call = call;
    this.#kit = kit;
  }

  get topic(): string {
    return this.#call.topic;
  }

  get partition(): number {
    return this.#call.partition;
  }

  get attempt(): number {
    return this.#call.attempt;
  }

  get signal(): AbortSignal {
    return this.#call.signal;
  }

  get threadIndex(): number {
    return this.#kit.context.threadIndex;
  }

  get workerData(): unknown {
    return this.#kit.context.workerData;
  }

  get logger(): ThreadContext['logger'] {
    return this.#kit.context.logger;
  }

  /** Made when it is asked for: handlers take it out of the context, `{ send }`, and most do not use it. */
  get send(): (record: ProducerRecord) => Promise<RecordResult> {
    return record => {
      if (this.#isOver) return Promise.reject(this.#late());
      const sent = this.#kit.sends.send(record);
      this.#sends.push(sent);
      sent.catch(() => {}); // told to whoever awaits it, and to the attempt
      return sent;
    };
  }

  /** Whether it has sent anything. */
  get hasSent(): boolean {
    return this.#sends.length > 0;
  }

  /** Waits until what was sent is stored, and what is sent when it is. @throws why it could not be. */
  async sent(): Promise<void> {
    for (const each of this.#sends) await each;
  }

  /** Made as {@link send} is. */
  get mark(): (given: AnyMessage | Iterable<AnyMessage>) => void {
    return given => {
      const messages = given instanceof Message ? [given] : [...given];
      for (const message of messages) this.#check(message);
      this.#marked ??= new Set();
      for (const { offset } of messages) this.#marked.add(offset);
    };
  }

  /** Whether the message at `offset` was marked. */
  hasMarked(offset: number): boolean {
    return this.#marked?.has(offset) === true;
  }

  /** The handler has returned: a mark, or a record to send, comes too late. */
  end(): void {
    this.#isOver = true;
  }

  #late(): StateError {
    const { topic, partition, first } = this.#call;
    const what = `context.send() ${topic}/${partition} offset ${first}: its handler has returned`;
    return new StateError('TIDE_STALE', `${what}; nothing was sent. Await what the handler has begun before it returns`);
  }

  #check(message: unknown): void {
    const { topic, partition, first, last } = this.#call;
    const isOwn = message instanceof Message && message.topic === topic && message.partition === partition;
    if (!isOwn || message.offset < first || message.offset > last) {
      const place = message instanceof Message ? `${message.topic}/${message.partition} offset ${message.offset}` : show(message);
      throw new StateError('TIDE_NOT_OWNED', `context.mark(): ${place} is no message that this handler was called with`);
    }
    if (!this.#isOver && !this.signal.aborted) return;
    const why = this.signal.aborted ? 'the partition was taken back' : 'its handler has returned';
    throw new StateError('TIDE_STALE', `context.mark() ${topic}/${partition} offset ${message.offset}: ${why}; the message comes again`);
  }
}

/** A mark by the batch itself. */
export function markIn(batch: AnyBatch, context: Context, given: Markable, upTo: boolean): void {
  if (given === batch) return context.mark(batch);
  const messages = given instanceof Message ? [given] : [...(given as Iterable<AnyMessage>)];
  context.mark(messages);
  const last = upTo ? Math.max(...messages.map(({ offset }) => offset)) : -1;
  if (last >= 0) context.mark([...batch].filter(({ offset }) => offset <= last));
}
