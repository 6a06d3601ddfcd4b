import { InputError, KafkaError, StateError } from '../base/errors.js';
import { show } from '../base/options.js';
import { type Deferred, deferred } from '../base/wait.js';
import type { Message } from '../records/index.js';

/** What can be merged: every kind of consumer. */
export interface Mergeable<K = Buffer, V = Buffer> {
  messages(): AsyncIterableIterator<Message<K, V>>;
}

/** One consumer that is read from. */
interface Source<K, V> {
  readonly consumer: Mergeable<K, V>;
  loop: AsyncIterableIterator<Message<K, V>>;
}

type Outcome<K, V> =
  | { readonly source: Source<K, V>; readonly message: Message<K, V> }
  | { readonly source: Source<K, V>; readonly error: unknown };

/**
 * The messages of several consumers as they come, each as far ahead of the reader as one message. A message is done when the reader asks for
 * the next; leaving puts it, and those nobody has seen, back.
 *
 * A consumer that ends (`iterTimeoutMs`, `TIDE_NO_DATA`, `close()`) is taken out, and the last one ends the whole. A read that fails ends a loop, as
 * by leaving it; {@link nextMessage} rejects with it once, and that consumer is read on, unless it is in no state to be (`TIDE_STATE`, as when
 * somebody else reads from it): then it is taken out.
 */
export class Merged<K = Buffer, V = Buffer> implements AsyncIterableIterator<Message<K, V>> {
  readonly #sources = new Set<Source<K, V>>();
  readonly #ready: Outcome<K, V>[] = [];
  #waiting: Deferred<Outcome<K, V> | undefined> | undefined;
  /** Those that have given what they had, and are asked for more by the next call. */
  readonly #given = new Set<Source<K, V>>();

  constructor(consumers: readonly Mergeable<K, V>[]) {
    for (const consumer of consumers) this.#sources.add({ consumer, loop: consumer.messages() });
    for (const source of this.#sources) this.#given.add(source);
  }

  /** How many consumers are still read from. */
  get workers(): number {
    return this.#sources.size;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next message of any; done when no consumer is left. Where it rejects it has left, as by {@link close}: no loop calls `return()` then. */
  async next(): Promise<IteratorResult<Message<K, V>>> {
    this.#assertAlone();
    const message = await this.#next().catch(async (error: unknown) => {
      await this.close();
      throw error;
    });
    return message === undefined ? { done: true, value: undefined } : { done: false, value: message };
  }

  /** The next message of any. @throws KafkaError `TIDE_CLOSED` when no consumer is left; why a read failed, once. */
  async nextMessage(): Promise<Message<K, V>> {
    this.#assertAlone();
    const message = await this.#next();
    if (message === undefined) throw new StateError('TIDE_CLOSED', 'merge: no consumer is left to read from');
    return message;
  }

  /** Leaves: what is not done is handed out again by the consumers, which stay open. Calling it again does nothing. */
  async close(): Promise<void> {
    const sources = [...this.#sources];
    this.#sources.clear();
    this.#given.clear();
    this.#ready.length = 0;
    this.#tell(undefined);
    await Promise.all(sources.map(({ loop }) => loop.return?.()));
  }

  async return(): Promise<IteratorResult<Message<K, V>>> {
    await this.close();
    return { done: true, value: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #assertAlone(): void {
    if (this.#waiting !== undefined) throw new StateError('TIDE_STATE', 'merge: the call before is pending; only one may read at a time');
  }

  async #next(): Promise<Message<K, V> | undefined> {
    for (const source of this.#given) this.#ask(source);
    this.#given.clear();
    const outcome = this.#ready.shift() ?? (await this.#arrival());
    if (outcome === undefined) return undefined;
    if (this.#sources.has(outcome.source)) this.#given.add(outcome.source);
    if ('error' in outcome) throw outcome.error;
    return outcome.message;
  }

  /** The next outcome; undefined when there is none to come. */
  #arrival(): Promise<Outcome<K, V> | undefined> {
    if (this.#sources.size === 0) return Promise.resolve(undefined);
    this.#waiting = deferred<Outcome<K, V> | undefined>();
    return this.#waiting.promise;
  }

  #tell(outcome: Outcome<K, V> | undefined): void {
    this.#waiting?.resolve(outcome);
    this.#waiting = undefined;
  }

  /** Asks for the next message, which says that the one before is done. Never rejects. */
  #ask(source: Source<K, V>): void {
    source.loop.next().then(
      result => (result.done === true ? this.#remove(source) : this.#arrived({ source, message: result.value })),
      (error: unknown) => {
        const code = error instanceof KafkaError ? error.code : undefined;
        if (code === 'TIDE_NO_DATA' || code === 'TIDE_CLOSED') return this.#remove(source);
        this.#arrived({ source, error });
        if (code === 'TIDE_STATE') return this.#remove(source); // asked again at once it would say the same
        source.loop = source.consumer.messages(); // a loop that failed is over
      },
    );
  }

  #arrived(outcome: Outcome<K, V>): void {
    if (!this.#sources.has(outcome.source)) return; // we have left: its loop has put the message back
    if (this.#waiting === undefined) this.#ready.push(outcome);
    else this.#tell(outcome);
  }

  #remove(source: Source<K, V>): void {
    this.#sources.delete(source);
    if (this.#sources.size === 0) this.#tell(undefined);
  }
}

/** Reads several consumers as one; see {@link Merged}. Without any it is at its end. @throws KafkaError `TIDE_INPUT` for what is no consumer. */
export function merge<K = Buffer, V = Buffer>(...consumers: readonly Mergeable<K, V>[]): Merged<K, V> {
  for (const given of consumers as readonly unknown[]) {
    if (typeof given === 'object' && given !== null && 'messages' in given && typeof given.messages === 'function') continue;
    throw new InputError(`merge: expected consumers, each an argument of its own, got ${show(given)}`);
  }
  return new Merged(consumers);
}
