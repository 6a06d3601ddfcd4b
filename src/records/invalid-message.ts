import type { CorruptRecordError } from '../base/errors.js';
import { Message, type Shared } from './message.js';

const nothing: Shared = { bytes: Buffer.alloc(0), magic: -1, attributes: -1 };

/** Stands in the place of records that are damaged: it has their first offset, where they end and the error, and nothing else. */
export class InvalidMessage extends Message {
  readonly #error: CorruptRecordError;
  readonly #nextOffset: number;

  constructor(topic: string, partition: number, offset: number, nextOffset: number, error: CorruptRecordError, origin: object | undefined) {
    super(topic, partition, offset, -1, 'none', -1, null, null, nothing, -1, origin);
    this.#nextOffset = nextOffset;
    this.#error = error;
  }

  override get nextOffset(): number {
    return this.#nextOffset;
  }

  override get valid(): boolean {
    return false;
  }

  override get error(): CorruptRecordError {
    return this.#error;
  }

  override detach(): Message {
    return this;
  }
}
