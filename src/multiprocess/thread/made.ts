import { Bell } from '../../base/wait.js';
import { DeserializedBatch } from '../../consumer/deserialized-batch.js';
import type { Deserializer } from '../../consumer/deserializers.js';
import type { Records } from '../../consumer/message-batch.js';
import type { AnyMessage, RecordBatch } from '../../records/index.js';

/** How a handler module makes keys and values. */
export interface ModuleDeserializers {
  readonly keyDeserializer: Deserializer<unknown> | undefined;
  readonly valueDeserializer: Deserializer<unknown> | undefined;
}

/** The messages of a batch, made as the handler module says; without deserialisers as they are. */
export class Made {
  readonly #batch: RecordBatch;
  readonly #deserialized: DeserializedBatch | undefined;
  readonly #ready = new Bell();

  /** @param isAlone One message is made at a time: something is wrong with one of them. */
  constructor(batch: RecordBatch, { keyDeserializer, valueDeserializer }: ModuleDeserializers, isAlone: boolean) {
    this.#batch = batch;
    if (keyDeserializer === undefined && valueDeserializer === undefined) return;
    this.#deserialized = new DeserializedBatch(batch, {
      ...{ keyDeserializer, valueDeserializer, onDeserializationError: 'throw' },
      ready: () => this.#ready.ring(),
      failed: () => {},
      ...(isAlone ? { mostAhead: 1 } : {}),
      turn: () => Promise.resolve(),
    });
  }

  /** Whether deserialisers have something to do. */
  get isMaking(): boolean {
    return this.#deserialized !== undefined && this.#deserialized.remaining > 0;
  }

  /** The next message, a promise where making it takes its time; undefined at the end. @throws DeserializationError for one that cannot be made. */
  next(): AnyMessage | undefined | Promise<AnyMessage | undefined> {
    if (this.#deserialized === undefined) return this.#batch.next();
    const message = this.#deserialized.next();
    return message === undefined && this.#deserialized.remaining > 0 ? this.#wait(batch => batch.next()) : message;
  }

  /** All that is left, up to what cannot be made. @throws DeserializationError for the first that cannot be made. */
  async rest(): Promise<Records | undefined> {
    if (this.#batch.remaining === 0 && !this.#deserialized?.remaining) return undefined;
    return this.#deserialized === undefined ? this.#batch : this.#wait(batch => batch.takeRest()?.records);
  }

  /** The next message as all that is left, as {@link rest}. */
  async one(): Promise<Records | undefined> {
    const message = await this.next();
    if (message === undefined) return undefined;
    const { topic, partition, offset, nextOffset } = message;
    return { topic, partition, count: 1, remaining: 1, nextOffset, offsetAt: () => offset, at: i => (i === 0 ? message : undefined) };
  }

  async #wait<T>(take: (batch: DeserializedBatch) => T | undefined): Promise<T | undefined> {
    const batch = this.#deserialized;
    if (batch === undefined) return undefined;
    for (;;) {
      batch.takeFailed(); // with the policy 'throw' it tells, or says that somebody waits
      const taken = take(batch);
      if (taken !== undefined || batch.remaining === 0) return taken;
      await this.#ready.wait();
    }
  }
}
