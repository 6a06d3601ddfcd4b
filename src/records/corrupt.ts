import { CorruptRecordError, KafkaError } from '../base/errors.js';
import type { RecordSource } from './layout.js';

/** The error for record data that contradicts itself: says where (topic, partition, first offset of the batch) and what is wrong. */
export function corrupt(source: RecordSource, offset: number, what: string, cause?: unknown): CorruptRecordError {
  const { topic, partition } = source;
  return new CorruptRecordError(`records of ${topic}/${partition} at offset ${offset}: ${what}`, {
    context: { topic, partition, offset },
    cause,
  });
}

/** The error for a batch whose records, with what it takes to tell them apart, pass the bound on decompressed bytes. */
export function tooManyRecords(
  { topic, partition }: RecordSource,
  offset: number,
  { count, bytes, indexBytes, maxBytes }: { count: number; bytes: number; indexBytes: number; maxBytes: number },
): KafkaError {
  return new KafkaError(
    'TIDE_TOO_LARGE',
    `records of ${topic}/${partition} at offset ${offset}: ${count} records of ${bytes} bytes, and ${indexBytes} bytes to tell them apart, are more than maxDecompressedBytes (${maxBytes})`,
    { context: { topic, partition, offset, maxDecompressedBytes: maxBytes } },
  );
}
