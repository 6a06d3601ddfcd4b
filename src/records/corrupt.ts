import { CorruptRecordError } from '../base/errors.js';
import type { RecordSource } from './layout.js';

/** The error for record data that contradicts itself: says where (topic, partition, first offset of the batch) and what is wrong. */
export function corrupt(source: RecordSource, offset: number, what: string, cause?: unknown): CorruptRecordError {
  const { topic, partition } = source;
  return new CorruptRecordError(`records of ${topic}/${partition} at offset ${offset}: ${what}`, {
    context: { topic, partition, offset },
    cause,
  });
}
