import { CorruptRecordError } from '../../base/errors.js';
import { AbortedFilter, damagedBatch, type Message, type RecordBatch, readBatches } from '../../records/index.js';
import { fromPlain } from '../plain-error.js';
import type { ShareOrder } from '../thread-messages.js';

/**
 * Gives, one by one, the batches of a share that have something for users at or above where it begins; undefined at the end.
 * @throws KafkaError `TIDE_CORRUPT`, `TIDE_TOO_LARGE`, `TIDE_UNSUPPORTED`, from what is given, for records that cannot be read.
 */
export function batchesOf(
  { topic, partition, records, aborted, from, damage }: ShareOrder,
  maxDecompressedBytes: number,
): () => RecordBatch | undefined {
  if (damage !== undefined) {
    const error = new CorruptRecordError(damage.error.message, { cause: fromPlain(damage.error) });
    const all = [damagedBatch({ topic, partition }, from, damage.nextOffset, error)];
    return () => all.shift();
  }
  const reader = readBatches(Buffer.from(records), { topic, partition, maxDecompressedBytes });
  const filter = new AbortedFilter(aborted);
  return () => {
    for (let batch = reader.next(); batch !== undefined; batch = reader.next()) {
      if (!filter.skips(batch) && batch.nextOffset > from) return batch;
    }
    return undefined;
  };
}

/** The message at `offset`; undefined when there is none. */
export function messageIn(batch: RecordBatch, offset: number): Message | undefined {
  for (const message of batch) if (message.offset === offset) return message;
  return undefined;
}

/** Where the cursor of a batch stands that has something left. */
export const cursorOf = (batch: RecordBatch): number => batch.offsetAt(batch.count - batch.remaining);
