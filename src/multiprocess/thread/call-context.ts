import type { ProducerRecord, RecordResult } from '../../producer/index.js';
import { type AnyMessage, Message } from '../../records/index.js';
import type { HandlerContext, ThreadContext } from './context.js';
import type { Sends } from './sends.js';

/** Who is told that messages are done. */
export interface Marks {
  mark(given: AnyMessage | Iterable<AnyMessage>): void;
}

/** What all calls of a thread have in common. */
export interface ContextKit {
  readonly context: ThreadContext;
  readonly sends: Sends;
}

/** What a handler is given for one call. */
export class Context implements HandlerContext {
  readonly topic: string;
  readonly partition: number;
  readonly attempt: number;
  readonly signal: AbortSignal;
  readonly sends: Promise<RecordResult>[] = [];
  readonly #marks: Marks;
  readonly #kit: ContextKit;
  /** Marks of a call for a batch, which count when it returns. */
  readonly #marked: Set<number> | undefined;
  isOver = false;

  constructor(
    marks: Marks,
    kit: ContextKit,
    { topic, partition }: { readonly topic: string; readonly partition: number },
    attempt: number,
    signal: AbortSignal,
    marked?: Set<number>,
  ) {
    this.#marks = marks;
    this.#kit = kit;
    this.topic = topic;
    this.partition = partition;
    this.attempt = attempt;
    this.signal = signal;
    this.#marked = marked;
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

  send(record: ProducerRecord): Promise<RecordResult> {
    const sent = this.#kit.sends.send(record);
    this.sends.push(sent);
    sent.catch(() => {}); // told to whoever awaits it, and to the attempt
    return sent;
  }

  mark(given: AnyMessage | Iterable<AnyMessage>): void {
    if (this.#marked === undefined || this.isOver) return this.#marks.mark(given);
    for (const { offset } of given instanceof Message ? [given] : given) this.#marked.add(offset);
  }
}
