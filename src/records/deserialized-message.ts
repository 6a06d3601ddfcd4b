import type { DeserializationError } from '../base/errors.js';
import type { HeaderList } from './headers.js';
import { Message, originOf, type Shared } from './message.js';

const nothing: Shared = { bytes: Buffer.alloc(0), magic: -1, attributes: -1 };

/** A message with what deserialisers have made of its key and value; all else is its source's. */
export class DeserializedMessage extends Message<unknown, unknown> {
  readonly #source: Message;
  readonly #error: DeserializationError | undefined;

  /** @param error Why a part could not be made; that part is null. */
  constructor(source: Message, key: unknown, value: unknown, error?: DeserializationError | undefined) {
    const { topic, partition, offset, timestamp, timestampType, leaderEpoch } = source;
    super(topic, partition, offset, timestamp, timestampType, leaderEpoch, key, value, nothing, -1, originOf(source));
    this.#source = source;
    this.#error = error;
  }

  override get magic(): number {
    return this.#source.magic;
  }

  override get attributes(): number {
    return this.#source.attributes;
  }

  override get keyBytes(): Buffer | null {
    return this.#source.key;
  }

  override get valueBytes(): Buffer | null {
    return this.#source.value;
  }

  override get valid(): boolean {
    return this.#error === undefined;
  }

  override get error(): DeserializationError | undefined {
    return this.#error;
  }

  override get headers(): HeaderList {
    return this.#source.headers;
  }

  /** Key and value are the same objects: only what they were made of is copied. */
  override detach(): DeserializedMessage {
    return new DeserializedMessage(this.#source.detach(), this.key, this.value, this.#error);
  }
}
