import { type KafkaError, UnsupportedError } from '../base/errors.js';
import { encodeBatch, readBatches, type SealOptions } from '../records/index.js';
import type { Batch } from './batch.js';

/** Why records cannot be sent to a broker, by their place in the batch. */
export type Refusals = ReadonlyMap<number, KafkaError>;

/**
 * A request was not sent, since some of its records are nothing for that broker; the others are.
 * Never seen by users: each of these records is refused with an error of its own, and the others are sent again.
 */
export class RefusedRecordsError extends UnsupportedError {
  readonly refused: ReadonlyMap<Batch, Refusals>;

  constructor(refused: ReadonlyMap<Batch, Refusals>) {
    super('some records of the request cannot be stored by this broker', { persistence: 'no' });
    this.refused = refused;
  }
}

/** The records of a sealed batch, whose bytes are these, as brokers older than 0.11 take them: a message set of format v1. */
export function asMessageSet(batch: Batch, bytes: Buffer, { level }: SealOptions): Buffer {
  const [sealed] = readBatches(bytes, { ...batch, maxDecompressedBytes: 2 ** 31 - 1 }); // it is our own
  return encodeBatch(sealed ?? [], { magic: 1, compression: sealed?.compression, level });
}

/** The records of a sealed batch that such a broker has no place for; undefined when there are none. */
export function refusedByOld(batch: Batch, bytes: Buffer, brokerId: number): Refusals | undefined {
  const refused = new Map<number, KafkaError>();
  const { topic, partition } = batch;
  const [sealed] = readBatches(bytes, { ...batch, maxDecompressedBytes: 2 ** 31 - 1 });
  let place = 0;
  for (const { headers } of sealed ?? []) {
    if (headers.length > 0) {
      const message =
        `produce ${topic}/${partition}: broker ${brokerId} is older than Kafka 0.11 and cannot store headers; ` +
        'send the record without them';
      refused.set(
        place,
        new UnsupportedError(message, { persistence: 'no', context: { topic, partition, brokerId, needs: 'Kafka 0.11' } }),
      );
    }
    place += 1;
  }
  return refused.size > 0 ? refused : undefined;
}
