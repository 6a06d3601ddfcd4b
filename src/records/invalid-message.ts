import type { CorruptRecordError } from '../base/errors.js';
import { Message } from './message.js';

const NO_BYTES = Buffer.alloc(0);

/** Stands in the place of records that are damaged: it has their first offset and the error, and nothing else. */
export class InvalidMessage extends Message {
  readonly #error: CorruptRecordError;

  constructor(topic: string, partition: number, offset: number, error: CorruptRecordError, origin: object | undefined) {
    super(topic, partition, offset, -1, 'none', -1, null, null, NO_BYTES, -1, origin);
    this.#error = error;
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
